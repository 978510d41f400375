"""Oracles: the ReplicaSet's ranking and the controller-manager's limit by hand (docs/facts/kubernetes.md §3, §5)."""

from __future__ import annotations

import pytest

from sim.control_plane.kubernetes.replica_set import age_rank
from sim.control_plane.trace import (
    PodCreated,
    PodDeleted,
    PodReady,
    ReplicaSetScaled,
    RolloutComplete,
    TargetDeregistered,
    TargetRegistered,
    Trace,
)
from sim.control_plane.world import run_control_plane
from sim.data_plane.outcomes import Outcome
from sim.experiment.replication import simulate
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario
from sim.streams import Stream, Streams

DAY_S = 86_400


def _scenario(replicas: int = 10, **changes: object) -> Scenario:
    base = Scenario.model_validate(
        {
            "name": "test",
            "traffic": {"arrival_rate_rps": 1},
            "deployment": {"replicas": replicas},
            "controller": {"version": "fixed_lag", "deregistration_lag_s": 1},
            "disruption": "scale_in",
        }
    )
    return base.with_overrides(changes)


def _trace(replicas: int = 10, replication: int = 0, **changes: object) -> Trace:
    return run_control_plane(_scenario(replicas, **changes), Streams(1, replication))


def _gone(trace: Trace) -> set[int]:
    return {record.pod for record in trace.of(PodDeleted)}


@pytest.mark.parametrize(("to_replicas", "gone"), [(7, 3), ("70%", 3), ("75%", 2), (1, 9), ("1%", 9), (9, 1)])
def test_as_many_are_deleted_as_are_too_many(to_replicas: object, gone: int) -> None:
    trace = _trace(scale_in={"to_replicas": to_replicas})
    assert len(_gone(trace)) == len(trace.of(TargetDeregistered)) == gone
    assert trace.of(PodCreated) == []
    assert trace.of(ReplicaSetScaled)[0].replicas == 10 - gone
    assert trace.of(RolloutComplete)[0].time_s == 0


def test_deletions_pass_the_controller_managers_client() -> None:
    """Each deletion takes two of 30 tokens and then of 20 per second: 15 at once, then 10 per second."""
    trace = _trace(40, scale_in={"to_replicas": 20})
    deleted_s = [record.time_s for record in trace.of(PodDeleted)]
    assert deleted_s == pytest.approx([0] * 15 + [0.05, 0.15, 0.25, 0.35, 0.45])
    assert trace.of(RolloutComplete)[0].time_s == deleted_s[-1]


def test_those_that_share_a_node_go_first() -> None:
    """Of 10 pods on 7 nodes those on the first three nodes have a sibling: 0 and 7, 1 and 8, 2 and 9."""
    scale_in = {"to_replicas": 4, "nodes": 7}
    for replication in range(5):
        assert _gone(_trace(replication=replication, scale_in=scale_in)) == {0, 1, 2, 7, 8, 9}


def test_without_anything_to_tell_them_apart_chance_decides() -> None:
    gone = [frozenset(_gone(_trace(replication=replication))) for replication in range(10)]
    assert len(set(gone)) > 1
    assert set().union(*gone) == set(range(10))


def test_younger_pods_go_first_up_to_a_power_of_two_of_their_age() -> None:
    """Ages of 1 or 40 days: the young ones go. Of 40 and 45 days (2^51.6 and 2^51.8 ns) chance decides."""
    ages = {"dist": "empirical", "values": [DAY_S, 40 * DAY_S, 45 * DAY_S]}
    spread = _ages(ages)
    young = {pod for pod, age_s in spread.items() if age_s == DAY_S}
    assert 0 < len(young) < 10
    assert _gone(_trace(scale_in={"to_replicas": 10 - len(young), "ready_for_s": ages})) == young
    old = {"dist": "empirical", "values": [40 * DAY_S, 45 * DAY_S]}
    middle_aged = {pod for pod, age_s in _ages(old).items() if age_s == 40 * DAY_S}
    by_chance = {"to_replicas": 10 - len(middle_aged), "ready_for_s": old}
    assert _gone(_trace(scale_in=by_chance)) != middle_aged
    assert _gone(_trace(scale_in=by_chance, **{"kubernetes.version": "v1.21"})) == middle_aged


@pytest.mark.parametrize(("version", "rank"), [("v1.21", 1.0), ("v1.22", 29), ("v1.23", 29)])
def test_from_v1_22_on_an_age_counts_by_its_power_of_two(version: str, rank: float) -> None:
    """One second is 1,000,000,000 ns, between 2^29 = 536,870,912 and 2^30 ns (KEP-2185)."""
    assert age_rank(1.0, version) == rank


def test_pods_that_are_ready_just_now_are_younger_than_all_others() -> None:
    ages = {"dist": "empirical", "values": [0, 1e-9]}
    young = {pod for pod, age_s in _ages(ages).items() if age_s == 0}
    assert 0 < len(young) < 10
    assert _gone(_trace(scale_in={"to_replicas": 10 - len(young), "ready_for_s": ages})) == young


def _ages(law: dict[str, object]) -> dict[int, float]:
    scenario = _scenario(scale_in={"to_replicas": 1, "ready_for_s": law})
    draws = Streams(1, 0).indexed(scenario.scale_in.ready_for_s, Stream.POD_AGE, 0)
    return {pod: draws[pod] for pod in range(10)}


@pytest.mark.parametrize("to_replicas", [0, 10, 11, "0%", "100%", "91%"])
def test_a_step_that_is_none_or_leaves_nobody_is_refused(to_replicas: object) -> None:
    with pytest.raises(ScenarioError, match=r"scale_in\.to_replicas: expected at least one pod and fewer than 10"):
        _scenario(scale_in={"to_replicas": to_replicas})


def test_more_than_one_sync_deletes() -> None:
    """Of 1,102 pods on 1,100 nodes two pairs share one: they go first, and then two syncs delete the others."""
    trace = _trace(
        1102, scale_in={"to_replicas": 500, "nodes": 1100}, kubernetes={"controller_manager_api_qps": 10_000}
    )
    order = [record.pod for record in trace.of(PodDeleted)]
    assert len(order) == 602
    assert set(order[:4]) == {0, 1, 1100, 1101}


@pytest.mark.parametrize(
    ("policies", "steps"),
    [
        ([], [(0, 4)]),
        ([{"type": "Percent", "value": 100, "period_s": 15}], [(0, 4)]),
        ([{"type": "Pods", "value": 4, "period_s": 60}], [(0, 16), (60, 12), (120, 8), (180, 4)]),
        ([{"type": "Percent", "value": 50, "period_s": 30}], [(0, 10), (30, 5), (60, 4)]),
        (
            [{"type": "Pods", "value": 3, "period_s": 15}, {"type": "Percent", "value": 10, "period_s": 15}],
            [(0, 17), (15, 14), (30, 11), (45, 8), (60, 5), (75, 4)],
        ),
    ],
)
def test_an_autoscaler_goes_down_as_its_policies_allow(policies: object, steps: list[tuple[float, int]]) -> None:
    """20 pods, 4 in the end; a step each 15 s, and within each period what the policies let go; the largest counts."""
    trace = _trace(20, scale_in={"to_replicas": 4, "policies": policies})
    assert [(record.time_s, record.replicas) for record in trace.of(ReplicaSetScaled)] == steps
    assert len(_gone(trace)) == 16


def test_the_smallest_policy_counts_with_min() -> None:
    policies = [{"type": "Pods", "value": 3, "period_s": 15}, {"type": "Percent", "value": 10, "period_s": 15}]
    spec = {"to_replicas": 15, "policies": policies, "select_policy": "Min"}
    trace = _trace(20, scale_in=spec)
    # 10 % of 20 is 2; of 18, 1.8: a fraction of a pod goes too
    assert [(record.time_s, record.replicas) for record in trace.of(ReplicaSetScaled)] == [(0, 18), (15, 16), (30, 15)]


def test_pods_that_are_not_ready_go_first_and_are_no_targets() -> None:
    """Of ten pods the last three are not Ready: all of them go, and of the Ready ones only the fourth to go."""
    trace = _trace(scale_in={"to_replicas": 6, "unready": 3, "nodes": 3})
    assert {7, 8, 9} < _gone(trace)
    assert len(_gone(trace)) == 4
    assert [record.pod for record in trace.of(TargetDeregistered)] == sorted(_gone(trace) - {7, 8, 9})


def test_a_scale_in_of_pods_that_are_not_ready_costs_no_request() -> None:
    """Nothing covers the lag of 1 s but that nobody is sent to what goes."""
    lost = [
        simulate(_scenario(scale_in={"to_replicas": 7, "unready": unready}, traffic={"arrival_rate_rps": 100}))
        for unready in (0, 3)
    ]
    assert lost[0].requests.n_status(502) > 100
    assert lost[1].requests.counts.sum() == lost[1].requests.counts[Outcome.OK]


def test_no_targets_are_left_where_nobody_is_ready() -> None:
    with pytest.raises(ScenarioError, match=r"scale_in\.unready: expected fewer than 10"):
        _scenario(scale_in={"to_replicas": 5, "unready": 10})


def test_the_cheaper_pods_go_first_from_v1_22_on() -> None:
    """Before siblings on the node count: of ten pods on nine nodes 0 and 9 share one, and both may be dear."""
    costs = {"dist": "empirical", "values": [1, 100]}
    law = _scenario(scale_in={"to_replicas": 1, "deletion_cost": costs}).scale_in.deletion_cost
    draws = Streams(1, 0).indexed(law, Stream.POD_DELETION_COST, 0)
    cheap = {pod for pod in range(10) if draws[pod] == 1}
    assert 0 < len(cheap) < 10
    scale_in = {"to_replicas": 10 - len(cheap), "deletion_cost": costs, "nodes": 9}
    assert _gone(_trace(scale_in=scale_in)) == cheap
    assert {0, 9} <= _gone(_trace(scale_in=scale_in, **{"kubernetes.version": "v1.21"}))


@pytest.mark.parametrize(
    ("called_for", "window_s", "policies", "steps"),
    [
        # Fewer from 0 s on. The sync at 285 s is the first whose window, (-15, 285], holds no call for all 20.
        ([(300, 4)], 300, [], [(285, 4)]),
        # As before, and then two at a time.
        ([(300, 16)], 300, [{"type": "Pods", "value": 6, "period_s": 15}], [(285, 16), (585, 10), (600, 4)]),
        # In 60 s no 20 since 45, no 12 since 105; up to 99 s is at seven syncs, the last at 90 s.
        ([(99, 12)], 60, [], [(45, 12), (150, 4)]),
        # A short peak of 18 at 30 and 45 s holds all back until it has left the window.
        ([(20, 4), (50, 18)], 60, [], [(45, 18), (105, 4)]),
        # Without a window each sync's own call counts.
        ([(14, 12), (16, 6)], 0, [], [(0, 12), (15, 6), (30, 4)]),
        # A sync is as old as the window after 4 of 15 s: as with 60. 61 holds one more.
        ([(99, 12)], 61, [], [(60, 12), (165, 4)]),
    ],
)
def test_an_autoscaler_wants_the_most_of_its_window(
    called_for: list[tuple[float, int]], window_s: float, policies: object, steps: list[tuple[float, int]]
) -> None:
    """A sync each 15 s from 0 s on, of 20 pods; before it, all were called for."""
    recommendations = [{"until_s": until_s, "replicas": replicas} for until_s, replicas in called_for]
    spec = {"to_replicas": 4, "recommendations": recommendations, "stabilization_window_s": window_s}
    trace = _trace(20, scale_in=spec | {"policies": policies})
    assert [(record.time_s, record.replicas) for record in trace.of(ReplicaSetScaled)] == steps


@pytest.mark.parametrize(
    ("policies", "steps"),
    [
        # Four more in 15 s or twice as many, whichever is more.
        (None, [(45, 4), (105, 2), (120, 6), (135, 12), (150, 16)]),
        ([], [(45, 4), (105, 2), (120, 16)]),
        (
            [{"type": "Pods", "value": 2, "period_s": 15}],
            [(45, 4), (105, 2), *((120 + 15 * i, 4 + 2 * i) for i in range(7))],
        ),
    ],
)
def test_an_autoscaler_that_went_too_far_comes_back_up(policies: object, steps: list[tuple[float, int]]) -> None:
    """At 105 s the window of 60 s has nothing but two; from the next sync on sixteen are called for."""
    recommendations = [{"until_s": 60, "replicas": 4}, {"until_s": 110, "replicas": 2}]
    spec = {"to_replicas": 16, "recommendations": recommendations, "stabilization_window_s": 60}
    trace = _trace(20, scale_in=spec | ({} if policies is None else {"up_policies": policies}))
    assert [(record.time_s, record.replicas) for record in trace.of(ReplicaSetScaled)] == steps
    assert {record.pod for record in trace.of(PodCreated)} == set(range(20, 34))
    assert {record.pod for record in trace.of(TargetRegistered)} == set(range(20, 34))
    assert trace.of(RolloutComplete)[0].time_s == max(record.time_s for record in trace.of(PodReady))


def test_a_step_down_after_one_up_is_refused() -> None:
    recommendations = [{"until_s": 60, "replicas": 5}, {"until_s": 90, "replicas": 8}]
    with pytest.raises(ScenarioError, match=r"expected no step down after one up \(got 5, 8\)"):
        _scenario(scale_in={"to_replicas": 3, "recommendations": recommendations, "stabilization_window_s": 30})
    _scenario(scale_in={"to_replicas": 3, "recommendations": recommendations, "stabilization_window_s": 100})


def test_times_that_do_not_ascend_are_refused() -> None:
    recommendations = [{"until_s": 60, "replicas": 5}, {"until_s": 60, "replicas": 4}]
    with pytest.raises(ScenarioError, match="until_s that is later each time"):
        _scenario(scale_in={"to_replicas": 3, "recommendations": recommendations})

"""Oracles: canaries by hand (docs/model.md, "Canary").

40 requests per second over 4 pods at one ALB node, with constant lags. A pod starts in 3 s. A rule is modified 7 s
after the Ingress, and taken over 6 s later. A target is registered after 5 s and deregistered after 20 + 10 s.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from sim.control_plane.kubernetes.way_back import WayBack
from sim.control_plane.trace import (
    EndpointAdded,
    EndpointRemoved,
    PodCreated,
    PodDeleted,
    PodDeselected,
    PodReady,
    TargetDeregistered,
    TargetRegistered,
)
from sim.control_plane.trace.calls import ApiAttempt
from sim.control_plane.trace.traffic import RuleModified, RuleTaken, WeightSet
from sim.data_plane.outcomes import Outcome
from sim.experiment.recommend import least_sleep_s
from sim.experiment.replication import Replication, simulate
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario
from sim.streams import Stream, Streams

BASE: dict[str, Any] = {
    "name": "by-hand",
    "replications": 2,
    "traffic": {"arrival_rate_rps": 40, "service_time_s": 0.1, "arrivals": "even"},
    "deployment": {"replicas": 4, "sync_latency_s": 0},
    "pod": {"startup_s": 3, "pre_stop_sleep_s": 2, "sandbox_teardown_s": 60, "on_sigterm": "drain"},
    "endpoints": {"propagation_s": 0},
    "controller": {"version": "fixed_lag", "deregistration_lag_s": 20, "registration_lag_s": 5, "rule_lag_s": 7},
    "target_group": {"alb_nodes": 1, "propagation_s": 10, "rule_propagation_s": 6, "health_check": None},
    "disruption": "canary",
    "canary": {"steps": [{"weight": 50, "pause_s": 20}], "ping_pong": True, "scale_down_delay_s": 5},
}


def _scenario(**changes: object) -> Scenario:
    return Scenario.model_validate(BASE).with_overrides(changes)


def _run(**changes: object) -> Replication:
    return simulate(_scenario(**changes), estimator="expected")


def _refused(**changes: object) -> float:
    return float(_run(**changes).estimate.counts[Outcome.CONNECT_REFUSED])


def _weights(kind: type[Any], replication: Replication) -> list[tuple[float, int]]:
    return [(record.time_s, record.weight) for record in replication.trace.of(kind)]


def test_a_step_waits_for_its_pods_and_then_pauses() -> None:
    """Half of the pods are there at 3 s; all of them 20 + 3 s later."""
    canary = _run()
    assert _weights(WeightSet, canary) == [(3, 50), (26, 100)]
    assert _weights(RuleModified, canary) == [(10, 50), (33, 100)]
    assert _weights(RuleTaken, canary) == [(16, 50), (39, 100)]
    assert [record.time_s for record in canary.trace.of(TargetRegistered)] == [8, 8, 31, 31]
    assert {record.time_s for record in canary.trace.of(PodDeleted)} == {31}
    assert {record.time_s for record in canary.trace.of(TargetDeregistered)} == {51}


def test_against_502s_the_delay_and_the_sleep_outlast_the_rule_together() -> None:
    """The rule is taken over 7 + 6 s after the Ingress, half of the requests come until then, 20 a second."""
    assert _refused() == pytest.approx(20 * (13 - 7))
    assert _refused(**{"canary.scale_down_delay_s": 11}) == pytest.approx(0)
    assert least_sleep_s(_scenario()) == 13 - 5
    assert least_sleep_s(_scenario(**{"canary.scale_down_delay_s": 13})) == 0


def test_a_sleep_in_the_delay_s_place_leaves_nobody_to_send_to() -> None:
    """The old pods are deleted at 26 s, sleep for long, and are deregistered 1 + 2 s later. The rule is there at 39 s:
    for ten seconds half of the requests find nobody. A delay of ten seconds covers what the deregistration does not.
    """
    soon = {"controller.deregistration_lag_s": 1, "target_group.propagation_s": 2, "pod.pre_stop_sleep_s": 20}
    asleep = _run(**soon, **{"canary.scale_down_delay_s": 0}).estimate.counts
    assert asleep[Outcome.NO_REGISTERED_TARGETS] == pytest.approx(20 * (39 - 29))
    assert asleep[Outcome.CONNECT_REFUSED] == pytest.approx(0)
    delayed = _run(**soon, **{"canary.scale_down_delay_s": 10}).estimate.counts
    assert delayed[Outcome.OK] == pytest.approx(delayed.sum())


def test_with_the_listener_s_rule_alone_all_requests_move_at_once() -> None:
    switch = {"canary.steps": [], "canary.scale_down_delay_s": 0}
    canary = _run(**switch)
    assert _weights(RuleTaken, canary) == [(16, 100)]
    assert _refused(**switch) == pytest.approx(40 * (13 - 2))


def test_without_ping_pong_the_old_targets_stay_in_the_rule_until_they_are_deregistered() -> None:
    """After the promotion the stable target group has all requests again, old and new pods in it, half of them each.

    The rule goes back to it when it is taken over at 39 s; until then it had half of the requests. The old pods refuse
    from 33 s on, and leave at 26 + 20 + 10 s.
    """
    canary = _run(**{"canary.ping_pong": False})
    assert _weights(WeightSet, canary) == [(3, 50), (26, 100), (26, 0)]
    assert {record.time_s for record in canary.trace.of(TargetDeregistered)} == {46}
    refused = float(canary.estimate.counts[Outcome.CONNECT_REFUSED])
    assert refused == pytest.approx(10 * (39 - 33) + 20 * (56 - 39))


def test_verification_sees_the_api_and_not_the_nodes() -> None:
    """Argo looks 0, 10 and 20 s after the Ingress. The rule is modified after 7 s, so each step takes 10 s longer."""
    canary = _run(**{"canary.verifies": True})
    assert _weights(WeightSet, canary) == [(3, 50), (36, 100)]
    assert {record.time_s for record in canary.trace.of(PodDeleted)} == {36 + 10 + 5}
    assert _refused(**{"canary.verifies": True, "canary.scale_down_delay_s": 0}) == pytest.approx(20 * (13 - 12))


def test_verification_waits_for_the_stable_target_group() -> None:
    lag = {"canary.verifies": True, "canary.ping_pong": False, "controller.registration_lag_s": 12}
    canary = _run(**lag)
    promoted_s = 36 + 10
    assert _weights(WeightSet, canary)[-1] == (promoted_s, 0)
    assert {record.time_s for record in canary.trace.of(PodDeleted)} == {promoted_s + 20 + 5}


def test_old_pods_that_go_with_their_weight_do_not_wait_for_it() -> None:
    """Two of four go at 3 s, and refuse from 5 s on. The ALB sends them half of its requests until they leave.

    The rule takes half of the requests away at 16 s, and the two are deregistered at 3 + 20 + 10 s. The others go at
    26 s, and refuse from 28 s on: they are half of the four that are registered until 33 s, and then all.
    """
    steps = [{"weight": 50, "pause_s": 20}]
    base = {**BASE, "canary": {"steps": steps, "ping_pong": True, "dynamic_stable_scale": True}}
    canary = simulate(Scenario.model_validate(base), estimator="expected")
    assert sorted(record.time_s for record in canary.trace.of(PodDeleted)) == [3, 3, 26, 26]
    first = 20 * (16 - 5) + 10 * (28 - 16)
    both = 20 * (39 - 28)
    assert float(canary.estimate.counts[Outcome.CONNECT_REFUSED]) == pytest.approx(first + both)


def test_an_abort_takes_the_weight_back_and_deletes_the_new_pods_after_its_own_delay() -> None:
    """The weight is 0 from 23 s on, and in force 7 + 6 s later; the two new pods refuse 5 + 2 s after the abort."""
    abort = {"canary.abort_after_step": 1, "canary.abort_scale_down_delay_s": 5}
    canary = _run(**abort)
    assert _weights(WeightSet, canary) == [(3, 50), (23, 0)]
    assert sorted((record.time_s, record.pod) for record in canary.trace.of(PodDeleted)) == [(28, 4), (28, 5)]
    assert _refused(**abort) == pytest.approx(20 * (13 - 7))
    assert _refused(**abort | {"canary.abort_scale_down_delay_s": 11}) == pytest.approx(0)


def test_an_abort_without_ping_pong_swaps_the_targets_of_the_canary_too() -> None:
    """The weight is 0 from 23 s on, and in force at 36 s. At 28 s the four old pods join the canary's target group.

    The two new ones are deleted at 28 s and refuse from 30 s on; they stay in it until 23 + 20 + 10 s. So two of six
    targets refuse, to which half of the requests go.
    """
    abort = {"canary.ping_pong": False, "canary.abort_after_step": 1, "canary.abort_scale_down_delay_s": 5}
    canary = _run(**abort)
    assert _weights(WeightSet, canary) == [(3, 50), (23, 0)]
    joined = [(record.time_s, record.pod, record.target_group) for record in canary.trace.of(TargetRegistered)]
    assert joined[2:] == [(28, pod, 1) for pod in range(4)]
    assert [(record.time_s, record.pod) for record in canary.trace.of(TargetDeregistered)] == [(43, 4), (43, 5)]
    assert _refused(**abort) == pytest.approx(20 * 2 / 6 * (36 - 30))


def test_an_abort_without_ping_pong_may_leave_the_canary_s_target_group_empty() -> None:
    """The new pods leave it at 23 + 1 + 10 s, and the old ones join it at 35 s; half of the requests find nobody."""
    lags = {"controller.deregistration_lag_s": 1, "controller.registration_lag_s": 12}
    abort = {"canary.ping_pong": False, "canary.abort_after_step": 1, "canary.abort_scale_down_delay_s": 20}
    counts = _run(**lags, **abort).estimate.counts
    assert counts[Outcome.NO_REGISTERED_TARGETS] == pytest.approx(20 * 1)
    assert counts[Outcome.CONNECT_REFUSED] == pytest.approx(0)


@pytest.mark.parametrize(("version", "gate"), [("v1.1.5", False), ("v1.1.9", True), ("v2.8.2", True), ("v3.4", False)])
def test_an_abort_without_ping_pong_ends_with_every_controller(version: str, *, gate: bool) -> None:
    lags = {"version": version, "deregistration_lag_s": None, "registration_lag_s": None, "rule_lag_s": None}
    base = {**BASE, "controller": lags, "canary": BASE["canary"] | {"ping_pong": False, "abort_after_step": 1}}
    canary = simulate(Scenario.model_validate(base).with_overrides({"pod.readiness_gate": gate}))
    old = {record.pod for record in canary.trace.of(TargetRegistered) if record.target_group == 1 and record.pod < 4}
    assert old == {0, 1, 2, 3}
    assert {record.pod for record in canary.trace.of(TargetDeregistered)} == {4, 5}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"canary.abort_after_step": 2}, r"abort_after_step: expected at most 1, the number of steps \(got 2\)"),
        ({"canary.dynamic_stable_scale": True}, "Argo refuses it"),
    ],
)
def test_what_argo_refuses_or_is_not_simulated_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        _scenario(**changes)


@pytest.mark.parametrize(("registration_s", "deregistration_s", "registered_s"), [(10, 20, [13, 13]), (10, 2, [])])
def test_a_new_pod_whose_target_would_go_before_it_came_is_no_target(
    registration_s: int, deregistration_s: int, registered_s: list[int]
) -> None:
    """The new pods are Ready at 3 s, and deleted 5 + 1 s later: their targets would come at 13 s."""
    lags = {"controller.registration_lag_s": registration_s, "controller.deregistration_lag_s": deregistration_s}
    steps = {"canary.steps": [{"weight": 50, "pause_s": 5}], "canary.abort_after_step": 1}
    canary = _run(**lags, **steps, **{"canary.abort_scale_down_delay_s": 1})
    assert [record.time_s for record in canary.trace.of(PodDeleted)] == [9, 9]
    assert [record.time_s for record in canary.trace.of(TargetRegistered)] == registered_s
    assert [record.time_s for record in canary.trace.of(TargetDeregistered)] == [29] * len(registered_s)


def test_an_endpoint_that_would_go_before_it_came_never_comes() -> None:
    """A pod joins after one draw from its readiness, and leaves after another one from its deletion."""
    law = {"dist": "uniform", "low": 0, "high": 40}
    steps = {"canary.steps": [{"weight": 100, "pause_s": 5}], "canary.abort_after_step": 1}
    scenario = _scenario(
        **steps, **{"endpoints.propagation_s": law, "canary.abort_scale_down_delay_s": 1, "deployment.replicas": 20}
    )
    trace = simulate(scenario, estimator="expected").trace
    joins_s, leaves_s = (
        Streams(scenario.seed, 0).indexed(scenario.endpoints.propagation_s, stream, 1)
        for stream in (Stream.ENDPOINT_ADDITION, Stream.ENDPOINT_REMOVAL)
    )
    kinds = (PodReady, PodDeleted, EndpointAdded, EndpointRemoved)
    ready_s, deleted_s, added_s, removed_s = ({one.pod: one.time_s for one in trace.of(kind)} for kind in kinds)
    wanted = {pod: (ready_s[pod] + joins_s[pod - 20], deleted_s[pod] + leaves_s[pod - 20]) for pod in ready_s}
    assert {pod: (added_s[pod], removed_s[pod]) for pod in added_s} == {
        pod: times_s for pod, times_s in wanted.items() if times_s[0] < times_s[1]
    }
    assert 3 < len(added_s) < 17
    assert added_s.keys() == removed_s.keys()


BACK = {
    "deployment.replicas": 10,
    "canary": {
        "steps": [{"weight": weight, "pause_s": 10} for weight in (20, 50, 80)],
        "ping_pong": True,
        "dynamic_stable_scale": True,
        "abort_after_step": 3,
    },
}


def test_an_abort_brings_the_old_pods_back_step_by_step() -> None:
    """At 39 s there are two of ten old pods, and eight new ones. Three come back, and at 42 s half of the requests are
    theirs: three new ones go. Then three more, until 45 s. The last two are followed by the weight one by one.
    """
    canary = _run(**BACK)
    weights = [(3, 20), (16, 50), (29, 80), (42, 50), (45, 20), (48, 10), (48, 0)]
    assert _weights(WeightSet, canary) == weights
    created = Counter(record.time_s for record in canary.trace.of(PodCreated))
    assert created == {0: 2, 13: 3, 26: 3, 39: 3, 42: 3, 45: 2}
    deleted = Counter((record.time_s, record.pod >= 10) for record in canary.trace.of(PodDeleted))
    assert deleted == {(3, False): 2, (16, False): 3, (29, False): 3, (42, True): 3, (45, True): 3, (48, True): 2}
    back = {record.pod for record in canary.trace.of(TargetRegistered) if record.pod >= 18}
    assert back == set(range(18, 26))


def test_an_abort_with_a_delay_of_its_own_keeps_the_new_pods_until_all_old_ones_are_back() -> None:
    """With five old pods at 42 s the next step is 20 % already, for which there are not enough: the weight waits."""
    canary = _run(**BACK, **{"canary.abort_scale_down_delay_s": 5})
    assert _weights(WeightSet, canary)[3:] == [(45, 20), (48, 10), (48, 0)]
    assert {record.time_s for record in canary.trace.of(PodDeleted) if record.pod >= 10} == {48 + 5}


def test_the_canary_s_service_turns_back_with_the_last_weight() -> None:
    """The eight old pods that came back and the two that stayed join it 5 s later."""
    canary = _run(**BACK, **{"canary.ping_pong": False})
    joined = [record for record in canary.trace.of(TargetRegistered) if record.target_group == 1 and record.time_s > 40]
    assert {record.time_s for record in joined} == {48 + 5}
    assert len(joined) == 10
    assert {record.time_s for record in canary.trace.of(PodDeselected)} == {48}


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ((80, 2, 8), (80, 5, 8)),  # 50 % is next: five old pods are wanted first
        ((80, 4, 8), (80, 5, 8)),
        ((80, 5, 8), (50, 5, 5)),
        ((50, 5, 5), (50, 8, 5)),
        ((50, 8, 5), (20, 8, 2)),
        ((20, 8, 2), (20, 10, 2)),
        ((20, 9, 2), (10, 10, 1)),
        ((10, 10, 1), (0, 10, 0)),
        ((20, 10, 2), (0, 10, 0)),
        ((80, 10, 8), (50, 5, 5)),  # the old pods have not gone yet: then they do
    ],
)
def test_what_a_sync_on_the_way_back_asks_for(found: tuple[int, int, int], wanted: tuple[int, int, int]) -> None:
    """By hand from Argo's source, of ten pods and the steps 20, 50 and 80 %."""
    weight, old, new = found
    asked = WayBack(10, (20, 50, 80), new_stay=False).sync(weight, old=old, new=new)
    assert (asked.weight, asked.old, asked.new) == wanted


@pytest.mark.parametrize("version", ["v1.1.5", "v2.8.2", "v3.4"])
def test_the_controller_modifies_the_rule_of_each_listener(version: str) -> None:
    lags = {"version": version, "deregistration_lag_s": None, "registration_lag_s": None, "rule_lag_s": None}
    canary = simulate(Scenario.model_validate({**BASE, "controller": lags}))
    calls = [call.time_s for call in canary.trace.of(ApiAttempt) if call.action == "elasticloadbalancing:ModifyRule"]
    assert len(calls) == 2 * 2, "an HTTP and an HTTPS listener, two weights"
    assert [weight for _, weight in _weights(RuleModified, canary)] == [50, 100]


def test_controllers_without_weights_are_refused() -> None:
    with pytest.raises(ScenarioError, match=r"v1\.1\.4 does not know.*v1\.1\.5 brought them"):
        Scenario.model_validate(
            {"name": "old", "traffic": {"arrival_rate_rps": 1}, "deployment": {"replicas": 2}}
        ).with_overrides({"controller.version": "v1.1.4", "disruption": "canary"})

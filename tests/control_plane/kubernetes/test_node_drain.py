"""Oracles: the budget's arithmetic (K8s disruption.go), the retries of kubectl and Karpenter, and waves by hand."""

from __future__ import annotations

import math
from collections import Counter
from itertools import accumulate, pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sim.control_plane.trace import (
    EvictionRefused,
    PodCreated,
    PodDeleted,
    PodGone,
    PodReady,
    RolloutComplete,
    TargetDeregistered,
    Trace,
)
from sim.control_plane.trace.calls import Reconciled
from sim.control_plane.world import run_control_plane
from sim.scenario.node_drain import NodeDrainSpec
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario
from sim.streams import Streams

STARTUP_S = 12
BUDGETS = st.sampled_from(["min_available", "max_unavailable"])
PODS = st.integers(0, 12) | st.integers(0, 100).map(lambda percent: f"{percent}%")


def _trace(drain: dict[str, object], replicas: int = 12, startup_s: object = STARTUP_S, **pod: object) -> Trace:
    scenario = Scenario.model_validate(
        {
            "name": "test",
            "traffic": {"arrival_rate_rps": 1},
            "deployment": {"replicas": replicas},
            "pod": {"startup_s": startup_s, **pod},
            "controller": {"version": "fixed_lag", "deregistration_lag_s": 1},
            "disruption": "node_drain",
            "node_drain": drain,
        }
    )
    return run_control_plane(scenario, Streams(scenario.seed, 0))


@given(
    replicas=st.integers(1, 12),
    nodes=st.integers(1, 4),
    pods_per_node=st.integers(1, 6),
    at_once=st.integers(1, 4),
    by=st.sampled_from(["kubectl", "karpenter"]),
    limit=BUDGETS,
    pods=PODS,
    startup_s=st.sampled_from([0, 0.01, 5, {"dist": "uniform", "low": 0, "high": 20}]),
    latency_s=st.sampled_from([0, 0.1, 7]),
)
def test_there_are_never_fewer_healthy_pods_than_the_budget_wants(
    replicas: int,
    nodes: int,
    pods_per_node: int,
    at_once: int,
    by: str,
    limit: str,
    pods: int | str,
    startup_s: object,
    latency_s: float,
) -> None:
    least = _desired(limit, pods, replicas)
    assume(nodes * pods_per_node <= replicas)
    assume(least < replicas)
    drain = {
        "nodes": nodes,
        "pods_per_node": pods_per_node,
        "nodes_at_once": at_once,
        "drained_by": by,
        limit: pods,
        "pdb_sync_latency_s": latency_s,
    }
    trace = _trace(drain, replicas, startup_s)
    evicted, ready = trace.of(PodDeleted), trace.of(PodReady)
    changes = sorted([(r.time_s, 1) for r in ready] + [(r.time_s, -1) for r in evicted])
    assert min(accumulate((change for _, change in changes), initial=replicas)) >= least
    assert sorted(record.pod for record in evicted) == list(range(nodes * pods_per_node))
    assert len(trace.of(PodCreated)) == len(ready) == len(evicted)
    assert len(trace.of(TargetDeregistered)) == len(evicted)
    assert trace.of(RolloutComplete)[0].time_s == max(record.time_s for record in ready)


def _desired(limit: str, pods: int | str, replicas: int) -> int:
    """Return how many pods a budget keeps.

    Limits round up: a percentage of minAvailable keeps more, one of maxUnavailable takes more.
    """
    n = pods if isinstance(pods, int) else math.ceil(replicas * int(pods[:-1]) / 100)
    return n if limit == "min_available" else max(0, replicas - n)


@given(limit=BUDGETS, pods=PODS, replicas=st.integers(1, 40))
def test_what_the_budget_wants(limit: str, pods: int | str, replicas: int) -> None:
    spec = NodeDrainSpec.model_validate({limit: pods})
    assert spec.desired_healthy(replicas) == _desired(limit, pods, replicas)


def test_kubectl_asks_again_every_five_seconds() -> None:
    """Of 5 pods 2 may go at once; a replacement counts after 12.1 s, so the next two go at the third retry, at 15 s."""
    trace = _trace({"pods_per_node": 5, "max_unavailable": 2})
    assert [(r.pod, r.time_s) for r in trace.of(PodDeleted)] == [(0, 0), (1, 0), (2, 15), (3, 15), (4, 30)]
    assert [r.time_s for r in trace.of(PodCreated)] == [0, 0, 15, 15, 30]
    assert Counter(r.time_s for r in trace.of(EvictionRefused)) == {0: 3, 5: 3, 10: 3, 15: 1, 20: 1, 25: 1}
    assert trace.of(RolloutComplete)[0].time_s == 30 + STARTUP_S


def test_karpenter_asks_again_after_twice_the_wait_each_time_at_most_ten_seconds() -> None:
    trace = _trace({"pods_per_node": 2, "max_unavailable": 1, "drained_by": "karpenter"}, startup_s=40)
    asked_s = [r.time_s for r in trace.of(EvictionRefused)]
    waits_s = [later - earlier for earlier, later in pairwise(asked_s)]
    assert waits_s == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10])
    assert trace.of(PodDeleted)[1].time_s == pytest.approx(12.7 + 10 + 10 + 10)


def test_without_a_budget_all_pods_of_a_node_go_at_once() -> None:
    trace = _trace({"pods_per_node": 10})
    assert [r.time_s for r in trace.of(PodDeleted)] == [0] * 10
    assert trace.of(EvictionRefused) == []


def test_the_next_node_is_drained_when_the_pods_of_one_are_seen_gone() -> None:
    """preStop 7.3 s, SIGTERM, a second until the sandbox is gone: 8.3 s, which a poll each second sees at 9 s."""
    trace = _trace({"nodes": 3, "pods_per_node": 2}, pre_stop_sleep_s=7.3)
    assert [r.time_s for r in trace.of(PodDeleted)] == [0, 0, 9, 9, 18, 18]


def test_two_nodes_at_once_are_two_queues() -> None:
    trace = _trace({"nodes": 4, "pods_per_node": 2, "nodes_at_once": 2}, pre_stop_sleep_s=7.3)
    assert [r.time_s for r in trace.of(PodDeleted)] == [0] * 4 + [9] * 4


def test_replacements_pass_the_controller_managers_client() -> None:
    """Each creation takes two of 30 tokens and then of 20 per second: 15 at once, then 10 per second."""
    created_s = [r.time_s for r in _trace({"pods_per_node": 20}, replicas=20).of(PodCreated)]
    assert created_s[:15] == [0] * 15
    assert created_s[15:] == pytest.approx([0.05, 0.15, 0.25, 0.35, 0.45])


@pytest.mark.parametrize(
    ("drain", "message"),
    [
        ({"max_unavailable": 0}, r"node_drain.max_unavailable: expected a PodDisruptionBudget that allows"),
        ({"max_unavailable": "0%"}, r"allows a disruption of 12 replicas \(got '0%'\)"),
        ({"min_available": 12}, r"node_drain.min_available: expected .* no pod is ever evicted"),
        ({"min_available": "92%"}, r"node_drain.min_available"),
        ({"min_available": 1, "max_unavailable": 1}, r"node_drain.max_unavailable: expected null with min_available"),
        ({"nodes": 5, "pods_per_node": 3}, r"expected at most 12 pods on all drained nodes"),
    ],
)
def test_a_drain_that_cannot_be_is_refused(drain: dict[str, object], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        _scenario_with(drain)


def test_the_next_node_waits_for_pods_that_drain() -> None:
    """A pod is gone a second after its last request, which a poll each second sees."""
    trace = _trace({"nodes": 2, "pods_per_node": 2}, on_sigterm="drain", pre_stop_sleep_s=3.5)
    gone = {record.pod: record.time_s for record in trace.of(PodGone)}
    evicted = {record.pod: record.time_s for record in trace.of(PodDeleted)}
    assert all(3.5 + 1 <= gone[pod] - evicted[pod] <= 30.5 + 1 for pod in range(4))
    assert evicted[2] == evicted[3] == math.ceil(max(gone[0], gone[1]))


def test_kubectl_gives_up_a_node_and_turns_to_the_next() -> None:
    """One pod may go at once and counts as replaced 12.1 s later; at 15 s kubectl asks no more for the other two."""
    trace = _trace({"nodes": 2, "pods_per_node": 3, "max_unavailable": 1, "timeout_s": 15}, pre_stop_sleep_s=20)
    assert [(r.pod, r.time_s) for r in trace.of(PodDeleted)] == [(0, 0), (3, 15)]
    assert Counter(r.time_s for r in trace.of(EvictionRefused)) == {0: 2, 5: 2, 10: 2, 15: 2, 20: 2, 25: 2}
    assert trace.of(RolloutComplete)[0].time_s == 30
    assert sorted(r.pod for r in trace.of(TargetDeregistered)) == [0, 3]


def test_kubectl_waits_for_evicted_pods_no_longer_than_its_timeout() -> None:
    trace = _trace({"nodes": 2, "pods_per_node": 2, "timeout_s": 4.5}, pre_stop_sleep_s=20)
    assert [r.time_s for r in trace.of(PodDeleted)] == [0, 0, 4.5, 4.5]


def test_karpenter_deletes_a_grace_period_before_the_end_whatever_the_budget() -> None:
    drain = {"nodes": 1, "pods_per_node": 4, "max_unavailable": 1, "timeout_s": 35, "drained_by": "karpenter"}
    trace = _trace(drain, startup_s=60, termination_grace_period_s=25)
    assert [(r.pod, r.time_s) for r in trace.of(PodDeleted)] == [(0, 0), (1, 10), (2, 10), (3, 10)]


def test_karpenter_does_not_cut_grace_periods_short() -> None:
    drain = {"timeout_s": 29, "drained_by": "karpenter"}
    with pytest.raises(ScenarioError, match=r"node_drain\.timeout_s: expected at least 30, .* \(got 29\.?0?\)"):
        _scenario_with(drain)
    _scenario_with(drain | {"drained_by": "kubectl"})


def _scenario_with(drain: dict[str, object], **pod: object) -> Scenario:
    base = Scenario.model_validate(
        {"name": "test", "traffic": {"arrival_rate_rps": 1}, "deployment": {"replicas": 12}, "pod": pod}
    )
    return base.with_overrides({"disruption": "node_drain", "node_drain": drain})


@pytest.mark.parametrize(
    ("version", "disruption", "ingresses"),
    [
        ("v1.1.6", "node_drain", {0, 1, 2}),
        ("v1.1.9", "node_drain", {0, 1, 2}),
        ("v1.1.9", "rollout", {0}),
        ("v2.8", "node_drain", {0}),
    ],
)
def test_the_cordon_makes_v1_reconcile_every_ingress(version: str, disruption: str, ingresses: set[int]) -> None:
    """docs/facts/controller.md §3, "Triggers": from v1.1.6 on a node's suitability, in ip mode too."""
    controller = {"version": version, "ingresses": 3, "sync_period_s": 0}
    scenario = _scenario_with({}).with_overrides({"disruption": disruption, "controller": controller})
    trace = run_control_plane(scenario, Streams(1, 0))
    assert {record.ingress for record in trace.of(Reconciled)} == ingresses


@pytest.mark.parametrize(("drained_by", "deleted_s"), [("kubectl", []), ("karpenter", [90 - 30] * 2)])
def test_a_budget_that_blocks_a_drain_is_advised_on(drained_by: str, deleted_s: list[float]) -> None:
    """kubectl gives both pods up; Karpenter deletes them one grace period of 30 s before its 90 s are over."""
    spec = {"nodes": 1, "pods_per_node": 2, "max_unavailable": 0, "timeout_s": 90, "drained_by": drained_by}
    scenario = _scenario_with(spec).with_overrides({"pod.termination_grace_period_s": 30})
    assert any("blocks the drain" in one.message for one in scenario.node_drain.unwise(scenario.deployment))
    trace = run_control_plane(scenario, Streams(1, 0))
    assert [deleted.time_s for deleted in trace.of(PodDeleted)] == deleted_s


def test_some_target_must_be_left() -> None:
    with pytest.raises(ScenarioError, match=r"fewer than 2, target_group\.instances"):
        _scenario_with({"nodes": 2}).with_overrides(
            {"target_group.target_type": "instance", "target_group.instances": 2}
        )

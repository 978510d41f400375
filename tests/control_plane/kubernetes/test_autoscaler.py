"""Oracles: the stages of docs/facts/capacity.md §3, added up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.control_plane.trace import PodReady, RolloutComplete, Trace
from sim.control_plane.trace.nodes import LaunchFailed, NodeAdded, NodesRequested, PodScheduled, RolloutStalled
from sim.control_plane.world import run_control_plane
from sim.scenario.distributions import Uniform
from sim.scenario.specs import Scenario
from sim.streams import Stream, Streams

FIXED: dict[str, Any] = {
    "launch_to_ready_s": 50, "decision_s": 3, "asg_lag_s": 15, "fleet_s": 2.5, "image_pull_s": 7,
}  # fmt: skip


def _scenario(replicas: int = 6, **others: Any) -> Scenario:
    """Make a cluster of two nodes with three places each, all taken by default, so that a surge needs more."""
    nodes = {"instance_type": "c5.large", "count": 2, "zones": 2, "pod_cpu_m": 600, "daemonset_cpu_m": 0}
    return Scenario.model_validate(
        {
            "name": "test",
            "traffic": {"arrival_rate_rps": 10},
            "deployment": {"replicas": replicas, "max_surge": 2, "max_unavailable": 0},
            "pod": {"startup_s": 12},
            "controller": {"version": "fixed_lag", "deregistration_lag_s": 1},
            "nodes": nodes,
        }
    ).with_overrides({key.replace("__", "."): value for key, value in others.items()})


def _trace(scenario: Scenario, replication: int = 0) -> Trace:
    return run_control_plane(scenario, Streams(scenario.seed, replication))


def test_karpenter_adds_its_stages_up() -> None:
    """Both pods come at 0 s: a batch ends 1 s later, the fleet takes 2.5 s, the node 50 s; both are bound at once."""
    trace = _trace(_scenario(autoscaler={"kind": "karpenter"} | FIXED))
    assert trace.of(NodesRequested)[0] == NodesRequested(3.5, 1)
    assert trace.of(NodeAdded)[0].time_s == 53.5
    bound_s = [scheduled.time_s for scheduled in trace.of(PodScheduled) if scheduled.pod in (6, 7)]
    assert bound_s == [53.5, 53.5]
    assert trace.of(PodReady)[0].time_s == 53.5 + 7 + 12
    assert trace.of(RolloutComplete)


def test_cluster_autoscaler_adds_its_stages_up() -> None:
    """A look within 10 s, then 3 s to decide, 15 s until the group launches, 50 s until the node is Ready."""
    trace = _trace(_scenario(autoscaler={"kind": "cluster_autoscaler"} | FIXED))
    asked_s = trace.of(NodesRequested)[0].time_s
    assert 3 <= asked_s <= 13
    assert trace.of(NodeAdded)[0].time_s == pytest.approx(asked_s + 65)


def test_a_look_of_cluster_autoscaler_that_is_due_at_once_is_not_put_off() -> None:
    """The pods wait from 0 s on. Of 40 first looks, spread over 10 s, the earliest comes within the first second."""
    scenario = _scenario(autoscaler={"kind": "cluster_autoscaler"} | FIXED)
    looks = Uniform(dist="uniform", low=0, high=10)
    look_s = {k: Streams(scenario.seed, k).indexed(looks, Stream.AUTOSCALER_SCAN)[0] for k in range(40)}
    earliest = min(look_s, key=look_s.__getitem__)
    assert look_s[earliest] < 1
    assert _trace(scenario, earliest).of(NodesRequested)[0].time_s == pytest.approx(look_s[earliest] + 3)


@pytest.mark.parametrize(
    ("kind", "median", "p95"), [("cluster_autoscaler", (65, 85), (105, 155)), ("karpenter", (50, 65), (85, 110))]
)
def test_the_priors_give_the_facts_medians(kind: str, median: tuple[int, int], p95: tuple[int, int]) -> None:
    """Facts §3: about 75 s and 130 s, and 58 s, from a pending pod to a Ready node."""
    scenario = _scenario(autoscaler__kind=kind)
    ready_s = [_trace(scenario, k).of(NodeAdded)[0].time_s for k in range(60)]
    assert median[0] < np.median(ready_s) < median[1]
    assert p95[0] < np.quantile(ready_s, 0.95) < p95[1]


def test_a_batch_of_karpenter_ends_after_ten_seconds_though_pods_go_on_coming() -> None:
    """One pod each 0.7 s from 0 s on, of which none has a place: 15 by 9.8 s, the next would come at 10.5 s."""
    slowly = {"controller_manager_api_qps": 2 / 0.7, "controller_manager_api_burst": 1}
    changes = {"deployment__max_surge": 30, "kubernetes": slowly, "autoscaler": {"kind": "karpenter"} | FIXED}
    trace = _trace(_scenario(**changes).with_overrides({"deployment.replicas": 30, "nodes.count": 10}))
    assert trace.of(NodesRequested)[0] == NodesRequested(pytest.approx(10 + 2.5), 5)


def test_a_limit_leaves_pods_pending() -> None:
    trace = _trace(_scenario(autoscaler={"kind": "karpenter", "max_nodes": 2} | FIXED))
    assert trace.of(RolloutStalled)[0].pending == 2
    assert not trace.of(NodesRequested)


def test_no_address_for_the_node_itself() -> None:
    """A /28 has 11 addresses: a node and three pods hold 4 with a minimum, and others hold the rest."""
    cni = {"warm_ip_target": 1, "minimum_ip_target": 4, "subnet_prefix_length": 28, "other_addresses": 6}
    daemons = {"nodes__daemonset_pods": 2, "vpc_cni": cni}
    trace = _trace(_scenario(autoscaler={"kind": "karpenter"} | FIXED, **daemons))
    failed_s = [failed.time_s for failed in trace.of(LaunchFailed)]
    assert failed_s[0] == 3.5
    assert all(later - failed_s[0] >= 300 for later in failed_s[1:])
    assert trace.of(RolloutStalled)[0].pending == 2


@settings(max_examples=30)
@given(
    kind=st.sampled_from(["cluster_autoscaler", "karpenter"]),
    replicas=st.integers(1, 6),
    surge=st.integers(1, 12),
    most=st.integers(2, 6) | st.none(),
    together=st.integers(1, 3),
)
def test_nodes_come_for_all_pods_that_wait_and_never_more_than_the_limit(
    kind: str, replicas: int, surge: int, most: int | None, together: int
) -> None:
    scenario = _scenario(
        replicas, deployment__max_surge=surge, autoscaler={"kind": kind, "max_nodes": most},
        pod__termination_grace_period_s=30 * together,
    )  # fmt: skip
    trace = _trace(scenario)
    added = trace.of(NodeAdded)
    assert len(added) <= (most or 99) - 2
    assert sum(asked.nodes for asked in trace.of(NodesRequested)) >= len(added)
    if most is None:
        assert trace.of(RolloutComplete)
        assert len(added) <= -(-(replicas + min(surge, replicas) + replicas) // 3)
    zones = [0, 1, *(node.zone for node in added)]
    assert abs(zones.count(0) - zones.count(1)) <= 1
    held: dict[int, int] = {}
    for scheduled in trace.of(PodScheduled):
        held[scheduled.node] = held.get(scheduled.node, 0) + 1
        first_s = next((node.time_s for node in added if node.node == scheduled.node), -1e9)
        assert scheduled.time_s >= first_s

"""Drained nodes that are targets themselves, and drains of several Deployments' pods: the times and counts by hand.

Oracles: polls of 1 s and 5 s to the machine's end, and which mark each release heeds (docs/facts/capacity.md §3). From
other facts: 10 s of silence for a 504 (alb §3), and 40 or 50 s of missed heartbeats (kubernetes §9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import simpy

from sim.control_plane.kubernetes.node_turns import NodeTurns
from sim.control_plane.trace import PodDeleted
from sim.control_plane.trace.nodes import (
    InstanceDeregistered,
    InstanceDrained,
    InstanceGone,
    InstanceUnhealthy,
    NodeTerminated,
    PodScheduled,
    SubnetHeld,
)
from sim.data_plane.outcomes import Outcome
from sim.experiment.replication import simulate
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    from collections.abc import Generator


def _scenario(**others: Any) -> Scenario:
    """Make two of four nodes go, at 8 s and at 11 s, to which the ALB nodes send until 3 + 25 s: 100 requests/s each.

    Deleted at 0 s, SIGTERM at 2 s, the sandbox gone at 3 s; the second node is drained from 3 s on.
    """
    return Scenario.model_validate(
        {
            "name": "test",
            "traffic": {"arrival_rate_rps": 400, "service_time_s": 0.5},
            "deployment": {"replicas": 12},
            "pod": {"pre_stop_sleep_s": 2, "sandbox_teardown_s": 1},
            "disruption": "node_termination",
            "node_termination": {"nodes": 2, "pods_per_node": 2},
            "target_group": {
                "target_type": "instance",
                "instances": 4,
                "propagation_s": 25,
                "health_check": None,
                "kube_proxy_sync_s": 0,
            },
            "endpoints": {"propagation_s": 0},
            "controller": {"version": "fixed_lag", "deregistration_lag_s": 3},
        }
    ).with_overrides({key.replace("__", "."): value for key, value in others.items()})


def _expected(scenario: Scenario) -> dict[str, float]:
    counts = simulate(scenario, estimator="expected").estimate.counts
    return {outcome.name: float(counts[outcome]) for outcome in Outcome if counts[outcome] > 1e-9}


def test_what_is_sent_to_a_machine_that_is_gone_meets_silence() -> None:
    """100 requests/s for 28 - 8 and 28 - 11 s; and half a second of them is in flight when each machine goes."""
    counts = _expected(_scenario())
    assert counts.pop("OK") > 0
    assert counts == pytest.approx({"CONNECT_TIMEOUT": 100 * (20 + 17), "IDLE_TIMEOUT": 2 * 50})


def test_what_is_in_flight_is_lost_whatever_the_deregistration_delay() -> None:
    """With a delay of 10 s an ALB node cuts as soon as it has heard, at 28 s: before the idle timeout, and a 502."""
    counts = _expected(_scenario(target_group__deregistration_delay_s=10))
    assert counts["DEREGISTRATION_DELAY_ELAPSED"] == pytest.approx(2 * 50)
    assert "IDLE_TIMEOUT" not in counts


def test_a_delay_cuts_what_runs_through_a_node_that_is_still_there() -> None:
    """Both nodes are left at 28 s, when the delay is over: the half second of requests through each is cut."""
    kept = _scenario(node_termination__delete_delay_s=100, target_group__deregistration_delay_s=10)
    assert _expected(kept)["DEREGISTRATION_DELAY_ELAPSED"] == pytest.approx(2 * 50)
    assert "CONNECT_TIMEOUT" not in _expected(kept)


def test_nothing_is_lost_that_has_left_before_its_machine_goes() -> None:
    assert _expected(_scenario(node_termination__delete_delay_s=40)).keys() == {"OK"}


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["exit", "drain"])
def test_both_estimators_agree(ending: str) -> None:
    """Each outcome's mean over 12 replications is within four standard errors of the expectation of these."""
    scenario = _scenario(
        pod__on_sigterm=ending,
        target_group__kube_proxy_sync_s=4,
        target_group__propagation_s={"dist": "uniform", "low": 5, "high": 30},
        target_group__deregistration_delay_s=5,
    )
    expected = np.array([simulate(scenario, replication=k, estimator="expected").estimate.counts for k in range(12)])
    sampled = np.array([simulate(scenario, replication=k, estimator="sampled").requests.counts for k in range(12)])
    off, error = (sampled - expected).mean(axis=0), (sampled - expected).std(axis=0, ddof=1) / np.sqrt(12)
    assert np.all(np.abs(off) <= 4 * error + 0.5)
    assert expected[:, [Outcome.CONNECT_TIMEOUT, Outcome.CONNECT_REFUSED]].min() > 0


@pytest.mark.parametrize(
    ("version", "drained_by", "label", "leaves"),
    [
        ("v1.1.5", "kubectl", True, False),
        ("v1.1.6", "kubectl", None, True),
        ("v1.1.6", "karpenter", False, False),
        ("v2.0.0", "kubectl", None, False),
        ("v2.0.0", "cluster_autoscaler", None, False),
        ("v2.1.1", "cluster_autoscaler", None, True),
        ("v2.7.1", "kubectl", None, False),
        ("v2.7.1", "kubectl", True, True),
        ("v3.0.0", "karpenter", None, True),
    ],
)
def test_a_mark_takes_a_node_out_if_the_release_heeds_it(
    version: str, drained_by: str, *, label: bool | None, leaves: bool
) -> None:
    trace = simulate(
        _scenario(
            controller={"version": version},
            node_termination__drained_by=drained_by,
            node_termination__exclude_from_load_balancers=label,
        ),
        estimator="expected",
    ).trace
    deregistered_s = {record.instance: record.time_s for record in trace.of(InstanceDeregistered)}
    gone_s = {record.instance: record.time_s for record in trace.of(InstanceGone)}
    assert deregistered_s.keys() == gone_s.keys() == {0, 1}
    if leaves:
        assert max(deregistered_s.values()) < 3
    else:
        # The heartbeat is up to 10 s old; 40 s later the node is NotReady; two controllers look every 5 s.
        assert all(30 <= deregistered_s[node] - gone_s[node] <= 40 + 5 + 5 + 5 for node in gone_s)


def test_health_checks_take_out_a_node_without_a_machine() -> None:
    """Two checks, 10 s apart, the first within 10 s, and the second has its answer's 5 s to wait."""
    check = {"interval_s": 10, "timeout_s": 5, "unhealthy_threshold": 2}
    scenario = _scenario(controller={"version": "v2.7.1"}, target_group__health_check=check)
    trace = simulate(scenario, estimator="expected").trace
    gone_s = {record.instance: record.time_s for record in trace.of(InstanceGone)}
    unhealthy = trace.of(InstanceUnhealthy)
    assert len(unhealthy) == 2 * 2
    assert all(15 <= record.time_s - gone_s[record.instance] <= 25 for record in unhealthy)
    drained_s = [record.time_s for record in trace.of(InstanceDrained)]
    assert min(drained_s) > max(record.time_s for record in unhealthy)


def test_a_drain_alone_keeps_the_machines() -> None:
    """The label takes the nodes out of the target group, and what they do not get the others answer."""
    drained = {"disruption": "node_drain", "node_drain.nodes": 2, "node_drain.exclude_from_load_balancers": True}
    scenario = _scenario(pod__pre_stop_sleep_s=20).with_overrides(drained)
    assert _expected(scenario).keys() == {"OK"}
    assert len(simulate(scenario).trace.of(InstanceDrained)) == 2 * 2


def test_several_deployments_wait_for_each_others_pods() -> None:
    """Of three Deployments one is done with node 0 at 4 s, the last at 9 s; one of them keeps a pod there."""
    env = simpy.Environment()
    turns, told = NodeTurns(env, 3), []

    def deployment(done_s: float, *, is_empty: bool) -> Generator[simpy.Event]:
        yield env.timeout(done_s)
        told.append((yield from turns.report(0, done_s, is_empty=is_empty)))

    for done_s, is_empty in ((4.0, True), (9.0, True), (6.0, False)):
        env.process(deployment(done_s, is_empty=is_empty))
    env.run()
    assert told == [(9.0, False)] * 3


def test_the_pods_of_all_deployments_leave_a_node_before_its_machine_goes() -> None:
    """Six nodes, two Deployments of six pods: two pods on each, one of each Deployment, and 20 addresses each."""
    nodes = {"instance_type": "c5.large", "count": 6, "zones": 1, "daemonset_pods": 2}
    ip = {"target_type": "ip", "propagation_s": 25, "health_check": None}
    scenario = _scenario(
        deployment={"replicas": 6, "rolled_at_once": 2},
        nodes=nodes,
        vpc_cni={},
        target_group=ip,
        node_termination={"nodes": 2},
    )
    trace = simulate(scenario).trace
    on = {record.pod: record.node for record in trace.of(PodScheduled)}
    assert {on[deleted.pod] for deleted in trace.of(PodDeleted)} == {0, 1}
    assert [ended.time_s for ended in trace.of(NodeTerminated)] == [8, 11]
    held = {record.time_s: record.held for record in trace.of(SubnetHeld)}
    assert held[8] == 5 * 20
    assert held[11] == 4 * 20

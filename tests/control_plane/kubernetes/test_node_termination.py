"""Oracles: the times by hand (polls of 1 s, docs/facts/capacity.md §3), and 10 s of silence for a 504 (alb §3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.control_plane.trace.nodes import NodeTerminated, SubnetHeld
from sim.data_plane.outcomes import Outcome
from sim.experiment.replication import simulate
from sim.scenario.specs import Scenario


def _scenario(**others: Any) -> Scenario:
    """Make a scenario whose ALB nodes go on sending to a pod until 28 s after its deletion."""
    return Scenario.model_validate(
        {
            "name": "test",
            "traffic": {"arrival_rate_rps": 300},
            "deployment": {"replicas": 12},
            "pod": {"pre_stop_sleep_s": 2, "sandbox_teardown_s": 1},
            "disruption": "node_termination",
            "node_termination": {"nodes": 2, "pods_per_node": 2},
            "target_group": {"propagation_s": 25, "health_check": None},
            "controller": {"version": "fixed_lag", "deregistration_lag_s": 3},
        }
    ).with_overrides({key.replace("__", "."): value for key, value in others.items()})


def test_a_machine_goes_five_seconds_after_its_last_pod_and_no_one_waits_for_the_load_balancer() -> None:
    """Deleted at 0 s, SIGTERM at 2 s, the sandbox gone at 3 s; the second node is drained from 3 s on."""
    assert simulate(_scenario()).trace.of(NodeTerminated) == [
        NodeTerminated(3 + 5, [0, 1]),
        NodeTerminated(6 + 5, [2, 3]),
    ]
    held = _scenario(node_termination__termination_hook_s=60, node_termination__delete_delay_s=10)
    assert [ended.time_s for ended in simulate(held).trace.of(NodeTerminated)] == [73, 76]


def test_what_is_sent_to_it_then_meets_silence_and_everything_else_is_as_in_a_drain() -> None:
    terminated = _scenario()
    drained = terminated.with_overrides(
        {"disruption": "node_drain", "node_drain.nodes": 2, "node_drain.pods_per_node": 2}
    )
    one, two = simulate(terminated, estimator="sampled"), simulate(drained, estimator="sampled")
    silent = one.requests.outcome == Outcome.CONNECT_TIMEOUT
    gone_s = np.array([8, 8, 11, 11])[one.requests.target[silent]]
    assert silent.any()
    assert np.all(one.requests.arrival_s[silent] >= gone_s)
    assert np.allclose(one.requests.answered_s[silent] - one.requests.arrival_s[silent], 10)
    before = (one.requests.target >= 0) & ~silent
    same = two.requests.outcome[: one.requests.outcome.size]
    assert np.array_equal(one.requests.outcome[before], same[before])
    assert set(same[silent]) == {Outcome.HOST_UNREACHABLE}
    assert one.requests.counts.sum() == one.requests.n_requests


@pytest.mark.parametrize("ending", ["exit", "drain", "ignore"])
def test_both_estimators_agree(ending: str) -> None:
    """Each outcome's mean over 12 replications is within four standard errors of the expectation of these."""
    scenario = _scenario(pod__on_sigterm=ending, pod__termination_grace_period_s=6)
    expected = np.array([simulate(scenario, replication=k, estimator="expected").estimate.counts for k in range(12)])
    sampled = np.array([simulate(scenario, replication=k, estimator="sampled").requests.counts for k in range(12)])
    off, error = (sampled - expected).mean(axis=0), (sampled - expected).std(axis=0, ddof=1) / np.sqrt(12)
    assert np.all(np.abs(off) <= 4 * error + 0.5)
    assert expected[:, Outcome.CONNECT_TIMEOUT].min() > 0


def test_its_addresses_go_back_to_the_subnet() -> None:
    """Each c5.large holds 20 addresses while it has a pod."""
    nodes = {"instance_type": "c5.large", "count": 6, "zones": 1, "daemonset_pods": 2}
    trace = simulate(_scenario(nodes=nodes, vpc_cni={})).trace
    held = {record.time_s: record.held for record in trace.of(SubnetHeld)}
    assert held[8] == 6 * 20 - 20
    assert held[11] == 6 * 20 - 2 * 20


def test_an_interface_that_comes_too_late_for_its_machine_goes_back_too() -> None:
    """Of 45 addresses node 0 holds 20 and the others 10. Node 0's pod is gone at 201 s, and its machine at 206 s.

    Within 120 s node 1 asks for 10 more, as node 2 does. The new addresses need 300 s, and node 1 goes at 407 s. Node 2
    keeps 20.
    """
    nodes = {"instance_type": "c5.large", "count": 3, "zones": 1, "daemonset_pods": 2}
    cni = {"subnet_prefix_length": 26, "other_addresses": 14, "new_eni_latency_s": 300}
    slow = {"deployment.replicas": 3, "node_termination.pods_per_node": 1, "pod.pre_stop_sleep_s": 200}
    counted = {"pod.termination_grace_period_s": 210, "target_group.propagation_s": 900}
    trace = simulate(_scenario(nodes=nodes, vpc_cni=cni).with_overrides(slow | counted)).trace
    assert [ended.time_s for ended in trace.of(NodeTerminated)] == [206, 407]
    held = [(record.time_s, record.held) for record in trace.of(SubnetHeld)]
    assert [n for time_s, n in held if time_s < 201][-1] == 40
    assert [n for time_s, n in held if time_s < 407][-1] == 40
    returned_s, left = held[-1]
    assert left == 20
    assert 500 < returned_s < 630


def test_a_node_that_keeps_a_pod_is_not_terminated() -> None:
    """Of three pods on the node the budget lets one go; the others' evictions are refused until time is up."""
    kept = _scenario(
        node_termination={"nodes": 1, "pods_per_node": 3, "max_unavailable": 1, "timeout_s": 4}, pod__startup_s=60
    )
    assert not simulate(kept).trace.of(NodeTerminated)

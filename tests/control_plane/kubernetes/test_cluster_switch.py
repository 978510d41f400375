"""The switch of clusters as the old cluster's control plane meets it."""

from __future__ import annotations

from typing import Any

import pytest

from sim.control_plane.trace import (
    PodDeleted,
    PodReady,
    ReadinessGateOpened,
    ReplicaSetScaled,
    RolloutComplete,
    TargetDeregistered,
    TargetHealthy,
    TargetRegistered,
    Trace,
)
from sim.control_plane.trace.calls import ApiAttempt, Reconciled
from sim.control_plane.trace.nodes import SandboxFailed, SubnetHeld
from sim.control_plane.trace.traffic import LoadBalancerDeleted, RecordChanged
from sim.control_plane.world import run_control_plane
from sim.scenario.actions import Action
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario
from sim.streams import Streams


def scenario(**switch: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "switch",
            "traffic": {"arrival_rate_rps": 1},
            "deployment": {"replicas": 3},
            "controller": {"version": "v2.7.0"},
            "aws_api": {"warm_up_s": 0},
            "disruption": "cluster_switch",
            "cluster_switch": {"old_pods_removed_at_s": 50, "old_alb_deleted_at_s": 200} | switch,
        }
    )


def trace(**switch: Any) -> Trace:
    return run_control_plane(scenario(**switch), Streams(1, 0))


def test_the_old_pods_go_and_then_their_load_balancer() -> None:
    told = trace(record_change_s=7)
    assert [record.time_s for record in told.of(RecordChanged)] == [7]
    assert told.of(ReplicaSetScaled) == [ReplicaSetScaled(50, "old", 0)]
    assert [record.time_s for record in told.of(PodDeleted)] == [50, 50, 50]
    assert sorted(record.pod for record in told.of(TargetDeregistered)) == [0, 1, 2]
    assert [record.time_s for record in told.of(LoadBalancerDeleted)] == [200]
    assert [record.time_s for record in told.of(RolloutComplete)] == [200]


def test_the_last_of_both_ends_it() -> None:
    told = trace(old_alb_deleted_at_s=20)
    assert [record.time_s for record in told.of(RolloutComplete)] == [50]


@pytest.mark.parametrize(
    ("switch", "key"),
    [
        ({"old_alb_deleted_at_s": 20_000}, "cluster_switch.old_alb_deleted_at_s"),
        ({"old_pods_removed_at_s": 2_600_000, "counted_until_s": 1e7}, "cluster_switch.old_pods_removed_at_s"),
        ({"new_pods_created_at_s": 20_000}, "cluster_switch.new_pods_created_at_s"),
    ],
)
def test_an_old_side_that_outlives_the_count_is_refused(switch: dict[str, float], key: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        scenario().with_overrides({f"cluster_switch.{name}": value for name, value in switch.items()})
    assert [problem.key for problem in refused.value.problems] == [key]


def test_an_old_side_may_be_kept_for_weeks() -> None:
    told = trace(old_pods_removed_at_s=1e6, old_alb_deleted_at_s=1.2e6, counted_until_s=2e6)
    assert [record.time_s for record in told.of(RolloutComplete)] == [1.2e6]


def rolled_in(changes: dict[str, Any], **switch: Any) -> Trace:
    given = scenario(new_pods_created_at_s=-30, **switch).with_overrides({"pod.startup_s": 10} | changes)
    return run_control_plane(given, Streams(1, 0))


def test_the_new_cluster_s_controller_registers_its_pods_with_the_new_load_balancer() -> None:
    told = rolled_in({})
    assert [record.time_s for record in told.of(PodReady)] == pytest.approx([-20, -20, -20])
    registered = told.of(TargetRegistered)
    assert sorted((record.pod, record.target_group) for record in registered) == [(3, 1), (4, 1), (5, 1)]
    assert all(-20 < record.time_s < -15 for record in registered)
    assert {record.node for record in told.of(TargetHealthy)} == {2, 3}, "the nodes of the second ALB"
    assert {record.cluster for record in told.of(ApiAttempt) if record.action is Action.REGISTER_TARGETS} == {1}


def test_both_controllers_share_the_buckets() -> None:
    """One token, and one more every 50 s: the new cluster has it at 40 s, so the old one waits at 50 s."""
    scarce = {
        "aws_api.buckets.elbv2_register": {"capacity": 1, "refill_per_s": 0.02},
        "cluster_switch.new_pods_created_at_s": 30,
    }
    alone_s = [record.time_s for record in trace().of(TargetDeregistered)]
    shared_s = [record.time_s for record in rolled_in(scarce).of(TargetDeregistered)]
    assert max(alone_s) < 55
    assert min(shared_s) > 85


@pytest.mark.parametrize(("prefix_length", "held", "come"), [(28, 11, 0), (27, 27, 3)])
def test_both_clusters_addresses_must_fit(prefix_length: int, held: int, come: int) -> None:
    """A c5.large holds 10 addresses with its first interface and 20 with both.

    Of the 11 addresses of a /28 one is left: the new node itself has it. Of 27 seven are: six for its pods.
    """
    one_node = {"nodes": {"instance_type": "c5.large", "count": 1}, "vpc_cni.subnet_prefix_length": prefix_length}
    told = rolled_in(one_node)
    assert told.of(SubnetHeld)[-1].held == held
    assert len(told.of(PodReady)) == come
    assert {record.pod for record in [*told.of(PodReady), *told.of(SandboxFailed)]} == {3, 4, 5}
    assert len({record.pod for record in told.of(SandboxFailed)}) == 3 - come
    assert [record.time_s for record in told.of(RolloutComplete)] == [200], "the switch is made all the same"


def test_new_pods_wait_for_their_gates() -> None:
    told = rolled_in({"pod.readiness_gate": True})
    by_time = sorted(told.of(TargetHealthy), key=lambda record: record.time_s)
    healthy_s = {record.pod: record.time_s for record in by_time}
    opened_s = {record.pod: record.time_s for record in told.of(ReadinessGateOpened)}
    assert opened_s.keys() == {3, 4, 5}
    assert all(opened_s[pod] >= healthy_s[pod] for pod in opened_s)


def test_several_deployments_are_switched_at_once() -> None:
    told = rolled_in({"deployment.rolled_at_once": 2, "controller.ingresses": 2})
    calls = {call.reconcile for call in told.of(ApiAttempt) if call.action is Action.REGISTER_TARGETS}
    assert {done.ingress for done in told.of(Reconciled) if done.cluster == 1 and done.reconcile in calls} == {0, 1}
    assert len(told.of(TargetRegistered)) == 3, "the trace is of the first Deployment"

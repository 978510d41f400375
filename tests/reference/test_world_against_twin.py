"""The control plane and its slow twin agree: everything that happened, to a microsecond.

The quick tests hold them together too, on the first of these rollouts: `tests/verification`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from sim.control_plane import world
from sim.control_plane.trace import (
    EvictionRefused,
    PodDeleted,
    PodDeselected,
    PodFailed,
    ReadinessGateOpened,
    TargetRecovered,
    TargetRegistered,
)
from sim.control_plane.trace.calls import ApiAttempt, ControllerRestarted, Reconciled
from sim.control_plane.trace.nodes import NodeAdded, NodeTerminated, RolloutStalled, SandboxFailed, SubnetFull
from sim.control_plane.trace.traffic import RuleModified
from sim.control_plane.world import run_control_plane
from sim.scenario.problems import ScenarioError
from sim.scenario.releases import V1_VERSIONS
from sim.streams import Streams
from sim.verification.agreement import side_by_side
from sim.verification.drawn_controllers import BINDING_VERSIONS, RETRYERS
from sim.verification.drawn_nodes import drawn_nodes, drawn_roll_in, drawn_termination
from sim.verification.drawn_rollouts import (
    drawn_bindings,
    drawn_canary,
    drawn_canary_of_bindings,
    drawn_canary_of_v1,
    drawn_disruption,
    drawn_outage,
    drawn_scenario,
    drawn_strategy,
    drawn_switch,
)
from sim.verification.reference.control_plane_twin import ControlPlane
from sim.verification.twins import LONGEST_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.control_plane.trace import Record
    from sim.scenario.specs import Scenario


def check_same(scenario: Scenario) -> Counter[str]:
    """Run both; hold them against each other, and count what happened."""
    streams = Streams(scenario.seed, 0)
    try:
        happened, over_s = ControlPlane(scenario, streams).run(LONGEST_S)
    except TimeoutError:
        with pytest.raises(ScenarioError, match=r"over within a day|give each node and pod an address"):
            run_control_plane(scenario, streams)
        return Counter({"endless": 1})
    trace = run_control_plane(scenario, streams)
    pairs = side_by_side(trace, happened, over_s)
    assert [pair for pair in pairs if not pair.alike] == [], scenario.name
    return _met(scenario, trace.of)


def _met(scenario: Scenario, of: Callable[[type[Record]], list[Any]]) -> Counter[str]:
    attempts = of(ApiAttempt)
    return Counter(
        {
            "scenarios": 1,
            scenario.deployment.kind: 1,
            scenario.deployment.strategy: 1,
            scenario.disruption: 1,
            scenario.controller.version: 1,
            str(scenario.aws_api.retryer): 1,
            "attempts": len(attempts),
            "throttled": sum(attempt.throttled for attempt in attempts),
            "third retries": sum(attempt.attempt > 2 for attempt in attempts),
            "evictions refused": len(of(EvictionRefused)),
            "evicted": len(of(PodDeleted)) if scenario.disruption == "node_drain" else 0,
            "failed reconciles": sum(reconciled.error is not None for reconciled in of(Reconciled)),
            **Counter(failed.cause for failed in of(PodFailed)),
            "recovered": len(of(TargetRecovered)),
            "restarts": len(of(ControllerRestarted)),
            "gates": len(of(ReadinessGateOpened)),
            "without an address": len(of(SandboxFailed)),
            "nodes added": len(of(NodeAdded)),
            "machines ended": len(of(NodeTerminated)),
            "registered": len(of(TargetRegistered)),
            "never targets": len(_new_pods(of(PodDeleted), scenario) - _new_pods(of(TargetRegistered), scenario)),
            "refused addresses": len(of(SubnetFull)),
            "stalled": len(of(RolloutStalled)),
            "deselected": len(of(PodDeselected)),
            "rules": len(of(RuleModified)),
            "ways back": int(scenario.canary.dynamic_stable_scale and scenario.canary.abort_after_step is not None),
            "aborts that swap": int(any(record.pod >= scenario.deployment.replicas for record in of(PodDeselected))),
        }
    )


def _new_pods(records: list[Any], scenario: Scenario) -> set[int]:
    return {record.pod for record in records if record.pod >= scenario.deployment.replicas}


@pytest.fixture(autouse=True)
def _sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes to no end does so after less than a day."""
    monkeypatch.setattr(world, "LONGEST_PAUSE_S", LONGEST_S)


def check_all(seeds: range, drawn: Callable[[int], Scenario] = drawn_scenario) -> Counter[str]:
    return sum((check_same(drawn(seed)) for seed in seeds), Counter())


@pytest.mark.slow
def test_both_tell_the_same_of_every_release_of_v1() -> None:
    met = check_all(range(200))
    assert {*V1_VERSIONS, *RETRYERS, "fixed_lag", "endless"} <= set(met)
    assert met["throttled"] > 2000
    assert met["third retries"] > 100
    assert met["failed reconciles"] > 100
    assert met["restarts"] > 30


@pytest.mark.slow
def test_both_tell_the_same_of_every_release_of_v2_and_v3_that_changes_something() -> None:
    met = check_all(range(150), drawn_bindings)
    assert met["throttled"] > 500
    assert set(BINDING_VERSIONS) <= set(met)
    assert met["gates"] > 200
    assert met["third retries"] > 300
    assert met["restarts"] > 30


@pytest.mark.slow
def test_both_tell_the_same_of_drains_and_of_terminating_pods_that_count() -> None:
    met = check_all(range(60), drawn_disruption)
    assert met["evictions refused"] > 50
    assert met["evicted"] > 50


@pytest.mark.slow
def test_both_tell_the_same_of_other_rollouts_switches_and_steps() -> None:
    met = check_all(range(50), drawn_strategy)
    assert {"StatefulSet", "DaemonSet", "Recreate", "blue_green", "scale_in"} <= set(met)


@pytest.mark.slow
def test_both_tell_the_same_of_canaries() -> None:
    met = check_all(range(90), drawn_canary)
    assert met["canary"] > 60
    assert met["never targets"] > 10
    assert met["deselected"] > 40
    assert met["aborts that swap"] > 3
    assert met["ways back"] > 8


@pytest.mark.slow
def test_both_tell_the_same_of_canaries_by_v2_and_v3() -> None:
    met = check_all(range(40), drawn_canary_of_bindings)
    assert met["canary"] > 30
    assert met["rules"] > 50
    assert met["gates"] > 100
    assert met["throttled"] > 100
    assert met["ways back"] > 3


@pytest.mark.slow
def test_both_tell_the_same_of_canaries_by_v1() -> None:
    met = check_all(range(40), drawn_canary_of_v1)
    assert met["canary"] > 30
    assert met["rules"] > 50
    assert met["never targets"] > 5
    assert met["throttled"] > 100
    assert met["ways back"] > 3


@pytest.mark.slow
def test_both_tell_the_same_of_switches_of_clusters() -> None:
    assert check_all(range(40), drawn_switch)["cluster_switch"] > 20


@pytest.mark.slow
def test_both_tell_the_same_of_what_ends_unasked() -> None:
    met = check_all(range(60), drawn_outage)
    assert met["crash"] > 30
    assert met["hang"] > 30
    assert met["node_lost"] > 30
    assert met["recovered"] > 20


@pytest.mark.slow
def test_both_tell_the_same_of_worker_nodes_and_their_addresses() -> None:
    met = check_all(range(120), drawn_nodes)
    assert met["without an address"] > 100
    assert met["nodes added"] > 20
    assert met["refused addresses"] > 5
    assert met["stalled"] > 0


@pytest.mark.slow
def test_both_tell_the_same_of_a_new_cluster_that_comes_up_beside_the_old_one() -> None:
    met = check_all(range(60), drawn_roll_in)
    assert met["cluster_switch"] > 40
    assert met["registered"] > 200
    assert met["without an address"] > 100
    assert met["gates"] > 20


def in_a_full_subnet(seed: int) -> Scenario:
    """Draw a switch to two nodes for which a /27 has few addresses: one stays away, and pods wait for another one."""
    scenario = drawn_roll_in(seed)
    replicas = min(scenario.deployment.replicas, 8)
    of_old = 2 * (replicas + 2)
    return scenario.with_overrides(
        {
            "deployment.replicas": replicas,
            "nodes": {
                "instance_type": "c5.large",
                "count": 2,
                "zones": 1,
                "daemonset_pods": 2,
                "max_pods": 2 + -(-replicas // 2),
            },
            "vpc_cni": {
                "warm_ip_target": 1,
                "cooldown_s": 5,
                "subnet_prefix_length": 27,
                "other_addresses": max(0, 32 - of_old),
                "assign_latency_s": {"dist": "uniform", "low": 0.1, "high": 1},
            },
            "autoscaler": {
                "kind": "karpenter" if seed % 2 else "cluster_autoscaler",
                "retry_s": 15,
                "launch_to_ready_s": {"dist": "uniform", "low": 5, "high": 30},
            },
            "cluster_switch.old_pods_removed_at_s": 5,
            "cluster_switch.counted_until_s": 400,
        }
    )


@pytest.mark.slow
def test_both_tell_the_same_of_new_pods_that_wait_for_an_address_or_another_node() -> None:
    met = check_all(range(10), in_a_full_subnet)
    assert met["scenarios"] > 8
    assert met["nodes added"] > 2
    assert met["without an address"] > 20


@pytest.mark.slow
def test_both_tell_the_same_of_drains_after_which_machines_end() -> None:
    met = check_all(range(60), drawn_termination)
    assert met["machines ended"] > 40
    assert met["evictions refused"] > 100


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(200, 5000, 200))
def test_both_tell_the_same_at_length(first: int) -> None:
    check_all(range(first, first + 200))

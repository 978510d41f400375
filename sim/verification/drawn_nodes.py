"""Random rollouts on worker nodes: few places and addresses, so that pods wait for both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.scenario.problems import ScenarioError
from sim.verification.drawn_rollouts import MOST_WITHOUT_BUDGET, drawn_scenario, drawn_switch
from sim.verification.draws import chance, one

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario

MOST_REPLICAS = 13


def drawn_nodes(seed: int) -> Scenario:
    """Return a small random rollout on nodes, most with the VPC CNI's addresses and some with an autoscaler."""
    rng = np.random.default_rng([seed, 4])
    scenario = drawn_scenario(seed)
    replicas = min(scenario.deployment.replicas, MOST_REPLICAS)
    return _on_nodes(rng, scenario, _changes(rng, replicas))


def drawn_roll_in(seed: int) -> Scenario:
    """Return a small random switch of clusters with new pods that are created before or after it, most on nodes."""
    rng = np.random.default_rng([seed, 6])
    scenario = drawn_switch(seed)
    changes: dict[str, Any] = {
        "cluster_switch.new_pods_created_at_s": float(rng.uniform(-90, 60)),
        "cluster_switch.counted_until_s": one(rng, 150, 400),
        "pod.readiness_gate": not scenario.controller.version.startswith("v1") and chance(rng, 0.3),
    }
    if chance(rng, 0.2):
        return scenario.with_overrides(changes)
    replicas = min(scenario.deployment.replicas, MOST_REPLICAS)
    return _on_nodes(rng, scenario, _changes(rng, replicas) | changes)


def drawn_termination(seed: int) -> Scenario:
    """Return a small random drain of nodes whose machines then end, most of them simulated."""
    rng = np.random.default_rng([seed, 7])
    scenario = drawn_scenario(seed)
    replicas = min(scenario.deployment.replicas, MOST_REPLICAS)
    drained = one(rng, 1, 2, 3)
    ends: dict[str, Any] = {
        "nodes": min(drained, replicas),
        "nodes_at_once": one(rng, 1, min(drained, replicas)),
        "drained_by": one(rng, "kubectl", "karpenter", "cluster_autoscaler"),
        "timeout_s": max(scenario.pod.termination_grace_period_s, float(rng.uniform(30, 120))),
        "delete_delay_s": one(rng, 0, 5),
        "termination_hook_s": one(rng, 0, 17),
        "pdb_sync_latency_s": {"dist": "uniform", "low": 0, "high": 0.5},
        **(
            one(rng, {}, {"max_unavailable": "20%"}, {"min_available": "70%"}) if replicas > MOST_WITHOUT_BUDGET else {}
        ),
    }
    changes = _changes(rng, replicas) | {"disruption": "node_termination", "node_termination": ends}
    changes["deployment.pod_replacement_policy"] = "TerminationStarted"
    if chance(rng, 0.3):
        return scenario.with_overrides(changes | {"nodes": None, "vpc_cni": None, "autoscaler": {}})
    return _on_nodes(rng, scenario, changes)


def _changes(rng: np.random.Generator, replicas: int) -> dict[str, Any]:
    """Return a draw of nodes, with pods and an account for them."""
    changes: dict[str, Any] = {
        "deployment.replicas": replicas,
        "deployment.pod_replacement_policy": one(
            rng, "TerminationStarted", "TerminationStarted", "TerminationComplete"
        ),
        "kubernetes": {"controller_manager_api_burst": 1, "controller_manager_api_qps": one(rng, 7.313, 19.871)},
        "pod.on_sigterm": one(rng, "exit", "ignore", "drain"),
        "pod.sandbox_teardown_s": one(rng, 1.0317, 7.1903),
        "traffic": {"arrival_rate_rps": one(rng, 0.1, 5), "service_time_s": {"dist": "exponential", "mean": 5}},
        "vpc_cni": None if chance(rng, 0.15) else _cni(rng),
        "autoscaler": _autoscaler(rng),
        "nodes": _nodes(rng),
    }
    if chance(rng, 0.7):
        changes |= {"aws_api.buckets": {}, "aws_api.retryer": None}
    if chance(rng, 0.3):
        changes["aws_api.buckets.ec2_interfaces"] = {"capacity": one(rng, 1, 4), "refill_per_s": one(rng, 0.1, 0.5)}
    return changes


def _on_nodes(rng: np.random.Generator, scenario: Scenario, changes: dict[str, Any]) -> Scenario:
    """Return the scenario on so many nodes that its pods fit, most often on no more."""
    for count in range(1, MOST_REPLICAS + 4):
        changes["nodes"]["count"] = count
        try:
            fitting = scenario.with_overrides(changes)
        except ScenarioError:
            continue
        if chance(rng, 0.7):
            return fitting
    return scenario.with_overrides(changes)


def _nodes(rng: np.random.Generator) -> dict[str, Any]:
    daemons = one(rng, 0, 2, 3, 5)
    return {
        "instance_type": one(rng, "t3.small", "t3.medium", "c5.large", "m5.xlarge"),
        "count": 1,
        "zones": one(rng, 1, 2, 3),
        "pod_cpu_m": one(rng, 0, 0, 250, 600),
        "pod_memory_mib": one(rng, 0, 0, 300),
        "daemonset_pods": daemons,
        "max_pods": daemons + int(rng.integers(1, 9)),
    }


def _cni(rng: np.random.Generator) -> dict[str, Any]:
    targets: tuple[dict[str, Any], ...] = (
        {"warm_eni_target": one(rng, 0, 1, 2)},
        {"warm_ip_target": one(rng, 1, 2, 5), "minimum_ip_target": one(rng, None, 3, 12)},
        {"minimum_ip_target": one(rng, 2, 8)},
        {"prefix_delegation": True, "warm_prefix_target": one(rng, 0, 1, 3)},
        {"prefix_delegation": True, "warm_ip_target": one(rng, 1, 5), "minimum_ip_target": one(rng, None, 20)},
    )
    chosen = one(rng, *targets[:3], *targets)
    return {
        **chosen,
        "max_eni": one(rng, None, None, 1, 2),
        "cooldown_s": one(rng, 0, 5, 30, 90),
        "subnet_prefix_length": one(rng, 21, 24) if "prefix_delegation" in chosen else one(rng, 21, 25, 26, 26, 27),
        "other_addresses": one(rng, 0, 2, 4),
        "assign_latency_s": {"dist": "uniform", "low": 0.1, "high": one(rng, 1, 8)},
        "new_eni_latency_s": {"dist": "uniform", "low": 1, "high": one(rng, 6, 40)},
    }


def _autoscaler(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "kind": one(rng, "none", "cluster_autoscaler", "karpenter"),
        "max_nodes": one(rng, None, None, 3, 12),
        "launch_to_ready_s": {"dist": "uniform", "low": 5, "high": one(rng, 20, 90)},
        "decision_s": {"dist": "uniform", "low": 1, "high": 5},
        "asg_lag_s": {"dist": "uniform", "low": 1, "high": 20},
        "fleet_s": {"dist": "uniform", "low": 1, "high": 4},
        "image_pull_s": {"dist": "uniform", "low": 0.5, "high": 15},
        "retry_s": one(rng, 15, 300),
    }

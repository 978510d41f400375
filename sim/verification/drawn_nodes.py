"""Random rollouts on worker nodes: few places and addresses, so that pods wait for both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sim.scenario.problems import ScenarioError
from sim.verification.drawn_rollouts import drawn_scenario

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario

T = TypeVar("T")
MOST_REPLICAS = 13


def drawn_nodes(seed: int) -> Scenario:
    """Return a small random rollout on nodes, most with the VPC CNI's addresses and some with an autoscaler."""
    rng = np.random.default_rng([seed, 4])
    scenario = drawn_scenario(seed)
    replicas = min(scenario.deployment.replicas, MOST_REPLICAS)
    changes: dict[str, Any] = {
        "deployment.replicas": replicas,
        "deployment.pod_replacement_policy": _one(
            rng, "TerminationStarted", "TerminationStarted", "TerminationComplete"
        ),
        "kubernetes": {"controller_manager_api_burst": 1, "controller_manager_api_qps": _one(rng, 7.313, 19.871)},
        "pod.on_sigterm": _one(rng, "exit", "ignore", "drain"),
        "pod.sandbox_teardown_s": _one(rng, 1.0317, 7.1903),
        "traffic": {"arrival_rate_rps": _one(rng, 0.1, 5), "service_time_s": {"dist": "exponential", "mean": 5}},
        "vpc_cni": None if _chance(rng, 0.15) else _cni(rng),
        "autoscaler": _autoscaler(rng),
        "nodes": _nodes(rng),
    }
    if _chance(rng, 0.7):
        changes |= {"aws_api.buckets": {}, "aws_api.retryer": None}
    if _chance(rng, 0.3):
        changes["aws_api.buckets.ec2_interfaces"] = {"capacity": _one(rng, 1, 4), "refill_per_s": _one(rng, 0.1, 0.5)}
    for count in range(1, MOST_REPLICAS + 1):
        changes["nodes"]["count"] = count
        try:
            fitting = scenario.with_overrides(changes)
        except ScenarioError:
            continue
        if _chance(rng, 0.7):
            return fitting
    return scenario.with_overrides(changes)


def _one(rng: np.random.Generator, *choices: T) -> T:
    return choices[rng.integers(len(choices))]


def _chance(rng: np.random.Generator, probability: float) -> bool:
    return rng.random() < probability


def _nodes(rng: np.random.Generator) -> dict[str, Any]:
    daemons = _one(rng, 0, 2, 3, 5)
    return {
        "instance_type": _one(rng, "t3.small", "t3.medium", "c5.large", "m5.xlarge"),
        "count": 1,
        "zones": _one(rng, 1, 2, 3),
        "pod_cpu_m": _one(rng, 0, 0, 250, 600),
        "pod_memory_mib": _one(rng, 0, 0, 300),
        "daemonset_pods": daemons,
        "max_pods": daemons + int(rng.integers(1, 9)),
    }


def _cni(rng: np.random.Generator) -> dict[str, Any]:
    targets: tuple[dict[str, Any], ...] = (
        {"warm_eni_target": _one(rng, 0, 1, 2)},
        {"warm_ip_target": _one(rng, 1, 2, 5), "minimum_ip_target": _one(rng, None, 3, 12)},
        {"minimum_ip_target": _one(rng, 2, 8)},
        {"prefix_delegation": True, "warm_prefix_target": _one(rng, 0, 1, 3)},
        {"prefix_delegation": True, "warm_ip_target": _one(rng, 1, 5), "minimum_ip_target": _one(rng, None, 20)},
    )
    chosen = _one(rng, *targets[:3], *targets)
    return {
        **chosen,
        "max_eni": _one(rng, None, None, 1, 2),
        "cooldown_s": _one(rng, 0, 5, 30, 90),
        "subnet_prefix_length": _one(rng, 21, 24) if "prefix_delegation" in chosen else _one(rng, 21, 25, 26, 26, 27),
        "other_addresses": _one(rng, 0, 2, 4),
        "assign_latency_s": {"dist": "uniform", "low": 0.1, "high": _one(rng, 1, 8)},
        "new_eni_latency_s": {"dist": "uniform", "low": 1, "high": _one(rng, 6, 40)},
    }


def _autoscaler(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "kind": _one(rng, "none", "cluster_autoscaler", "karpenter"),
        "max_nodes": _one(rng, None, None, 3, 12),
        "launch_to_ready_s": {"dist": "uniform", "low": 5, "high": _one(rng, 20, 90)},
        "decision_s": {"dist": "uniform", "low": 1, "high": 5},
        "asg_lag_s": {"dist": "uniform", "low": 1, "high": 20},
        "fleet_s": {"dist": "uniform", "low": 1, "high": 4},
        "image_pull_s": {"dist": "uniform", "low": 0.5, "high": 15},
        "retry_s": _one(rng, 15, 300),
    }

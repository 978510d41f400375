"""Random rollouts, small ones on an account that may be loaded, which the v1 control plane's twin can simulate.

All laws are continuous, so that nothing depends on the order of two events at one instant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sim.scenario.releases import RELEASES, V1_VERSIONS, LoadBalancerControllerRelease, release_of
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

BINDING_VERSIONS = [
    release.since if release.since.count(".") > 1 else f"{release.since}.0"
    for release in RELEASES
    if isinstance(release, LoadBalancerControllerRelease)
]
RETRYERS = [
    *("published-repeat", "published-double", "aws-sdk-go-1.12", "aws-sdk-go-1.23.13", "aws-sdk-go-1.23.22"),
    *("aws-sdk-go-v2", "botocore-legacy", "botocore-standard", "full-jitter", "equal-jitter", "decorrelated-jitter"),
]
MOST_WITHOUT_BUDGET = 3


def drawn_scenario(seed: int) -> Scenario:
    """Return a small random rollout on an account that may be loaded."""
    rng = np.random.default_rng(seed)
    return Scenario.model_validate(
        {
            "name": f"drawn-{seed}",
            "seed": seed,
            "traffic": {"arrival_rate_rps": 1},
            "deployment": _deployment(rng),
            "pod": _pod(rng),
            "endpoints": {"propagation_s": {"dist": "uniform", "low": 0, "high": _one(rng, 0.3, 5, 40)}},
            "controller": _fixed_lag(rng) if _chance(rng, 0.05) else _controller(rng, ingresses=True),
            "aws_api": _aws_api(rng),
            "target_group": {
                "alb_nodes": _one(rng, 1, 2, 3),
                "health_check": _one(rng, None, {"interval_s": 7, "unhealthy_threshold": _one(rng, 1, 2, 5)}),
                "propagation_s": {"dist": "uniform", "low": 0, "high": 20},
            },
        }
    )


def drawn_bindings(seed: int) -> Scenario:
    """Return a small random rollout, or another disruption, by a controller of v2 or v3, often with readiness gates."""
    rng = np.random.default_rng([seed, 2])
    scenario = _one(rng, drawn_scenario, drawn_scenario, drawn_scenario, drawn_disruption)(seed)
    changes: dict[str, Any] = {
        "controller": _binding_controller(rng, ingresses=True),
        "aws_api.other_clusters": _other_clusters(rng, _binding_controller),
        "pod.readiness_gate": _chance(rng, 0.6),
        "target_group.deregistration_delay_s": _one(rng, 5, 60, 300),
    }
    if _chance(rng, 0.1):
        # Long enough for deferred checks and for caches to expire.
        changes |= {"aws_api.warm_up_s": float(rng.uniform(2000, 5000))}
    return scenario.with_overrides(changes)


def drawn_disruption(seed: int) -> Scenario:
    """Return a small random rollout in which terminating pods count, or a node drain or a scale-in."""
    scenario, rng = drawn_scenario(seed), np.random.default_rng([seed, 1])
    replicas = scenario.deployment.replicas
    on_sigterm = _one(rng, "exit", "ignore", "drain")
    limits = {"controller_manager_api_qps": _one(rng, 3, 20), "controller_manager_api_burst": _one(rng, 4, 30)}
    changes: dict[str, Any] = {"kubernetes": limits, "pod.on_sigterm": on_sigterm, "traffic": _traffic(rng)}
    if replicas > 1 and _chance(rng, 0.2):
        return scenario.with_overrides(changes | {"disruption": "scale_in", "scale_in": _scale_in(rng, replicas)})
    if _chance(rng, 0.3):
        return scenario.with_overrides(changes | {"deployment.pod_replacement_policy": "TerminationComplete"})
    nodes = _one(rng, 1, 2, min(3, replicas))
    nodes = min(nodes, replicas)
    drain = {
        "nodes": nodes,
        "pods_per_node": int(rng.integers(1, replicas // nodes + 1)),
        "nodes_at_once": _one(rng, 1, nodes),
        "drained_by": _one(rng, "kubectl", "karpenter"),
        **(
            _one(rng, {}, {"max_unavailable": "20%"}, {"min_available": "70%"})
            if replicas > MOST_WITHOUT_BUDGET
            else {}
        ),
        "pdb_sync_latency_s": {"dist": "uniform", "low": 0, "high": 0.5},
    }
    if _chance(rng, 0.5):
        drain["timeout_s"] = max(float(rng.uniform(1, 90)), scenario.pod.termination_grace_period_s)
    return scenario.with_overrides(changes | {"disruption": "node_drain", "node_drain": drain})


def drawn_strategy(seed: int) -> Scenario:
    """Return a small random rollout that is no Deployment's rolling update, a blue/green switch, or an HPA's steps."""
    scenario, rng = drawn_scenario(seed), np.random.default_rng([seed, 3])
    replicas = scenario.deployment.replicas
    few = int(rng.integers(0, replicas))
    several = _one(rng, 1, 2, "34%")
    policies = [{"type": _one(rng, "Pods", "Percent"), "value": _one(rng, 1, 30), "period_s": _one(rng, 15, 40)}]
    changes: tuple[dict[str, Any], ...] = (
        {"deployment.strategy": "Recreate"},
        {"deployment.kind": "StatefulSet", "deployment.partition": few, "deployment.max_unavailable": several},
        {"deployment.kind": "DaemonSet", "deployment.max_surge": 0, "deployment.max_unavailable": several},
        {"deployment.kind": "DaemonSet", "deployment.max_surge": several, "deployment.max_unavailable": 0},
        {"disruption": "blue_green", "blue_green.scale_down_delay_s": _one(rng, 0.5, 12, 30)},
        {"disruption": "scale_in", "scale_in": _scale_in(rng, max(2, replicas)) | {"policies": policies}},
    )
    drains = {"pod.on_sigterm": _one(rng, "exit", "ignore", "drain"), "traffic": _traffic(rng)}
    chosen = _one(rng, *changes[: 6 if replicas > 1 else 5])
    return scenario.with_overrides(drains | chosen)


def drawn_canary(seed: int) -> Scenario:
    """Return a small canary between Services that take turns, with lags. New pods are targets before their end."""
    scenario, rng = drawn_scenario(seed), np.random.default_rng([seed, 5])
    lag, soon = ({"dist": "uniform", "low": 0, "high": high} for high in (_one(rng, 1, 30), 5))
    steps = [
        {"weight": int(weight), "pause_s": float(rng.uniform(0, 30))}
        for weight in sorted(rng.integers(0, 101, int(rng.integers(0, 4))).tolist())
    ]
    ends: dict[str, Any] = _one(rng, {"dynamic_stable_scale": True}, {"scale_down_delay_s": float(rng.uniform(0, 40))})
    if steps and "dynamic_stable_scale" not in ends and _chance(rng, 0.4):
        ends |= {"abort_after_step": int(rng.integers(1, len(steps) + 1)), "abort_scale_down_delay_s": 7}
    canary = {"ping_pong": True, "steps": steps, "verifies": _chance(rng, 0.5)} | ends
    controller = _fixed_lag(rng) | {"rule_lag_s": lag, "registration_lag_s": soon}
    reaches = {"target_group.rule_propagation_s": _one(rng, None, lag)}
    gates = {"pod.readiness_gate": False, "endpoints.propagation_s": soon}
    return scenario.with_overrides(
        {"controller": controller} | reaches | gates | {"disruption": "canary", "canary": canary}
    )


def drawn_switch(seed: int) -> Scenario:
    """Return a small random switch of clusters, with a controller of any version."""
    rng = np.random.default_rng([seed, 4])
    scenario = _one(rng, drawn_scenario, drawn_bindings)(seed)
    removed_s, deleted_s = rng.uniform(1, 60, 2).tolist()
    change_s = {"dist": "uniform", "low": 0, "high": _one(rng, 1, 60)}
    switch = {"record_change_s": change_s, "old_pods_removed_at_s": removed_s, "old_alb_deleted_at_s": deleted_s}
    changes = {"disruption": "cluster_switch", "cluster_switch": switch, "pod.readiness_gate": False}
    return scenario.with_overrides(changes)


def drawn_outage(seed: int) -> Scenario:
    """Return small random crashes, failed liveness probes, or a lost node."""
    scenario, rng = drawn_scenario(seed), np.random.default_rng([seed, 2])
    restart_s = {"dist": "uniform", "low": 0, "high": _one(rng, 1, 10, 60)}
    pods = int(rng.integers(1, scenario.deployment.replicas + 1))
    outages: tuple[tuple[str, dict[str, Any]], ...] = (
        ("crash", {"restart_s": restart_s, "back_off_s": _one(rng, 0, 0, 10)}),
        (
            "liveness_failure",
            {"restart_s": restart_s, "period_s": _one(rng, 2, 10), "failure_threshold": _one(rng, 1, 3)},
        ),
        ("node_lost", {"toleration_s": _one(rng, 0.5, 20)}),
    )
    kind, spec = _one(rng, *outages)
    return scenario.with_overrides({"disruption": kind, kind: {"pods": pods, **spec}})


def _one(rng: np.random.Generator, *choices: T) -> T:
    return choices[rng.integers(len(choices))]


def _chance(rng: np.random.Generator, probability: float) -> bool:
    return rng.random() < probability


def _scale_in(rng: np.random.Generator, replicas: int) -> dict[str, Any]:
    age_s = {"dist": "uniform", "low": 10, "high": _one(rng, 12, 1e3, 1e5)}
    return {"to_replicas": int(rng.integers(1, replicas)), "nodes": _one(rng, None, 1, 3), "ready_for_s": age_s}


def _traffic(rng: np.random.Generator) -> dict[str, Any]:
    laws = {"dist": "uniform", "low": 0, "high": 20}, {"dist": "exponential", "mean": 5}
    lognormal = {"dist": "lognormal", "median": 2, "sigma": 1.2}
    return {"arrival_rate_rps": _one(rng, 0.1, 5, 100), "service_time_s": _one(rng, *laws, lognormal)}


def _deployment(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "replicas": _one(rng, 1, 2, 3, 5, 8, 13, 40),
        "max_surge": _one(rng, 0, 1, 3, "25%", "40%", "100%"),
        "max_unavailable": _one(rng, 0, 1, 2, "25%", "34%", "100%"),
        "min_ready_s": _one(rng, 0, 0, 3),
        "sync_latency_s": {"dist": "uniform", "low": 0, "high": 0.5},
    }


def _pod(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "startup_s": {"dist": "uniform", "low": 0, "high": _one(rng, 1, 10, 30)},
        "pre_stop_sleep_s": _one(rng, 0, 3.7, 10, 25),
        "pre_stop_fails_health_check": _chance(rng, 0.3),
        "termination_grace_period_s": _one(rng, 0, 2, 10, 30),
        "on_sigterm": _one(rng, "exit", "drain", "ignore"),
        "serve_after_sigterm_s": _one(rng, 0, 0, 4, 50),
    }


def _fixed_lag(rng: np.random.Generator) -> dict[str, Any]:
    lag = {"dist": "uniform", "low": 0, "high": _one(rng, 1, 60)}
    return {"version": "fixed_lag", "deregistration_lag_s": lag, "registration_lag_s": lag}


def _controller(rng: np.random.Generator, *, ingresses: bool) -> dict[str, Any]:
    version = _one(rng, *V1_VERSIONS)
    listeners = int(rng.integers(1, 4))
    spec = {
        "version": version,
        "aws_max_retries": _one(rng, 0, 1, 2, 4, 10),
        "max_concurrent_reconciles": _one(rng, 1, 1, 2, 5) if release_of(version).has_workers_flag else 1,
        "listeners": listeners,
        "https_listeners": int(rng.integers(0, listeners + 1)),
    }
    if ingresses:
        spec |= {"ingresses": _one(rng, 1, 1, 2, 6), "target_groups": _one(rng, 1, 1, 2, 5)}
    return spec | _faults(rng)


def _binding_controller(rng: np.random.Generator, *, ingresses: bool) -> dict[str, Any]:
    spec = _controller(rng, ingresses=ingresses) | {"version": _one(rng, *BINDING_VERSIONS)}
    spec["max_concurrent_reconciles"] = _one(rng, 1, 2, 3, 3, 3)
    if not release_of(spec["version"]).shares_requeue_bucket:
        spec["max_backoff_s"] = _one(rng, None, None, 0.05, 10)
    if _chance(rng, 0.3):
        rules = ("^RegisterTargets|^DeregisterTargets", "^Describe.*", ".*")
        limited = [f"Elastic Load Balancing v2:{rule}={rng.uniform(0.5, 5):.2f}:{_one(rng, 1, 5)}" for rule in rules]
        spec["aws_api_throttle"] = ",".join(limited[: int(rng.integers(1, 4))])
    return spec


def _other_clusters(rng: np.random.Generator, controller: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "ingresses": _one(rng, 1, 2, 4),
            "churn_per_s": float(rng.uniform(0, 0.5)),
            "controller": controller(rng, ingresses=False),
        }
        for _ in range(_one(rng, 0, 0, 1, 2))
    ]


def _faults(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "restart_at_s": _one(rng, None, None, float(rng.uniform(0, 60))),
        "restart_takes_s": {"dist": "uniform", "low": 0, "high": _one(rng, 0.1, 40)},
        "sync_period_s": _one(rng, None, None, 0, 150, 20),
        "node_events_per_s": _one(rng, 0, 0, 0.02, 0.3),
    }


def _aws_api(rng: np.random.Generator) -> dict[str, Any]:
    low_s = _one(rng, 0.001, 0.05)
    names = ("elbv2_describe", "elbv2_register", "elbv2_account", "waf_regional", "wafv2", "ec2", "tagging")
    tight = [name for name in names if _chance(rng, 0.4)]
    loaded = [name for name in (*names, "elbv2_modify") if _chance(rng, 0.2)]
    return {
        "retryer": None if _chance(rng, 0.5) else _one(rng, *RETRYERS),
        "latency_s": {"dist": "uniform", "low": low_s, "high": _one(rng, 3, 30) * low_s},
        "buckets": {
            name: {"capacity": _one(rng, 1, 3, 20.5), "refill_per_s": float(rng.uniform(0.7, 8))} for name in tight
        },
        "background_calls_per_s": {name: float(rng.uniform(0, 1.5)) for name in loaded},
        "other_clusters": _other_clusters(rng, _controller),
        "warm_up_s": _one(rng, 0, 10, 60),
    }

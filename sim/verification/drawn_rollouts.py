"""Random rollouts, small ones on an account that may be loaded, which the v1 control plane's twin can simulate.

All laws are continuous, so that nothing depends on the order of two events at one instant.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.scenario.releases import V1_VERSIONS, release_of
from sim.scenario.specs import Scenario
from sim.verification.drawn_controllers import aws_api, binding_controller, controller, fixed_lag, other_clusters
from sim.verification.draws import chance, one

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
            "endpoints": {"propagation_s": {"dist": "uniform", "low": 0, "high": one(rng, 0.3, 5, 40)}},
            "controller": fixed_lag(rng) if chance(rng, 0.05) else controller(rng, ingresses=True),
            "aws_api": aws_api(rng),
            "target_group": {
                "alb_nodes": one(rng, 1, 2, 3),
                "health_check": one(rng, None, {"interval_s": 7, "unhealthy_threshold": one(rng, 1, 2, 5)}),
                "propagation_s": {"dist": "uniform", "low": 0, "high": 20},
            },
        }
    )


def drawn_bindings(seed: int) -> Scenario:
    """Return a small random rollout, or another disruption, by a controller of v2 or v3, often with readiness gates."""
    rng = np.random.default_rng([seed, 2])
    scenario = one(rng, drawn_scenario, drawn_scenario, drawn_scenario, drawn_disruption)(seed)
    changes: dict[str, Any] = {
        "controller": binding_controller(rng, ingresses=True),
        "aws_api.other_clusters": other_clusters(rng, binding_controller),
        "pod.readiness_gate": chance(rng, 0.6),
        "target_group.deregistration_delay_s": one(rng, 5, 60, 300),
    }
    if chance(rng, 0.1):
        # Long enough for deferred checks and for caches to expire.
        changes |= {"aws_api.warm_up_s": float(rng.uniform(2000, 5000))}
    return scenario.with_overrides(changes)


def drawn_disruption(seed: int) -> Scenario:
    """Return a small random rollout in which terminating pods count, or a node drain or a scale-in."""
    scenario, rng = drawn_scenario(seed), np.random.default_rng([seed, 1])
    replicas = scenario.deployment.replicas
    on_sigterm = one(rng, "exit", "ignore", "drain")
    limits = {"controller_manager_api_qps": one(rng, 3, 20), "controller_manager_api_burst": one(rng, 4, 30)}
    changes: dict[str, Any] = {"kubernetes": limits, "pod.on_sigterm": on_sigterm, "traffic": _traffic(rng)}
    if replicas > 1 and chance(rng, 0.2):
        return scenario.with_overrides(changes | {"disruption": "scale_in", "scale_in": _scale_in(rng, replicas)})
    if chance(rng, 0.3):
        return scenario.with_overrides(changes | {"deployment.pod_replacement_policy": "TerminationComplete"})
    nodes = one(rng, 1, 2, min(3, replicas))
    nodes = min(nodes, replicas)
    drain = {
        "nodes": nodes,
        "pods_per_node": int(rng.integers(1, replicas // nodes + 1)),
        "nodes_at_once": one(rng, 1, nodes),
        "drained_by": one(rng, "kubectl", "karpenter"),
        **(
            one(rng, {}, {"max_unavailable": "20%"}, {"min_available": "70%"}) if replicas > MOST_WITHOUT_BUDGET else {}
        ),
        "pdb_sync_latency_s": {"dist": "uniform", "low": 0, "high": 0.5},
    }
    if chance(rng, 0.5):
        drain["timeout_s"] = max(float(rng.uniform(1, 90)), scenario.pod.termination_grace_period_s)
    return scenario.with_overrides(changes | {"disruption": "node_drain", "node_drain": drain})


def drawn_strategy(seed: int) -> Scenario:
    """Return a small random rollout that is no Deployment's rolling update, a blue/green switch, or an HPA's steps."""
    scenario, rng = drawn_scenario(seed), np.random.default_rng([seed, 3])
    replicas = scenario.deployment.replicas
    few = int(rng.integers(0, replicas))
    several = one(rng, 1, 2, "34%")
    policies = [{"type": one(rng, "Pods", "Percent"), "value": one(rng, 1, 30), "period_s": one(rng, 15, 40)}]
    changes: tuple[dict[str, Any], ...] = (
        {"deployment.strategy": "Recreate"},
        {"deployment.kind": "StatefulSet", "deployment.partition": few, "deployment.max_unavailable": several},
        {"deployment.kind": "DaemonSet", "deployment.max_surge": 0, "deployment.max_unavailable": several},
        {"deployment.kind": "DaemonSet", "deployment.max_surge": several, "deployment.max_unavailable": 0},
        {"disruption": "blue_green", "blue_green.scale_down_delay_s": one(rng, 0.5, 12, 30)},
        {"disruption": "scale_out", "scale_out": _scale_out(rng) | {"policies": policies}},
        {"disruption": "scale_in", "scale_in": _scale_in(rng, max(2, replicas)) | {"policies": policies}},
    )
    drains = {"pod.on_sigterm": one(rng, "exit", "ignore", "drain"), "traffic": _traffic(rng)}
    chosen = one(rng, *changes[: 7 if replicas > 1 else 6])
    return scenario.with_overrides(drains | chosen)


def drawn_canary(seed: int) -> Scenario:
    """Return a small canary with lags, mostly of Services that take turns. New pods may go before they are targets."""
    scenario, rng = drawn_scenario(seed), np.random.default_rng([seed, 5])
    lag = {"dist": "uniform", "low": 0, "high": one(rng, 1, 30)}
    longest_s = one(rng, 1, 30)
    steps = [
        {"weight": int(weight), "pause_s": float(rng.uniform(0, longest_s))}
        for weight in sorted(rng.integers(0, 101, int(rng.integers(0, 4))).tolist())
    ]
    ends: dict[str, Any] = one(rng, {"dynamic_stable_scale": True}, {"scale_down_delay_s": float(rng.uniform(0, 40))})
    if steps and chance(rng, 0.4):
        ends |= {
            "abort_after_step": int(rng.integers(1, len(steps) + 1)),
            "abort_scale_down_delay_s": one(rng, None, 7),
        }
    canary = {"ping_pong": chance(rng, 0.6), "steps": steps, "verifies": chance(rng, 0.5)} | ends
    controller = fixed_lag(rng) | {"rule_lag_s": lag, "registration_lag_s": lag}
    reaches = {"target_group.rule_propagation_s": one(rng, None, lag)}
    gates = {"pod.readiness_gate": False}
    return scenario.with_overrides(
        {"controller": controller} | reaches | gates | {"disruption": "canary", "canary": canary}
    )


def drawn_switch(seed: int) -> Scenario:
    """Return a small random switch of clusters, with a controller of any version."""
    rng = np.random.default_rng([seed, 4])
    scenario = one(rng, drawn_scenario, drawn_bindings)(seed)
    removed_s, deleted_s = rng.uniform(1, 60, 2).tolist()
    change_s = {"dist": "uniform", "low": 0, "high": one(rng, 1, 60)}
    switch = {"record_change_s": change_s, "old_pods_removed_at_s": removed_s, "old_alb_deleted_at_s": deleted_s}
    changes = {"disruption": "cluster_switch", "cluster_switch": switch, "pod.readiness_gate": False}
    return scenario.with_overrides(changes)


def drawn_outage(seed: int) -> Scenario:
    """Return small random crashes, failed liveness probes, or a lost node."""
    scenario, rng = drawn_scenario(seed), np.random.default_rng([seed, 2])
    restart_s = {"dist": "uniform", "low": 0, "high": one(rng, 1, 10, 60)}
    pods = int(rng.integers(1, scenario.deployment.replicas + 1))
    outages: tuple[tuple[str, dict[str, Any]], ...] = (
        ("crash", {"restart_s": restart_s, "back_off_s": one(rng, 0, 0, 10)}),
        (
            "liveness_failure",
            {"restart_s": restart_s, "period_s": one(rng, 2, 10), "failure_threshold": one(rng, 1, 3)},
        ),
        ("node_lost", {"toleration_s": one(rng, 0.5, 20)}),
    )
    kind, spec = one(rng, *outages)
    return scenario.with_overrides({"disruption": kind, kind: {"pods": pods, **spec}})


def _scale_in(rng: np.random.Generator, replicas: int) -> dict[str, Any]:
    age_s = {"dist": "uniform", "low": 10, "high": one(rng, 12, 1e3, 1e5)}
    left = int(rng.integers(1, replicas))
    falling = sorted(rng.integers(left, replicas + 1, 2).tolist(), reverse=True)
    called_for = [{"until_s": until_s, "replicas": n} for until_s, n in zip((20, 55), falling, strict=True)]
    dip = [{"until_s": one(rng, 40, 130), "replicas": int(rng.integers(1, left + 1))}]
    return {
        "to_replicas": left,
        "nodes": one(rng, None, 1, 3),
        "ready_for_s": age_s,
        "unready": one(rng, 0, int(rng.integers(0, replicas))),
        "deletion_cost": one(rng, 0, {"dist": "uniform", "low": 0, "high": 1}),
        "recommendations": one(rng, (), called_for, dip),
        "stabilization_window_s": one(rng, 0, 30, 100),
    }


def _scale_out(rng: np.random.Generator) -> dict[str, Any]:
    to, select, counted_s = one(rng, "101%", "150%", "400%"), one(rng, "Max", "Min"), float(rng.uniform(1, 90))
    return {"to_replicas": to, "select_policy": select, "counted_until_s": counted_s, "sync_period_s": one(rng, 7, 15)}


def _traffic(rng: np.random.Generator) -> dict[str, Any]:
    laws = {"dist": "uniform", "low": 0, "high": 20}, {"dist": "exponential", "mean": 5}
    lognormal = {"dist": "lognormal", "median": 2, "sigma": 1.2}
    return {"arrival_rate_rps": one(rng, 0.1, 5, 100), "service_time_s": one(rng, *laws, lognormal)}


def _deployment(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "replicas": one(rng, 1, 2, 3, 5, 8, 13, 40),
        "max_surge": one(rng, 0, 1, 3, "25%", "40%", "100%"),
        "max_unavailable": one(rng, 0, 1, 2, "25%", "34%", "100%"),
        "min_ready_s": one(rng, 0, 0, 3),
        "sync_latency_s": {"dist": "uniform", "low": 0, "high": 0.5},
    }


def _pod(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "startup_s": {"dist": "uniform", "low": 0, "high": one(rng, 1, 10, 30)},
        "pre_stop_sleep_s": one(rng, 0, 3.7, 10, 25),
        "pre_stop_fails_health_check": chance(rng, 0.3),
        "termination_grace_period_s": one(rng, 0, 2, 10, 30),
        "on_sigterm": one(rng, "exit", "drain", "ignore"),
        "serve_after_sigterm_s": one(rng, 0, 0, 4, 50),
    }


def drawn_canary_of_bindings(seed: int) -> Scenario:
    """Return a small canary of Services that take turns, by a controller of v2 or v3, often with readiness gates."""
    canary, rng = drawn_canary(seed), np.random.default_rng([seed, 6])
    changes = {
        "controller": binding_controller(rng, ingresses=True),
        "aws_api.other_clusters": other_clusters(rng, binding_controller),
        "canary.ping_pong": True,
        "pod.readiness_gate": chance(rng, 0.5),
    }
    return canary.with_overrides(changes)


def drawn_canary_of_v1(seed: int) -> Scenario:
    """Return a small canary of Services that take turns, by a controller of v1 that knows weights."""
    canary, rng = drawn_canary(seed), np.random.default_rng([seed, 7])
    ours = controller(rng, ingresses=True)
    knows = [version for version in V1_VERSIONS if release_of(version).forwards_by_weight]
    ours |= {"version": one(rng, *knows)}
    changes = {
        "controller": ours,
        "aws_api.other_clusters": other_clusters(rng, controller),
        "canary.ping_pong": True,
    }
    return canary.with_overrides(changes)

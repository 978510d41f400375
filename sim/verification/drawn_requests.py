"""Random timelines and settings of requests: small rolling updates in which every outcome occurs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.data_plane.instances import Instances
from sim.data_plane.old_side import OldSide
from sim.data_plane.timeline import Timeline, Unreachable
from sim.scenario.cluster_switch import ClusterSwitchSpec
from sim.scenario.specs import PodSpec, TargetGroupSpec, TrafficSpec

if TYPE_CHECKING:
    from sim.data_plane.timeline import Times

    RequestSpecs = tuple[TrafficSpec, PodSpec, TargetGroupSpec]

ONE_IN_TWO = 0.5
ONE_IN_FIVE = 0.2
LAWS: tuple[object, ...] = (
    0.2,
    {"dist": "exponential", "mean": 0.8},
    {"dist": "lognormal", "median": 0.3, "sigma": 1.2},
    {"dist": "uniform", "low": 0, "high": 3},
    {"dist": "gamma", "shape": 2, "mean": 1, "max": 4},
    {"dist": "empirical", "values": [0.05, 0.4, 2.5]},
)


def drawn_timeline(rng: np.random.Generator) -> Timeline:
    """Return a random rolling update as a control plane may give it: pods in turn, lags, failing checks, late nodes."""
    nodes, old = int(rng.integers(1, 4)), int(rng.integers(1, 9))
    deleted_s = np.append(np.sort(rng.uniform(0, 30, old)), np.full(old, np.inf))
    pre_stop_s, drain_s = rng.choice([0, 2, 6]), rng.choice([0, 1, 8])
    created_s = np.append(np.full(old, -np.inf), np.sort(rng.uniform(0, 25, old)))
    called_s = deleted_s + rng.exponential(3, 2 * old)
    created_s[old:] += rng.choice([0, 0, 0, 20])

    def by_node(time_s: Times) -> Times:
        return np.broadcast_to(time_s, (nodes, 2 * old)).copy()

    dies = np.isfinite(deleted_s)
    closed_s = deleted_s + pre_stop_s
    hangs = dies & (rng.random(2 * old) < ONE_IN_FIVE)
    lost = dies & (rng.random(2 * old) < ONE_IN_FIVE)
    vanishes_s = np.where(lost, closed_s, np.inf)
    return Timeline(
        drains=bool(rng.integers(2)),
        rollout_complete_s=float(rng.uniform(20, 40)),
        listener_closed_s=closed_s,
        cut_s=np.where(lost, np.inf, closed_s + np.where(hangs, 0, drain_s)),
        answers_until_s=np.minimum(
            np.where(hangs, np.maximum(0, closed_s - rng.choice([0, 1, 4])), np.inf), vanishes_s
        ),
        vanishes_s=vanishes_s,
        unreachable=rng.integers(0, len(Unreachable), 2 * old).astype(np.int8),
        pod=np.arange(2 * old, dtype=np.int32),
        drain_deadline_s=called_s + rng.choice([0.5, 5, 300]),
        registered_from_s=by_node(created_s),
        registered_until_s=called_s + rng.gamma(2, 2, (nodes, 2 * old)),
        healthy_from_s=created_s + rng.uniform(0, 4, (nodes, 2 * old)),
        healthy_until_s=by_node(deleted_s + rng.choice([1, 10, np.inf])),
    )


def behind_workers(timeline: Timeline) -> Timeline:
    """Return the timeline with worker nodes for ALB nodes: rules hold a pod or do not, and nobody deregisters it."""
    never = np.full(timeline.registered_from_s.shape, np.inf)
    return replace(
        timeline, drain_deadline_s=never[0], registered_from_s=timeline.healthy_from_s, healthy_until_s=never
    )


def beside_a_new_side(timeline: Timeline, side: OldSide) -> Timeline:
    """Return the timeline with a second ALB, which knows the same targets; the first one goes when it is deleted."""

    def twice(by_node: Times) -> Times:
        return np.concatenate((by_node, by_node))

    until_s = timeline.registered_until_s
    return replace(
        timeline,
        registered_from_s=twice(timeline.registered_from_s),
        registered_until_s=np.concatenate((np.minimum(until_s, side.deleted_s), until_s)),
        healthy_from_s=twice(timeline.healthy_from_s),
        healthy_until_s=twice(timeline.healthy_until_s),
        old_side=side,
    )


def drawn_side(rng: np.random.Generator, nodes: int) -> OldSide:
    """Return a random switch between two load balancers within some thirty seconds."""
    spec = ClusterSwitchSpec.model_validate(
        {
            "record_ttl_s": float(rng.choice([0, 3, 20])),
            "stale_fraction": float(rng.choice([0, 0.3])),
            "stale_s": LAWS[rng.integers(len(LAWS))],
            "pinned_fraction": float(rng.choice([0, 0.2])),
            "kept_alive_fraction": float(rng.choice([0, 0.5])),
            "client_keep_alive_s": float(rng.choice([2, 30])),
            "counted_until_s": float(rng.uniform(0, 50)),
        }
    )
    return OldSide(spec=spec, nodes=nodes, changed_s=float(rng.uniform(0, 20)), deleted_s=float(rng.uniform(0, 40)))


def with_leaving_workers(timeline: Timeline, alb_nodes: int, rng: np.random.Generator) -> Timeline:
    """Return a timeline of worker nodes of which some leave: deregistered, or with their machines, or both."""
    workers = timeline.registered_from_s.shape[0]
    leaves = np.append(rng.random(workers - 1) > ONE_IN_FIVE, False)
    sent_until_s = np.where(leaves, rng.choice([2.0, 5.0, 5.5, 12.0], (alb_nodes, workers)), np.inf)
    is_deregistered = leaves & (rng.random(workers) > ONE_IN_FIVE)
    deadline_s = np.where(is_deregistered, rng.choice([1.0, 4.0, 6.5], workers), np.inf)
    gone_s = np.where(leaves & (rng.random(workers) < ONE_IN_TWO), rng.choice([3.0, 6.0, 13.0], workers), np.inf)
    return replace(
        timeline,
        instances=Instances(sent_until_s=sent_until_s, cut_s=np.maximum(deadline_s, sent_until_s), gone_s=gone_s),
    )


def drawn_specs(rng: np.random.Generator, target_group: dict[str, Any]) -> RequestSpecs:
    """Return random traffic and pods, and a random target group with these values."""
    keep_alive_s = (None, 0.5, 2.0)[rng.integers(3)]
    traffic: dict[str, object] = {
        "arrival_rate_rps": float(rng.choice([3, 8, 20])),
        "arrivals": str(rng.choice(["poisson", "even"])),
        "service_time_s": LAWS[rng.integers(len(LAWS))],
        "client_timeout_s": (None, None, 1.0, 4.0)[rng.integers(4)],
    }
    if keep_alive_s is not None and rng.random() < ONE_IN_TWO:
        # Connections are idle for about as long as the server keeps them, so that some requests meet the closing.
        traffic = {"arrival_rate_rps": 2 / keep_alive_s, "arrivals": "even", "service_time_s": 0}
    pod = {
        "concurrency": (None, None, 1, 3)[rng.integers(4)],
        "accept": str(rng.choice(["eager", "prefork"])),
        "keep_alive_timeout_s": keep_alive_s,
        "cold_factor": float(rng.choice([1, 1, 3])),
        "warm_up_s": float(rng.choice([0, 6])),
        "idle_connections_at_sigterm": str(rng.choice(["close", "serve"])),
        "sandbox_teardown_s": float(rng.choice([0, 1, 6])),
    }
    if target_group.get("routing", "round_robin") == "round_robin" and target_group.get("target_type", "ip") == "ip":
        target_group = {"slow_start_s": float(rng.choice([0, 10]))} | target_group
    drawn = {"idle_timeout_s": float(rng.choice([1.5, 10])), "connection_reuse": bool(rng.integers(2))}
    return (
        TrafficSpec.model_validate(traffic),
        PodSpec.model_validate(pod),
        TargetGroupSpec.model_validate(drawn | target_group),
    )

"""How a replication's rollout or node drain went, in words; and what to call it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace import EvictionRefused, PodCreated, PodDeleted, PodReady
from sim.report.wording import count, seconds, tenths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication
    from sim.scenario.specs import Scenario

BETWEEN_WAVES_S = 5.0


def name_of(scenario: Scenario) -> str:
    """Say what disrupts the scenario's pods."""
    return scenario.disruption.replace("_", " ")


def course_of(replication: Replication) -> Iterator[str]:
    """Tell how it went, as lines of text."""
    is_drain = replication.scenario.disruption == "node_drain"
    if is_drain:
        yield from _drain(replication)
    else:
        deployment = replication.scenario.deployment
        yield (
            f"Began at 0 s and complete after {seconds(replication.timeline.rollout_complete_s)}, with a surge of "
            f"{deployment.surge} and {deployment.unavailable} unavailable."
        )
        if deployment.pod_replacement_policy == "TerminationComplete":
            yield "Terminating pods counted against the surge until they were gone."
    pods, has_gate = "Replacements" if is_drain else "New pods", replication.scenario.pod.readiness_gate
    times_s = {
        f"{pods} created": _times_s(replication, PodCreated),
        f"{pods} with their containers ready" if has_gate else f"{pods} ready": _times_s(replication, PodReady),
        "Pods evicted" if is_drain else "Old pods deleted": _times_s(replication, PodDeleted),
    }
    for what, of_it_s in times_s.items():
        yield f"{what}: {', '.join(_waves(of_it_s)) or 'none'}."
    if has_gate:
        healthy_s = replication.timeline.healthy_from_s.max(axis=0)
        waves = ", ".join(_waves(sorted(healthy_s[np.isfinite(healthy_s)].tolist()))) or "none"
        yield (
            f"New targets healthy at every ALB node: {waves}. Each pod is Ready when the controller next looks at its "
            "readiness gate."
        )


def _times_s(replication: Replication, kind: type[PodCreated | PodReady | PodDeleted]) -> list[float]:
    return sorted(record.time_s for record in replication.trace.of(kind))


def _drain(replication: Replication) -> Iterator[str]:
    drain, replicas = replication.scenario.node_drain, replication.scenario.deployment.replicas
    yield (
        f"Began at 0 s, and every evicted pod was replaced after {seconds(replication.timeline.rollout_complete_s)}: "
        f"{count(drain.nodes, 'node')} with {count(drain.pods_per_node, 'pod')} on each, drained by "
        f"{drain.drained_by}, {drain.nodes_at_once} at a time."
    )
    desired = drain.desired_healthy(replicas)
    if not desired:
        yield "No PodDisruptionBudget kept pods: every eviction was admitted at once."
        return
    budget = f"The PodDisruptionBudget kept {desired} of {replicas} pods healthy"
    waited_s = _waited_s(replication)
    if not waited_s:
        yield f"{budget} and refused no eviction."
        return
    longest = max(waited_s, key=waited_s.__getitem__)
    n_refused = count(len(replication.trace.of(EvictionRefused)), "eviction")
    yield f"{budget} and refused {n_refused}; pod {longest} waited longest for its own, {seconds(waited_s[longest])}."


def _waited_s(replication: Replication) -> dict[int, float]:
    """Return how long each pod whose eviction was refused at first waited for it, by pod, in s."""
    asked_s = {refused.pod: refused.time_s for refused in reversed(replication.trace.of(EvictionRefused))}
    evicted_s = {evicted.pod: evicted.time_s for evicted in replication.trace.of(PodDeleted)}
    return {pod: evicted_s[pod] - time_s for pod, time_s in asked_s.items()}


def _waves(times_s: list[float]) -> Iterator[str]:
    """Write how many came and when, apart where more than `BETWEEN_WAVES_S` lay between two."""
    breaks = [at for at, (one_s, next_s) in enumerate(pairwise(times_s), start=1) if next_s - one_s > BETWEEN_WAVES_S]
    for first, last in pairwise([0, *breaks, len(times_s)]):
        if first < last:
            from_s, until_s = tenths(times_s[first]), tenths(times_s[last - 1])
            yield (
                f"{last - first:,} at {from_s} s"
                if from_s == until_s
                else f"{last - first:,} from {from_s} to {until_s} s"
            )

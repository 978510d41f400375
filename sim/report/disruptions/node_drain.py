"""A node drain in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sim.control_plane.trace import EvictionRefused, PodDeleted
from sim.control_plane.trace.nodes import InstanceDeregistered, InstanceGone, NodeTerminated, PodScheduled
from sim.report.wording import count, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication
    from sim.scenario.node_drain import NodeDrainSpec


def course(replication: Replication) -> Iterator[str]:
    """Yield lines of text on how a node drain began and ended."""
    drain, replicas = _spec(replication), replication.scenario.deployment.replicas
    yield (
        f"Began at 0 s, and every evicted pod was replaced after {seconds(replication.timeline.rollout_complete_s)}: "
        f"{_drained(replication)}, drained by {drain.drained_by}, {drain.nodes_at_once} at a time."
    )
    ended_s = [ended.time_s for ended in replication.trace.of(NodeTerminated)]
    if ended_s:
        yield f"{count(len(ended_s), 'machine')} terminated, the last at {seconds(max(ended_s))}."
    yield from _targets(replication)
    left = _on_drained(replication) - len(replication.trace.of(PodDeleted))
    if left:
        yield f"Time was up after {seconds(drain.timeout_s or 0)} a node: {count(left, 'pod')} stayed, not evicted."
    desired = drain.desired_healthy(replicas)
    if not desired:
        yield "No PodDisruptionBudget kept pods: every eviction was admitted at once."
        return
    kept = "was to keep" if drain.overrules_budget else "kept"
    budget = f"The PodDisruptionBudget {kept} {desired} of {replicas} pods healthy"
    refused = replication.trace.of(EvictionRefused)
    if not refused:
        yield f"{budget} and refused no eviction."
        return
    waited_s = _waited_s(replication)
    longest = max(waited_s, key=waited_s.__getitem__, default=None)
    waited = "" if longest is None else f"; pod {longest} waited longest for its own, {seconds(waited_s[longest])}"
    yield f"{budget} and refused {count(len(refused), 'eviction')}{waited}."


def _targets(replication: Replication) -> Iterator[str]:
    """Yield for each node that is a target and loses its machine until when the ALB sends to it."""
    instances, trace = replication.timeline.instances, replication.trace
    if instances is None:
        return
    deregistered_s = {record.instance: record.time_s for record in trace.of(InstanceDeregistered)}
    for gone in trace.of(InstanceGone):
        left_s = float(instances.sent_until_s[:, gone.instance].max())
        yield (
            f"Node {gone.instance} is a target without a machine from {seconds(gone.time_s)} on; deregistered at "
            f"{seconds(deregistered_s[gone.instance])}, and the last ALB node stops sending to it at {seconds(left_s)}."
        )


def _spec(replication: Replication) -> NodeDrainSpec:
    return cast("NodeDrainSpec", replication.scenario.disrupted_by)


def _drained(replication: Replication) -> str:
    scenario = replication.scenario
    nodes = count(_spec(replication).nodes, "node")
    if scenario.nodes is not None:
        return f"{nodes} with {count(_on_drained(replication), 'pod')} in all"
    return f"{nodes} with {count(_spec(replication).pods_per_node, 'pod')} on each"


def _on_drained(replication: Replication) -> int:
    """Return how many pods were on the drained nodes, as the scheduler had put them or as the scenario says."""
    scenario = replication.scenario
    if scenario.nodes is None:
        return _spec(replication).evicted
    placed = replication.trace.of(PodScheduled)[: scenario.deployment.replicas]
    return sum(pod.node < _spec(replication).nodes for pod in placed)


def _waited_s(replication: Replication) -> dict[int, float]:
    """Return how long each pod whose eviction was first refused waited for its eviction, by pod, in s."""
    asked_s = {refused.pod: refused.time_s for refused in reversed(replication.trace.of(EvictionRefused))}
    evicted_s = {evicted.pod: evicted.time_s for evicted in replication.trace.of(PodDeleted)}
    return {pod: evicted_s[pod] - time_s for pod, time_s in asked_s.items() if pod in evicted_s}

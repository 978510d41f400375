"""From the control plane to the data plane: how a trace becomes a timeline.

- An old pod's target was registered and healthy before the rollout, unless the pod was not Ready. A new one's is from
  its records on.
- An event without a record never happens within the window (`inf`).
- A disruption that has stalled is over, for the window, when its progress deadline has passed.
- With target type `instance` the worker nodes take the place of the ALB nodes: a request meets a random worker node,
  and the rules of its kube-proxy.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace import (
    ListenerClosed,
    PodCreated,
    PodFailed,
    ProcessCut,
    RolloutComplete,
    TargetDeregistered,
    TargetDrained,
    TargetHealthy,
    TargetRegistered,
    TargetUnhealthy,
)
from sim.control_plane.trace.nodes import (
    InstanceDeregistered,
    InstanceDrained,
    InstanceGone,
    InstanceUnhealthy,
    NodeTerminated,
    RolloutStalled,
)
from sim.data_plane.instances import Instances, lasting
from sim.data_plane.timeline import Timeline
from sim.experiment.restarts import with_restarts
from sim.experiment.two_sides import target_groups_of, with_new_side
from sim.experiment.two_target_groups import with_weights
from sim.scenario.cluster_switch import ClusterSwitchSpec
from sim.streams import Stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.control_plane.trace import Trace
    from sim.data_plane.timeline import Times
    from sim.scenario.pod import AfterTeardownSpec
    from sim.scenario.specs import Scenario, TargetGroupSpec
    from sim.streams import Streams


def timeline_of(trace: Trace, scenario: Scenario, streams: Streams) -> Timeline:
    """Return the timeline of a replication, built from its trace."""
    n_old = scenario.deployment.replicas
    n_targets = n_old + len(trace.of(PodCreated))
    instances = scenario.target_group.target_type == "instance"
    n_nodes = scenario.target_group.instances if instances else scenario.target_group.alb_nodes
    n_rows = target_groups_of(scenario) * n_nodes

    by_node = partial(_by_node, trace, (n_rows, n_targets))
    healthy_from_s = by_node(TargetHealthy)
    healthy_from_s[:n_nodes, : n_old - scenario.disrupted_by.unready_pods] = -np.inf
    failed_s = _failed_s(trace, n_targets)
    timeline = Timeline(
        listener_closed_s=_by_target(trace, n_targets, ListenerClosed),
        cut_s=_by_target(trace, n_targets, ProcessCut),
        drain_deadline_s=_drain_deadline_s(trace, n_targets),
        answers_until_s=np.minimum(failed_s["hang"], failed_s["node_lost"]),
        vanishes_s=failed_s["node_lost"],
        unreachable=_unreachable(scenario.pod.unreachable, n_targets, streams),
        pod=np.arange(n_targets, dtype=np.int32),
        # A worker node's rules hold a pod or do not: there are no `initial` targets to fail open to.
        registered_from_s=healthy_from_s if instances else _registered_from_s(trace, healthy_from_s, n_nodes),
        registered_until_s=by_node(TargetDrained),
        healthy_from_s=healthy_from_s,
        healthy_until_s=by_node(TargetUnhealthy),
        drains=scenario.pod.on_sigterm == "drain",
        rollout_complete_s=[*trace.of(RolloutComplete), *trace.of(RolloutStalled)][0].time_s,
        instances=_instances(trace, scenario.target_group) if instances else None,
    )
    if isinstance(scenario.disrupted_by, ClusterSwitchSpec):
        return with_new_side(timeline, trace, scenario.disrupted_by)
    if n_rows > n_nodes:
        return with_weights(timeline, trace, n_nodes)
    return with_restarts(timeline, trace)


def _by_target(trace: Trace, n_targets: int, kind: type[ListenerClosed | ProcessCut]) -> Times:
    """Return when each target had a record of this kind, shape (targets,)."""
    times = np.full(n_targets, np.inf)
    records = trace.of(kind)
    times[[record.pod for record in records]] = [record.time_s for record in records]
    return times


def _by_node(
    trace: Trace, shape: tuple[int, int], kind: type[TargetDrained | TargetHealthy | TargetUnhealthy]
) -> Times:
    """Return when each target had a record of this kind at each ALB node, shape (nodes, targets)."""
    times = np.full(shape, np.inf)
    records = trace.of(kind)
    times[[record.node for record in records], [record.pod for record in records]] = [
        record.time_s for record in records
    ]
    return times


def _drain_deadline_s(trace: Trace, n_targets: int) -> Times:
    """Return when the deregistration delay of each target has elapsed, shape (targets,)."""
    deadline_s = np.full(n_targets, np.inf)
    for deregistered in trace.of(TargetDeregistered):
        deadline_s[deregistered.pod] = deregistered.drain_deadline_s
    return deadline_s


def _failed_s(trace: Trace, n_targets: int) -> dict[str, Times]:
    """Return when each target's pod failed unasked, by the cause, each of shape (targets,)."""
    failed_s = {cause: np.full(n_targets, np.inf) for cause in ("crash", "hang", "node_lost")}
    for failed in trace.of(PodFailed):
        failed_s[failed.cause][failed.pod] = failed.time_s
    for ended in trace.of(NodeTerminated):
        failed_s["node_lost"][ended.pods] = np.minimum(failed_s["node_lost"][ended.pods], ended.time_s)
    return failed_s


def _instances(trace: Trace, target_group: TargetGroupSpec) -> Instances | None:
    """Return when worker nodes leave, None if all stay."""
    if not trace.of(InstanceGone) and not trace.of(InstanceDrained):
        return None
    instances = lasting(target_group.alb_nodes, target_group.instances)
    gone_s, deadline_s = instances.gone_s.copy(), instances.gone_s.copy()
    sent_until_s, heard_s = instances.sent_until_s.copy(), instances.sent_until_s.copy()
    for gone in trace.of(InstanceGone):
        gone_s[gone.instance] = gone.time_s
    for deregistered in trace.of(InstanceDeregistered):
        deadline_s[deregistered.instance] = deregistered.drain_deadline_s
    for drained in trace.of(InstanceDrained):
        sent_until_s[drained.node, drained.instance] = heard_s[drained.node, drained.instance] = drained.time_s
    for unhealthy in trace.of(InstanceUnhealthy):
        at = unhealthy.node, unhealthy.instance
        sent_until_s[at] = min(sent_until_s[at], unhealthy.time_s)
    return Instances(sent_until_s=sent_until_s, cut_s=np.maximum(heard_s, deadline_s), gone_s=gone_s)


def _registered_from_s(trace: Trace, healthy_from_s: Times, nodes: int) -> Times:
    """Return when each row's targets are registered; those healthy before the disruption are registered before it."""
    registered_from_s = np.full(healthy_from_s.shape, np.inf)
    for registered in trace.of(TargetRegistered):
        rows = slice(registered.target_group * nodes, (registered.target_group + 1) * nodes)
        registered_from_s[rows, registered.pod] = registered.time_s
    registered_from_s[np.isneginf(healthy_from_s)] = -np.inf
    return registered_from_s


def _unreachable(after_teardown: AfterTeardownSpec, n_targets: int, streams: Streams) -> NDArray[np.int8]:
    """Return what a connection meets at each address that is gone: one draw for each pod."""
    chance = streams.generator(Stream.AFTER_TEARDOWN).random(n_targets)
    refused, unreachable, _ = after_teardown.shares()
    return np.searchsorted([refused, refused + unreachable], chance, side="right").astype(np.int8)

"""The worker nodes of a replication for `perfetto`: which came and went, their addresses, and the waits of pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.trace.nodes import (
    InstanceGone,
    LaunchFailed,
    NodeAdded,
    NodesRequested,
    NodeTerminated,
    SandboxFailed,
    SubnetFull,
    SubnetHeld,
)
from sim.experiment.capacity import waits
from sim.report.perfetto_events import complete, counter, instant, thread
from sim.report.wording import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication
    from sim.report.perfetto_events import Event

AUTOSCALER, SUBNETS, MACHINES = range(3)
FIRST_NODE = 10
"""The thread of node 0. The threads of the other nodes follow."""


def waits_of_pods(replication: Replication, process: int) -> Iterator[Event]:
    """Yield what each new pod waited for, in its own thread."""
    until_s = replication.requests.window_until_s
    for wait in waits(replication.trace):
        yield from complete(process, wait.pod, "Pending, no node", wait.created_s, min(wait.scheduled_s, until_s))
        yield from complete(process, wait.pod, "no address", wait.scheduled_s, min(wait.addressed_s, until_s))
    for failed in replication.trace.of(SandboxFailed):
        yield from instant(process, failed.pod, "sandbox failed", failed.time_s)


def nodes(replication: Replication, process: int) -> Iterator[Event]:
    """Yield the nodes that came or went, what the autoscaler asked for, and each zone's addresses."""
    yield from _came(replication, process)
    yield from _went(replication, process)
    yield from _addresses(replication, process)


def _came(replication: Replication, process: int) -> Iterator[Event]:
    trace = replication.trace
    yield from thread(process, AUTOSCALER, "autoscaler")
    for requested in trace.of(NodesRequested):
        yield from instant(process, AUTOSCALER, f"{count(requested.nodes, 'node')} requested", requested.time_s)
    for failed in trace.of(LaunchFailed):
        yield from instant(process, AUTOSCALER, "launch failed, no address", failed.time_s)
    until_s = replication.requests.window_until_s
    for added in trace.of(NodeAdded):
        yield from thread(process, FIRST_NODE + added.node, f"node {added.node}")
        yield from complete(process, FIRST_NODE + added.node, "Ready", added.time_s, until_s, zone=added.zone)


def _went(replication: Replication, process: int) -> Iterator[Event]:
    yield from thread(process, MACHINES, "machines")
    for ended in replication.trace.of(NodeTerminated):
        pods = ", ".join(map(str, ended.pods))
        yield from instant(process, MACHINES, f"machine of pods {pods} terminated", ended.time_s)
    for gone in replication.trace.of(InstanceGone):
        yield from instant(process, MACHINES, f"machine of target {gone.instance} gone", gone.time_s)


def _addresses(replication: Replication, process: int) -> Iterator[Event]:
    yield from thread(process, SUBNETS, "subnets")
    for full in replication.trace.of(SubnetFull):
        yield from instant(process, SUBNETS, f"zone {full.zone} refused node {full.node} addresses", full.time_s)
    changes = replication.trace.of(SubnetHeld)
    at_first = {change.zone: change for change in changes if change.time_s <= 0}
    for change in [*at_first.values(), *(change for change in changes if change.time_s > 0)]:
        at_s = max(change.time_s, 0.0)
        yield counter(process, f"zone {change.zone}, addresses held", at_s, change.held)
        yield counter(process, f"zone {change.zone}, addresses used", at_s, change.used)

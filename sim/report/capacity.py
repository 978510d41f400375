"""Where the pods of a replication had their places and addresses, and what they waited for, in words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace.nodes import LaunchFailed, NodeAdded, PodScheduled, RolloutStalled, SandboxFailed
from sim.report.wording import count, listed, seconds, tenths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication


def is_stalled(replication: Replication) -> bool:
    """Return whether the disruption did not go on, as pods waited for room that does not come."""
    return bool(replication.trace.of(RolloutStalled))


def stall_of(replication: Replication) -> Iterator[str]:
    """Yield what is to be said of a disruption that does not go on."""
    for stalled in replication.trace.of(RolloutStalled):
        waiting = []
        if stalled.pending:
            waiting.append(f"{count(stalled.pending, 'pod')} for a node")
        for zone, pods in sorted(Counter(_zones(replication, stalled)).items()):
            waiting.append(f"{count(pods, 'pod')} for an address in zone {_letter(zone)}")
        yield (
            f"The rollout does not end. Still waiting: {listed(waiting)}; nothing is left that could make room. The "
            f"progress deadline passed at {seconds(stalled.time_s)}."
        )


def room_for(replication: Replication) -> Iterator[str]:
    """Yield what is to be said of the nodes and of the pods that waited for them; nothing without nodes."""
    room = replication.scenario.room
    if room is None:
        return
    waited_s = replication.pending_s
    waited_s = waited_s[waited_s > 0]
    yield (
        f"{count(room.nodes, 'node')} took {count(room.per_node, 'pod')} each, limited by {room.limited_by}: "
        f"{count(room.places, 'place')}."
    )
    if waited_s.size:
        yield (
            f"{count(waited_s.size, 'pod')} waited for a node, half of them {seconds(float(np.median(waited_s)))}, the "
            f"longest {seconds(float(waited_s.max()))}."
        )
    else:
        yield "No pod waited for a node."
    yield from _added(replication)
    if "vpc_cni" in replication.scenario.simulated_blocks:
        yield from _addresses(replication)


def _added(replication: Replication) -> Iterator[str]:
    ready_s = [added.time_s for added in replication.trace.of(NodeAdded)]
    if ready_s:
        by = replication.scenario.autoscaler.kind.replace("_", " ").title()
        yield f"{by} added {count(len(ready_s), 'node')}, Ready from {tenths(min(ready_s))} to {seconds(max(ready_s))}."
    failed = replication.trace.of(LaunchFailed)
    if failed:
        yield f"{count(len(failed), 'instance')} could not be launched: no subnet had an address for the node."


def _addresses(replication: Replication) -> Iterator[str]:
    addresses = replication.addresses
    yield (
        f"The nodes held at most {addresses.held:,} addresses, of which pods used {addresses.used:,}; the fullest "
        f"subnet had {addresses.free:,} left."
    )
    if addresses.refused_s is not None and addresses.refused_in is not None:
        where = f"in zone {_letter(addresses.refused_in)}"
        yield f"A node was refused addresses first at {seconds(addresses.refused_s)}, {where}."
    failed = replication.trace.of(SandboxFailed)
    if failed:
        pods = len({one.pod for one in failed})
        yield f"{count(len(failed), 'attempt')} to start a pod failed for want of an address, of {count(pods, 'pod')}."


def _zones(replication: Replication, stalled: RolloutStalled) -> list[int]:
    """Return the zone of each pod that has no address."""
    nodes = replication.scenario.nodes
    zones = 1 if nodes is None else nodes.zones
    node_of = {scheduled.pod: scheduled.node for scheduled in replication.trace.of(PodScheduled)}
    return [node_of[pod] % zones for pod in stalled.without_address]


def _letter(zone: int) -> str:
    return chr(ord("a") + zone)

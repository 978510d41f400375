"""What the pods of a replication waited for, and what its nodes held of their subnets."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.control_plane.trace import PodCreated
from sim.control_plane.trace.nodes import PodScheduled, RolloutStalled, SandboxFailed, SubnetFull, SubnetHeld

if TYPE_CHECKING:
    from sim.control_plane.trace import Trace
    from sim.data_plane.timeline import Times
    from sim.scenario.vpc_cni import VpcCniSpec


def pending_s(trace: Trace) -> Times:
    """Return each created pod's time without a node in seconds, in the order of creation, shape (pods,).

    A pod that never got one waited until the disruption was taken to have stalled.
    """
    stalled_s = next((stalled.time_s for stalled in trace.of(RolloutStalled)), np.inf)
    scheduled_s = {scheduled.pod: scheduled.time_s for scheduled in trace.of(PodScheduled)}
    waited_s = [scheduled_s.get(pod.pod, stalled_s) - pod.time_s for pod in trace.of(PodCreated)]
    return np.array(waited_s, dtype=np.float64)


class Wait(NamedTuple):
    """A created pod's wait: without a node from its creation until `scheduled_s`, without an address from then on.

    `addressed_s` is its last sandbox without one, `scheduled_s` if none failed. Both times are `inf` where they did not
    come.
    """

    pod: int
    created_s: float
    scheduled_s: float
    addressed_s: float


def waits(trace: Trace) -> list[Wait]:
    """Return the waits of the created pods that waited for a node or an address, in the order of creation.

    Where no nodes are simulated, none waited.
    """
    scheduled_s = {scheduled.pod: scheduled.time_s for scheduled in trace.of(PodScheduled)}
    if not scheduled_s:
        return []
    failed_s = {failed.pod: failed.time_s for failed in trace.of(SandboxFailed)}
    for stalled in trace.of(RolloutStalled):
        failed_s |= dict.fromkeys(stalled.without_address, np.inf)
    found = []
    for created in trace.of(PodCreated):
        at_s = scheduled_s.get(created.pod, np.inf)
        wait = Wait(created.pod, created.time_s, at_s, failed_s.get(created.pod, at_s))
        if wait.addressed_s > created.time_s:
            found.append(wait)
    return found


class SubnetsUse(NamedTuple):
    """How many addresses of all subnets the nodes hold from `time_s` on, and how many of these pods use."""

    time_s: float
    held: int
    used: int


def use_of_subnets(trace: Trace) -> list[SubnetsUse]:
    """Return each change of the addresses that the nodes hold, and pods use, in all zones together."""
    held: Counter[int] = Counter()
    used: Counter[int] = Counter()
    steps = []
    for change in trace.of(SubnetHeld):
        held[change.zone], used[change.zone] = change.held, change.used
        steps.append(SubnetsUse(change.time_s, held.total(), used.total()))
    return steps


class Addresses(NamedTuple):
    """What the nodes held of their subnets, from 0 s on.

    Attributes
    ----------
    held
        The most addresses that all nodes held at once, in all zones.
    used
        The most addresses that pods used at once.
    free
        The fewest that were free in one zone's subnet.
    refused_s
        When a node was first refused addresses, in s since the start of the disruption, None if none was.
    refused_in
        The zone in which that was.
    """

    held: int
    used: int
    free: int
    refused_s: float | None
    refused_in: int | None


def addresses_of(trace: Trace, cni: VpcCniSpec | None) -> Addresses:
    """Return a replication's addresses; the scenario must say how they are given."""
    size = 0 if cni is None else cni.usable - cni.other_addresses
    changes = trace.of(SubnetHeld)
    before = max(1, bisect_left(changes, 0.0, key=attrgetter("time_s")))
    of_zone = {change.zone: change for change in changes[:before]}
    held = most_held = sum(change.held for change in of_zone.values())
    used = most_used = sum(change.used for change in of_zone.values())
    most_of_zone = max((change.held for change in of_zone.values()), default=0)
    for change in changes[before:]:
        last, of_zone[change.zone] = of_zone.get(change.zone), change
        held += change.held - (last.held if last else 0)
        used += change.used - (last.used if last else 0)
        most_held, most_used = max(most_held, held), max(most_used, used)
        most_of_zone = max(most_of_zone, change.held)
    refused = next((full for full in trace.of(SubnetFull) if full.time_s >= 0), None)
    at = (None, None) if refused is None else (refused.time_s, refused.zone)
    return Addresses(most_held, most_used, size - most_of_zone, *at)

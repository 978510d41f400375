"""What the pods of a replication waited for, and what its nodes held of their subnets."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.control_plane.trace import PodCreated
from sim.control_plane.trace_of_nodes import PodScheduled, RolloutStalled, SubnetFull, SubnetHeld

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


class Addresses(NamedTuple):
    """A replication's addresses from 0 s on: the most held and used in all zones, the fewest free in one, a refusal."""

    held: int
    used: int
    free: int
    refused_s: float | None
    """When a node was first refused addresses, None if none was."""
    refused_in: int | None
    """The zone in which that was."""


def addresses_of(trace: Trace, cni: VpcCniSpec | None) -> Addresses:
    """Return a replication's addresses; the scenario must say how they are given."""
    size = 0 if cni is None else cni.usable - cni.other_addresses
    held: Counter[int] = Counter()
    used: Counter[int] = Counter()
    most_held = most_used = most_of_zone = 0
    changes = trace.of(SubnetHeld)
    for change, later in zip(changes, [*changes[1:], None], strict=True):
        held[change.zone], used[change.zone] = change.held, change.used
        if later is None or later.time_s >= 0:
            most_held, most_used = max(most_held, held.total()), max(most_used, used.total())
            most_of_zone = max(most_of_zone, *held.values())
    refused = next((full for full in trace.of(SubnetFull) if full.time_s >= 0), None)
    at = (None, None) if refused is None else (refused.time_s, refused.zone)
    return Addresses(most_held, most_used, size - most_of_zone, *at)

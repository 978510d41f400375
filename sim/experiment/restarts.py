"""Containers that restart in place, in the timeline: each is another target from then on, of the same pod.

The ALB knows one target, whose address stays. To requests this target is one that ends, and one that begins:
- The first life is sent requests until the restart at the latest.
- The second one is in each node's rotation from the restart on, if the node never took the target for unhealthy; else
  from `healthy_threshold` passed checks on.
- A target that was deregistered meanwhile, and registered anew, is in rotation from the first passed check on.

Assumed: a node hears of a target's registration after its deregistration, in the order of the calls.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace import (
    ContainerRestarted,
    TargetDeregistered,
    TargetDrained,
    TargetHealthy,
    TargetRecovered,
    TargetRegistered,
)
from sim.data_plane.timeline import Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.control_plane.trace import Trace
    from sim.data_plane.timeline import Timeline, Times


@dataclass(frozen=True, slots=True)
class Registration:
    """One registration of a target, from call to call: by ALB node when it is known and healthy; its deadline."""

    from_s: Times
    until_s: Times
    healthy_from_s: Times
    drain_deadline_s: float


def with_restarts(timeline: Timeline, trace: Trace) -> Timeline:
    """Return the timeline with a further target for each restarted container, or several if registered anew."""
    for restarted in trace.of(ContainerRestarted):
        timeline = _restarted(timeline, trace, restarted)
    return timeline


def _restarted(timeline: Timeline, trace: Trace, restarted: ContainerRestarted) -> Timeline:
    pod, at_s = restarted.pod, restarted.time_s
    first, *later = registrations = list(_registrations(trace, pod, timeline.registered_from_s.shape[0]))
    unhealthy_s = timeline.healthy_until_s[:, pod]
    recovered_s = np.where(np.isinf(unhealthy_s), -np.inf, _by_node(trace, TargetRecovered, pod, unhealthy_s.size)[0])
    registrations = [replace(first, healthy_from_s=recovered_s), *later]
    registered_until_s, unreachable = timeline.registered_until_s.copy(), timeline.unreachable.copy()
    registered_until_s[:, pod] = np.minimum(first.until_s, at_s)
    unreachable[pod] = Unreachable.CONNECT_REFUSED
    timeline = replace(timeline, registered_until_s=registered_until_s, unreachable=unreachable)
    for registration in registrations:
        from_s = np.maximum(registration.from_s, at_s)
        if np.any(from_s < registration.until_s):
            timeline = _with_target(timeline, replace(registration, from_s=from_s), pod)
    return timeline


def _registrations(trace: Trace, pod: int, nodes: int) -> Iterator[Registration]:
    """Yield an old pod's registrations, the one from before the disruption first."""
    calls_s = [record.time_s for record in trace.of(TargetRegistered) if record.pod == pod]
    deadlines_s = [record.drain_deadline_s for record in trace.of(TargetDeregistered) if record.pod == pod]
    healthy_s = _by_node(trace, TargetHealthy, pod, nodes)
    until_s = np.full(nodes, -np.inf)
    heard = zip_longest(deadlines_s, _by_node(trace, TargetDrained, pod, nodes)[: len(deadlines_s)])
    ends = [*heard, (np.inf, np.full(nodes, np.inf))]
    for number, (deadline_s, drained_s) in enumerate(ends[: len(calls_s) + 1]):
        from_s = np.maximum(until_s, calls_s[number - 1] if number else -np.inf)
        healthy_from_s = healthy_s[number - 1] if number else np.full(nodes, -np.inf)
        yield Registration(from_s, drained_s, healthy_from_s, deadline_s)
        until_s = drained_s


def _by_node(
    trace: Trace, kind: type[TargetDrained | TargetHealthy | TargetRecovered], pod: int, nodes: int
) -> list[Times]:
    """Return the times of a pod's records by node, one array for each time that it happened, and `inf` for never."""
    times_s: list[list[float]] = [[] for _ in range(nodes)]
    for record in trace.of(kind):
        if record.pod == pod:
            times_s[record.node].append(record.time_s)
    happened = zip_longest(*times_s, fillvalue=np.inf)
    return [*(np.array(at_s) for at_s in happened), np.full(nodes, np.inf)]


def _with_target(timeline: Timeline, registration: Registration, pod: int) -> Timeline:
    never = np.full(registration.from_s.size, np.inf)

    def by_node(of: Times, times_s: Times) -> Times:
        return np.column_stack((of, times_s))

    return replace(
        timeline,
        listener_closed_s=np.append(timeline.listener_closed_s, np.inf),
        cut_s=np.append(timeline.cut_s, np.inf),
        drain_deadline_s=np.append(timeline.drain_deadline_s, registration.drain_deadline_s),
        answers_until_s=np.append(timeline.answers_until_s, np.inf),
        vanishes_s=np.append(timeline.vanishes_s, np.inf),
        unreachable=np.append(timeline.unreachable, np.int8(Unreachable.CONNECT_REFUSED)),
        pod=np.append(timeline.pod, np.int32(pod)),
        registered_from_s=by_node(timeline.registered_from_s, registration.from_s),
        registered_until_s=by_node(timeline.registered_until_s, registration.until_s),
        healthy_from_s=by_node(timeline.healthy_from_s, registration.healthy_from_s),
        healthy_until_s=by_node(timeline.healthy_until_s, never),
    )

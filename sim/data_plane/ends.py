"""The race that decides how a request ends, described once for every estimator.

A request is answered when its pod has finished, unless something else comes first: the pod's end, the ALB, the client.

Modelled, as data:
- What a request meets that no server accepts, and how long its answer then takes (`UNACCEPTED`, `UNREACHABLE`).
- What cuts the requests on a target, by node and target (`CUTS`), and those in a prefork server's backlog (`RESET_BY`).
- What cuts the requests through a worker node that is deregistered (`CUT_AT_INSTANCE`).
- How long the ALB and the client wait for an answer, from a request's arrival on (`ends_of`).
- The earliest end wins. At one instant a finished request comes first, then the order of `Outcome` decides.
- A load balancer that is deleted ends what runs through it, and answers nobody any more. How long a client then waits
  is its own affair, and counts as no time here.
- A node that has not heard of a deregistration cuts nothing for it. A node that hears after the drain deadline cuts at
  that moment what it has sent until then.

To add an outcome: its number in `outcomes`, and its row here.

Sources: docs/facts/alb.md §3 (statuses, 3.1 s and 10 s); docs/model.md, "Data plane".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.data_plane.outcomes import Outcome
from sim.data_plane.timeline import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import PodSpec, TargetGroupSpec, TrafficSpec

# One request in 10^12 takes longer than this quantile.
_NEARLY_ALL = 1 - 1e-12
HELD_S = 120.0
"""How long after everybody has given up on a request it is looked for as one that holds a draining pod."""
CUTS: dict[Outcome, Callable[[Timeline], Times]] = {
    Outcome.CLOSED_IN_FLIGHT: lambda timeline: timeline.cut_s,
    Outcome.DEREGISTRATION_DELAY_ELAPSED: lambda timeline: np.maximum(
        timeline.drain_deadline_s, timeline.registered_until_s
    ),
    Outcome.OLD_ADDRESS_UNREACHABLE: lambda timeline: timeline.alb_deleted_s[:, None],
}
"""When the requests on a target are cut, shape (alb_nodes, targets) or (targets,), by their outcome."""


CUT_AT_INSTANCE = Outcome.DEREGISTRATION_DELAY_ELAPSED
"""The outcome of a request that runs through a worker node at that one's `cut_s` (`instances`)."""


RESET_BY = Outcome.CLOSED_IN_FLIGHT
"""The outcome of a request that no worker has taken when the listener of a prefork server closes."""


class Met(IntEnum):
    """What a request meets that no server accepts."""

    NO_TARGET = 0
    CLOSING_CONNECTION = 1
    CLOSED_LISTENER = 2
    NO_ALB = 3
    NO_ADDRESS = 4
    NO_MACHINE = 5


class Wait(NamedTuple):
    """How long somebody waits for a request, from its arrival on, and the outcome when that time is over."""

    longest_s: float
    outcome: Outcome


UNACCEPTED: dict[Met, Wait] = {
    Met.NO_TARGET: Wait(0.0, Outcome.NO_REGISTERED_TARGETS),
    Met.CLOSING_CONNECTION: Wait(0.0, Outcome.KEEP_ALIVE_RACE),
    Met.CLOSED_LISTENER: Wait(0.0, Outcome.CONNECT_REFUSED),
    Met.NO_ALB: Wait(0.0, Outcome.OLD_ADDRESS_UNREACHABLE),
}
"""What becomes of a request that no server accepts, unless the address is gone."""
BEHIND_WORKER_NODES: dict[Met, Wait] = {Met.NO_TARGET: Wait(0.0, Outcome.CONNECT_REFUSED)}
"""What differs with target type `instance`: a worker node without endpoints refuses."""
UNREACHABLE: dict[Unreachable, Wait] = {
    Unreachable.CONNECT_REFUSED: Wait(0.0, Outcome.CONNECT_REFUSED),
    Unreachable.HOST_UNREACHABLE: Wait(3.1, Outcome.HOST_UNREACHABLE),
    Unreachable.CONNECT_TIMEOUT: Wait(10.0, Outcome.CONNECT_TIMEOUT),
}
"""How long the ALB waits for an address that is gone, by what a new connection meets there."""


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """What ends a request that its pod does not finish.

    - `cut_s`, `cut_by`: by ALB node and target, the first time at which its requests are cut, and their `Outcome`.
    - `for_answer`: the shortest wait for the answer to an accepted request.
    - `reset_s`: by target, when a prefork server resets its backlog, `inf` for any other server.
    - `unaccepted_s`, `unaccepted_by`: by `Met` and target, how long the answer takes, and its `Outcome`.
    - `longest_service_s`: the longest service time, in effect.
    - `oldest_s`: how long before t = 0 a request came, at most, that is in flight then or holds a draining pod.
    """

    cut_s: Times
    cut_by: NDArray[np.int8]
    for_answer: Wait
    reset_s: Times
    unaccepted_s: Times
    unaccepted_by: NDArray[np.int8]
    longest_service_s: float
    oldest_s: float

    @property
    def longest_s(self) -> float:
        """Return the longest time for which an accepted request is in flight."""
        return min(self.for_answer.longest_s, self.longest_service_s)

    def by(self, met: Met) -> Outcome:
        """Return the outcome of requests that meet this at any target. Not for `NO_ADDRESS`: there targets differ."""
        return Outcome(self.unaccepted_by[met, 0])


def _longest_s(wait: Wait) -> float:
    return wait.longest_s


def ends_of(timeline: Timeline, traffic: TrafficSpec, pod: PodSpec, target_group: TargetGroupSpec) -> Ends:
    """Return what ends the requests of a replication."""
    cuts_s = np.empty((len(CUTS), *timeline.registered_until_s.shape))
    for row, cut_s in zip(cuts_s, CUTS.values(), strict=True):
        row[:] = cut_s(timeline)
    client = Wait(traffic.client_timeout_s or math.inf, Outcome.CLIENT_TIMEOUT)
    closed_s = timeline.listener_closed_s
    resets = (closed_s < timeline.vanishes_s) & (pod.accept == "prefork")
    gone = {met: min(wait, client, key=_longest_s) for met, wait in UNREACHABLE.items()}
    at_any = UNACCEPTED | {Met.NO_MACHINE: gone[Unreachable.CONNECT_TIMEOUT]}
    if target_group.target_type == "instance":
        at_any |= BEHIND_WORKER_NODES
    unaccepted_s, unaccepted_by = np.empty((len(Met), closed_s.size)), np.empty((len(Met), closed_s.size), np.int8)
    for met, wait in at_any.items():
        unaccepted_s[met], unaccepted_by[met] = wait
    no_address_s, no_address_by = zip(*(gone[met] for met in Unreachable), strict=True)
    unaccepted_s[Met.NO_ADDRESS] = np.array(no_address_s)[timeline.unreachable]
    unaccepted_by[Met.NO_ADDRESS] = np.array(no_address_by)[timeline.unreachable]
    for_answer = min(Wait(target_group.idle_timeout_s, Outcome.IDLE_TIMEOUT), client, key=_longest_s)
    longest_service_s = float(traffic.service_time_s.ppf(_NEARLY_ALL))
    held_s = HELD_S if timeline.drains else 0.0
    return Ends(
        cut_s=cuts_s.min(axis=0),
        cut_by=np.array(list(CUTS), np.int8)[cuts_s.argmin(axis=0)],
        for_answer=for_answer,
        reset_s=np.where(resets, closed_s, np.inf),
        unaccepted_s=unaccepted_s,
        unaccepted_by=unaccepted_by,
        longest_service_s=longest_service_s,
        oldest_s=min(longest_service_s, for_answer.longest_s + held_s),
    )

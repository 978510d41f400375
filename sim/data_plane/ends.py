"""The race that decides how a request ends, described once for every estimator.

A request is answered when its pod has finished, unless something else comes first: the pod's end, the ALB, the client.

Modelled, as data:
- What cuts the requests on a target, by node and target (`CUTS`).
- How long the ALB waits for an answer and for a connection, from a request's arrival on (`ends_of`).
- The earliest end wins. At one instant a finished request comes first, then the order of `Outcome` decides.
- A node that has not heard of a deregistration cuts nothing for it. If it hears after the drain deadline, it cuts then
  what it has sent until then.

To add an outcome: its number in `outcomes`, and its row here.

Sources: docs/facts/alb.md §3 (statuses, 3.1 s and 10 s); docs/model.md, "Data plane".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.data_plane.outcomes import Outcome
from sim.data_plane.timeline import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import TargetGroupSpec, TrafficSpec

# One request in 10^12 takes longer than this quantile.
_NEARLY_ALL = 1 - 1e-12
CUTS: dict[Outcome, Callable[[Timeline], Times]] = {
    Outcome.CLOSED_IN_FLIGHT: lambda timeline: timeline.cut_s,
    Outcome.DEREGISTRATION_DELAY_ELAPSED: lambda timeline: np.maximum(
        timeline.drain_deadline_s, timeline.registered_until_s
    ),
}
"""When the requests on a target are cut, shape (alb_nodes, targets) or (targets,), by their outcome."""


class Wait(NamedTuple):
    """How long somebody waits for a request, from its arrival on, and the outcome when that time is over."""

    longest_s: float
    outcome: Outcome


UNREACHABLE: dict[str, Wait] = {
    "connect_refused": Wait(0.0, Outcome.CONNECT_REFUSED),
    "host_unreachable": Wait(3.1, Outcome.HOST_UNREACHABLE),
    "connect_timeout": Wait(10.0, Outcome.CONNECT_TIMEOUT),
}
"""How long the ALB waits for an address that is gone, by what `pod.after_teardown` says of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """What ends a request that its pod does not finish.

    - `cut_s`, `cut_by`: by ALB node and target, the first time at which its requests are cut, and their `Outcome`.
    - `for_answer`: the shortest wait for the answer to an accepted request.
    - `unreachable_s`, `unreachable_by`: by target, the wait for a connection to an address that is gone, and its
      `Outcome`.
    - `nowhere`: the outcome of a request that finds no target.
    - `longest_service_s`: the longest service time, in effect.
    """

    cut_s: Times
    cut_by: NDArray[np.int8]
    for_answer: Wait
    unreachable_s: Times
    unreachable_by: NDArray[np.int8]
    nowhere: Outcome
    longest_service_s: float

    @property
    def longest_s(self) -> float:
        """Return the longest time for which an accepted request is in flight."""
        return min(self.for_answer.longest_s, self.longest_service_s)


def _longest_s(wait: Wait) -> float:
    return wait.longest_s


def ends_of(timeline: Timeline, traffic: TrafficSpec, target_group: TargetGroupSpec) -> Ends:
    """Return what ends the requests of a replication."""
    times_s = np.stack([np.broadcast_to(of(timeline), timeline.registered_until_s.shape) for of in CUTS.values()])
    instances = target_group.target_type == "instance"
    client = Wait(traffic.client_timeout_s or math.inf, Outcome.CLIENT_TIMEOUT)
    waits = [min(UNREACHABLE[met.name.lower()], client, key=_longest_s) for met in Unreachable]
    unreachable = [waits[met] for met in timeline.unreachable]
    return Ends(
        cut_s=times_s.min(axis=0),
        cut_by=np.array(list(CUTS), np.int8)[times_s.argmin(axis=0)],
        for_answer=min(Wait(target_group.idle_timeout_s, Outcome.IDLE_TIMEOUT), client, key=_longest_s),
        unreachable_s=np.array([wait.longest_s for wait in unreachable]),
        unreachable_by=np.array([wait.outcome for wait in unreachable], np.int8),
        nowhere=Outcome.CONNECT_REFUSED if instances else Outcome.NO_REGISTERED_TARGETS,
        longest_service_s=float(traffic.service_time_s.ppf(_NEARLY_ALL)),
    )

"""What becomes of a request.

An ALB answers for a target that refuses, vanishes, hangs up or is too slow. The causes can be told apart in its access
log by the status and the time until it.

Modelled:
- A request needs its target's listener at its arrival, and the process until its finish.
- While the listener is open, the request is accepted. Then its finish decides, or whatever comes before (`ends`).
- After the listener has closed, a request is refused while the pod's network exists, and meets no host after that.
- Intervals are half-open. At the very moment of a cut a finished request is finished (`ok`), and a connection at the
  very moment of the closing is refused.
- What a pod has not answered when it hangs, or vanishes with its node, it never answers: `finish_s` is then `inf`.
- A queue in the pod and pooled connections act before this module: `Sent` says when a request starts and which way it
  was sent.

Left out: round-trip times; retries (an ALB has none).

Sources: docs/facts/alb.md §3 (statuses); docs/model.md, "Data plane".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from http import HTTPStatus
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.data_plane.ends import Ends
    from sim.data_plane.timeline import Timeline, Times


class Outcome(IntEnum):
    """What became of a request. `name.lower()` is the outcome's name in results."""

    OK = 0
    CONNECT_REFUSED = 1
    HOST_UNREACHABLE = 2
    CLOSED_IN_FLIGHT = 3
    KEEP_ALIVE_RACE = 4
    DEREGISTRATION_DELAY_ELAPSED = 5
    IDLE_TIMEOUT = 6
    CONNECT_TIMEOUT = 7
    NO_REGISTERED_TARGETS = 8
    CLIENT_TIMEOUT = 9

    @property
    def status(self) -> int:
        """Return the HTTP status that the client gets."""
        return _STATUS.get(self, 502)


_STATUS = {
    Outcome.OK: 200,
    Outcome.IDLE_TIMEOUT: 504,
    Outcome.CONNECT_TIMEOUT: 504,
    Outcome.NO_REGISTERED_TARGETS: 503,
    Outcome.CLIENT_TIMEOUT: 460,
}
OUTCOMES_502 = tuple(outcome for outcome in Outcome if outcome.status == HTTPStatus.BAD_GATEWAY)


class Way(IntEnum):
    """How a request reached its target; see `serving`."""

    NEW = 0
    POOLED = 1
    RACED = 2


@dataclass(frozen=True, slots=True)
class Sent:
    """Requests that have been sent, as arrays of one length.

    `start_s`: when the pod begins to serve each. `finish_s`: when the pod would have answered. `way`: each one's `Way`.
    """

    arrival_s: Times
    finish_s: Times
    node: NDArray[np.int16]
    target: NDArray[np.int32]
    start_s: Times
    way: NDArray[np.int8]

    def __getitem__(self, at: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Sent:
        """Return the requests that `at` selects."""
        return Sent(*(getattr(self, name)[at] for name in self.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class Answers:
    """How requests ended. `answered_s` is when the client had the answer."""

    outcome: NDArray[np.int8]
    answered_s: Times


def first_trouble_s(timeline: Timeline) -> Times:
    """Return when each target's first trouble comes. A request finished before that is `ok`, except for idle timeouts.

    Shape (targets + 1,): the last place, which index -1 reads, stands for no target at all.
    """
    troubles_s = (timeline.listener_closed_s, timeline.cut_s, timeline.drain_deadline_s, timeline.answers_until_s)
    return np.append(np.minimum.reduce(troubles_s), -np.inf)


def accepted(sent: Sent, timeline: Timeline) -> NDArray[np.bool_]:
    """Return which requests the pod accepts: those that find an open listener, or a connection still served."""
    in_time = sent.arrival_s < timeline.listener_closed_s[sent.target]
    return np.asarray((sent.target >= 0) & (sent.way != Way.RACED) & (in_time | (sent.way == Way.POOLED)))


def reset_at_closing(sent: Sent, timeline: Timeline) -> NDArray[np.bool_]:
    """Return which accepted requests no worker takes before the listener closes: a prefork server resets them."""
    closed_s, vanishes_s = timeline.listener_closed_s[sent.target], timeline.vanishes_s[sent.target]
    return np.asarray((sent.way == Way.NEW) & (sent.start_s >= closed_s) & (closed_s < vanishes_s))


def classify(sent: Sent, timeline: Timeline, ends: Ends, *, network_gone_s: Times, prefork: bool = False) -> Answers:
    """Return each request's outcome.

    `network_gone_s`, shape (targets,), is when each target's address stops answering.
    """
    refused = sent.arrival_s < network_gone_s[sent.target]
    outcome = np.where(refused, Outcome.CONNECT_REFUSED, ends.unreachable_by[sent.target]).astype(np.int8)
    answered_s = np.where(refused, sent.arrival_s, sent.arrival_s + ends.unreachable_s[sent.target])
    lost = sent.target < 0
    outcome[lost] = ends.nowhere
    answered_s[lost] = sent.arrival_s[lost]
    raced = sent.way == Way.RACED
    outcome[raced] = Outcome.KEEP_ALIVE_RACE
    answered_s[raced] = sent.arrival_s[raced]
    inside = accepted(sent, timeline)
    served = _served(sent[inside], timeline, ends, prefork=prefork)
    outcome[inside] = served.outcome
    answered_s[inside] = served.answered_s
    return Answers(outcome, answered_s)


def _served(sent: Sent, timeline: Timeline, ends: Ends, *, prefork: bool) -> Answers:
    """Return the outcomes of accepted requests: the earliest end wins, in a tie the first in the order of `Outcome`."""
    cut_s, cut_by = ends.cut_s[sent.node, sent.target], ends.cut_by[sent.node, sent.target]
    if prefork:
        reset_s = np.where(reset_at_closing(sent, timeline), timeline.listener_closed_s[sent.target], np.inf)
        cut_by = np.where(reset_s <= cut_s, Outcome.CLOSED_IN_FLIGHT, cut_by)
        cut_s = np.minimum(reset_s, cut_s)
    ends_s = np.stack([sent.finish_s, cut_s, sent.arrival_s + ends.for_answer.longest_s])
    outcome = np.stack(np.broadcast_arrays(Outcome.OK, cut_by, ends.for_answer.outcome))
    first = np.argmin(ends_s, axis=0)[None]
    return Answers(*(np.take_along_axis(of_each, first, axis=0)[0] for of_each in (outcome.astype(np.int8), ends_s)))

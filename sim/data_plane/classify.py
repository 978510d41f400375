"""What becomes of each request: the data of `ends`, applied to requests that have been sent.

Modelled:
- A request needs its target's listener at its arrival, and the process until its finish.
- While the listener is open, the request is accepted. Then the request's finish decides, or whatever comes before.
- After the listener has closed, a request is refused while the pod's network exists, and meets no host after that.
- Intervals are half-open. At the very moment of a cut a finished request is finished (`ok`), and a connection at the
  very moment of the closing is refused.
- What a pod has not answered when it hangs, or vanishes with its node, it never answers: `finish_s` is then `inf`.
- A request through a worker node whose machine goes before the finish is never answered either.
- A queue in the pod and pooled connections act before this module: `Sent` says when a request starts and which way it
  was sent.

Left out: round-trip times; retries (an ALB has none).

Sources: docs/model.md, "Data plane".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.ends import CUT_AT_INSTANCE, RESET_BY, Met
from sim.data_plane.outcomes import Outcome
from sim.data_plane.sent import Way

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.data_plane.ends import Ends
    from sim.data_plane.sent import Sent
    from sim.data_plane.timeline import Timeline, Times


@dataclass(frozen=True, slots=True)
class Answers:
    """How requests ended. `answered_s` is when the client had the answer."""

    outcome: NDArray[np.int8]
    answered_s: Times


NO_ANSWERS = Answers(np.empty(0, np.int8), np.empty(0))


def first_trouble_s(timeline: Timeline) -> Times:
    """Return when each target's first trouble comes. A request finished before that is `ok`, except for idle timeouts.

    Shape (targets + 1,): the last place, which index -1 reads, stands for no target at all.
    """
    troubles_s = [timeline.listener_closed_s, timeline.cut_s, timeline.drain_deadline_s, timeline.answers_until_s]
    if timeline.old_side is not None:
        known = timeline.registered_from_s < np.inf
        troubles_s.append(np.where(known, timeline.alb_deleted_s[:, None], np.inf).min(axis=0))
    return np.append(np.minimum.reduce(troubles_s), -np.inf)


def accepted(sent: Sent, timeline: Timeline) -> NDArray[np.bool_]:
    """Return which requests the pod accepts: those that find an open listener, or a connection still served."""
    in_time = sent.arrival_s < timeline.listener_closed_s[sent.target]
    return np.asarray((sent.target >= 0) & (sent.way != Way.RACED) & (in_time | (sent.way == Way.POOLED)))


def is_reset(sent: Sent, ends: Ends) -> NDArray[np.bool_]:
    """Return which accepted requests no worker has taken when a prefork server resets its backlog."""
    return np.asarray((sent.way == Way.NEW) & (sent.start_s >= ends.reset_s[sent.target]))


def classify(sent: Sent, timeline: Timeline, ends: Ends, *, network_gone_s: Times) -> Answers:
    """Return each request's outcome.

    `network_gone_s`, shape (targets,), is when each target's address stops answering.
    """
    if not sent.arrival_s.size:
        return NO_ANSWERS
    met = _met(sent, timeline, network_gone_s)
    outcome, answered_s = ends.unaccepted_by[met, sent.target], sent.arrival_s + ends.unaccepted_s[met, sent.target]
    inside = accepted(sent, timeline)
    served = _served(sent[inside], timeline, ends)
    outcome[inside] = served.outcome
    answered_s[inside] = served.answered_s
    return Answers(outcome, answered_s)


def _met(sent: Sent, timeline: Timeline, network_gone_s: Times) -> NDArray[np.intp]:
    """Return what each request meets if no server accepts it, as a `Met`."""
    no_instance: NDArray[np.bool_] | bool = False
    if timeline.instances is not None:
        no_instance = (sent.target < 0) & (sent.arrival_s >= timeline.instances.gone_s[sent.node])
    met = (
        (Met.NO_ALB, sent.arrival_s >= timeline.alb_deleted_s[sent.node]),
        (Met.NO_MACHINE, no_instance),
        (Met.NO_TARGET, sent.target < 0),
        (Met.CLOSING_CONNECTION, sent.way == Way.RACED),
        (Met.CLOSED_LISTENER, sent.arrival_s < network_gone_s[sent.target]),
        (Met.NO_MACHINE, sent.arrival_s >= timeline.vanishes_s[sent.target]),
    )
    return np.select([np.broadcast_to(by, sent.target.shape) for _, by in met], [of for of, _ in met], Met.NO_ADDRESS)


def _served(sent: Sent, timeline: Timeline, ends: Ends) -> Answers:
    """Return the outcomes of accepted requests: the earliest end wins, in a tie the first in the order of `Outcome`."""
    reset_s = np.where(is_reset(sent, ends), ends.reset_s[sent.target], np.inf)
    cut_s, cut_by = ends.cut_s[sent.node, sent.target], ends.cut_by[sent.node, sent.target]
    finish_s, instance_cut_s = sent.finish_s, np.array(np.inf)
    if timeline.instances is not None:
        finish_s = np.where(finish_s > timeline.instances.gone_s[sent.node], np.inf, finish_s)
        instance_cut_s = timeline.instances.cut_s[sent.alb_node, sent.node]
    given_up_s = sent.arrival_s + ends.for_answer.longest_s
    ends_s = np.stack(np.broadcast_arrays(finish_s, reset_s, cut_s, instance_cut_s, given_up_s))
    outcome = np.stack(np.broadcast_arrays(Outcome.OK, RESET_BY, cut_by, CUT_AT_INSTANCE, ends.for_answer.outcome))
    first = np.argmin(ends_s, axis=0)[None]
    return Answers(*(np.take_along_axis(of_each, first, axis=0)[0] for of_each in (outcome.astype(np.int8), ends_s)))

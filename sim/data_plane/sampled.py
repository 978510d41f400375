"""The `sampled` estimator: every request of the window is drawn, sent to a target and classified.

Modelled: the window runs from t = 0 until the Deployment is complete, every old target has left every node's rotation
and every old pod is gone; requests accepted before it and not answered at t = 0 belong to it. A draining server's
process ends with its last request, so the window's end depends on the requests.
How: block by block in the order of arrival, so that memory does not grow with the number of requests; results do not
depend on the blocks. Nearly all requests are finished before their target's first trouble; only the rest are examined.
Left out: what the ALB had given up on (idle timeout) before t = 0 but a pod still works on.
Source: model.md, "Data plane".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.arrivals import RequestSource
from sim.data_plane.outcomes import Answers, Outcome, Sent, accepted, classify, first_trouble_s
from sim.data_plane.rotation import rotations
from sim.data_plane.routing import router
from sim.data_plane.window import fixed_until_s

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.data_plane.arrivals import Block
    from sim.data_plane.routing import Router
    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import PodSpec, TargetGroupSpec, TrafficSpec
    from sim.streams import Streams

BLOCK_SIZE = 2**17
# One request in 10^12 takes longer than this quantile; none is looked for that began so long before t = 0.
_NEARLY_ALL = 1 - 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What became of the requests of one replication's window.

    `counts`: how many requests ended in each `Outcome`, by its value.
    The requests that failed, in the order of their arrival, as arrays of one length: `arrival_s`; ALB `node`; `target`
    (-1: there was none); `outcome`; `answered_s`, when the client had its answer.
    """

    counts: NDArray[np.int64]
    window_until_s: float
    arrival_s: Times
    node: NDArray[np.int16]
    target: NDArray[np.int32]
    outcome: NDArray[np.int8]
    answered_s: Times

    @property
    def n_requests(self) -> int:
        """The requests of the window."""
        return int(self.counts.sum())

    @property
    def any_502(self) -> float:
        """1 if there was a 502, else 0."""
        return float(self.n_status(502) > 0)

    def n_status(self, status: int) -> int:
        """Count the requests answered with an HTTP status."""
        return sum(int(self.counts[outcome]) for outcome in Outcome if outcome.status == status)


def simulate_requests(
    timeline: Timeline,
    *,
    traffic: TrafficSpec,
    pod: PodSpec,
    target_group: TargetGroupSpec,
    streams: Streams,
) -> Requests:
    """Draw and classify every request of the window.

    Times in the timeline are either infinite or not before the rollout. Raises ValueError if the window has no end.
    """
    node_rotations = rotations(timeline)
    servers = _Servers(timeline, pod, target_group)
    tally = _Tally()
    past = _Past(traffic, target_group, nodes=len(node_rotations), streams=streams)
    send: Router
    if target_group.routing == "least_outstanding_requests":
        from sim.data_plane.least_outstanding import LeastOutstanding

        send = LeastOutstanding(node_rotations, timeline, pod, target_group, streams)
        before = past.sent_forwards(send)
    else:
        send = router(target_group, node_rotations, streams)
        before = past.sent_backwards(router(target_group, node_rotations, streams, before=True))
    servers.take(before)
    tally.add(before.arrival_s.size, before, servers.answers(before))
    source = RequestSource(traffic, nodes=len(node_rotations), streams=streams)
    now_s, complete = 0.0, False
    while not complete:
        block = source.take(_size(servers.window_until_s() - now_s, traffic.arrival_rate_rps))
        suspects, at = servers.suspects(_sent(block, send.route(block)))
        servers.take(suspects)
        inside = int(np.searchsorted(block.arrival_s, servers.window_until_s()))
        suspects = suspects[at < inside]
        tally.add(inside, suspects, servers.answers(suspects))
        now_s, complete = float(block.arrival_s[-1]), inside < block.arrival_s.size
    return tally.requests(servers.window_until_s())


class _Servers:
    """The pods behind the targets, and when each one's process ends."""

    def __init__(self, timeline: Timeline, pod: PodSpec, target_group: TargetGroupSpec) -> None:
        self._timeline = timeline
        self._pod = pod
        self._idle_timeout_s = target_group.idle_timeout_s
        self._trouble_s = first_trouble_s(timeline)
        self._last_finish_s = np.full(timeline.cut_s.size, -np.inf)
        self._fixed_until_s = fixed_until_s(timeline)

    def suspects(self, sent: Sent) -> tuple[Sent, NDArray[np.intp]]:
        """Give the requests that may not be `ok`, and their indices."""
        in_time = sent.finish_s < self._trouble_s.take(sent.target)
        in_time &= sent.finish_s <= sent.arrival_s + self._idle_timeout_s
        at = np.flatnonzero(~in_time)
        return sent[at], at

    def take(self, sent: Sent) -> None:
        """Let the pods work on them; those finished before their target's first trouble need not be told.

        All that arrived earlier must have been taken before.
        """
        inside = sent[accepted(sent, self._timeline)]
        np.maximum.at(self._last_finish_s, inside.target, inside.finish_s)

    def answers(self, sent: Sent) -> Answers:
        """Give the outcomes of requests that have been taken."""
        return classify(
            sent,
            self._timeline,
            network_gone_s=self._network_gone_s(),
            idle_timeout_s=self._idle_timeout_s,
            after_teardown=self._pod.after_teardown,
        )

    def window_until_s(self) -> float:
        """Give the window's end as it now stands: final as soon as a request that arrived after it has been taken."""
        gone_s = self._network_gone_s()[self._timeline.terminated]
        return float(gone_s.max(initial=self._fixed_until_s))

    def _network_gone_s(self) -> Times:
        """When each target's address stops answering; a draining process ends once its listener and requests have."""
        ended_s = self._timeline.cut_s
        if self._timeline.drains:
            ended_s = np.minimum(ended_s, np.maximum(self._timeline.listener_closed_s, self._last_finish_s))
        return ended_s + self._pod.sandbox_teardown_s


class _Past:
    """The requests before the rollout, of which those matter that were accepted and are not answered at t = 0."""

    def __init__(self, traffic: TrafficSpec, target_group: TargetGroupSpec, *, nodes: int, streams: Streams) -> None:
        self._source = RequestSource(traffic, nodes=nodes, streams=streams, before=True)
        self._rate_rps = traffic.arrival_rate_rps
        self._idle_timeout_s = target_group.idle_timeout_s
        self._oldest_s = min(self._idle_timeout_s, float(traffic.service_time_s.ppf(_NEARLY_ALL)))

    def sent_backwards(self, send: Router) -> Sent:
        """Give those in flight in the order of their arrival, sent by a router that takes the latest first."""
        return _concatenated([self._in_flight(_sent(block, send.route(block))) for block in self._blocks()])[::-1]

    def sent_forwards(self, send: Router) -> Sent:
        """Give those in flight in the order of their arrival, sent by a router that must have seen all before them."""
        parts = []
        for block in reversed(list(self._blocks())):
            inside = block[np.flatnonzero(block.arrival_s > -self._oldest_s)[::-1]]
            parts.append(self._in_flight(_sent(inside, send.route(inside))))
        return _concatenated(parts)

    def _blocks(self) -> Iterator[Block]:
        looked_back_s = -1.0
        while looked_back_s < self._oldest_s:
            block = self._source.take(_size(self._oldest_s - max(looked_back_s, 0.0), self._rate_rps))
            yield block
            looked_back_s = -float(block.arrival_s[-1])

    def _in_flight(self, sent: Sent) -> Sent:
        answered_s = np.minimum(sent.finish_s, sent.arrival_s + self._idle_timeout_s)
        return sent[(answered_s > 0) & (sent.target >= 0) & (sent.arrival_s > -self._oldest_s)]


def _size(left_s: float, rate_rps: float) -> int:
    """Give a block's size: hardly more than are left to draw."""
    expected = max(0.0, left_s) * rate_rps
    return min(BLOCK_SIZE, math.ceil(expected + 3 * math.sqrt(expected) + 16))


def _sent(block: Block, target: NDArray[np.int32]) -> Sent:
    return Sent(block.arrival_s, block.arrival_s + block.service_s, block.node, target)


def _concatenated(parts: list[Sent]) -> Sent:
    return Sent(
        np.concatenate([part.arrival_s for part in parts]),
        np.concatenate([part.finish_s for part in parts]),
        np.concatenate([part.node for part in parts]),
        np.concatenate([part.target for part in parts]),
    )


class _Tally:
    """Counts all requests and keeps those that failed."""

    def __init__(self) -> None:
        self._counts = np.zeros(len(Outcome), np.int64)
        self._failed: list[Sent] = []
        self._answers: list[Answers] = []

    def add(self, size: int, suspects: Sent, answers: Answers) -> None:
        """Add `size` requests, of which all but the suspects are `ok`."""
        self._counts[Outcome.OK] += size - answers.outcome.size
        self._counts += np.bincount(answers.outcome, minlength=len(Outcome))
        failed = np.flatnonzero(answers.outcome != Outcome.OK)
        self._failed.append(suspects[failed])
        self._answers.append(Answers(answers.outcome[failed], answers.answered_s[failed]))

    def requests(self, window_until_s: float) -> Requests:
        """Give what has been added."""
        failed = _concatenated(self._failed)
        return Requests(
            counts=self._counts,
            window_until_s=window_until_s,
            arrival_s=failed.arrival_s,
            node=failed.node,
            target=failed.target,
            outcome=np.concatenate([answers.outcome for answers in self._answers]),
            answered_s=np.concatenate([answers.answered_s for answers in self._answers]),
        )

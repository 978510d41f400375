"""The `sampled` estimator: every request of the window is drawn, sent to a target and classified.

Modelled: the window runs from t = 0 until the Deployment is complete, every old target has left every node's rotation
and every old pod is gone; requests accepted before it and not answered at t = 0 belong to it. A draining server's
process ends with its last request, so the window's end depends on the requests.
How: block by block in the order of arrival, so that memory does not grow with the number of requests; results do not
depend on the blocks. Nearly all requests are finished before their target's first trouble; only the rest are examined.
Left out, but for pods with a queue: what the ALB had given up on before t = 0 and a pod still works on.
Source: model.md, "Data plane".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sim.data_plane.arrivals import RequestSource
from sim.data_plane.latency import Latencies, Latency, of_law
from sim.data_plane.outcomes import Answers, Outcome, Sent, Way, accepted, classify, first_trouble_s, reset_at_closing
from sim.data_plane.rotation import rotations
from sim.data_plane.routing import NO_TARGET, router
from sim.data_plane.window import fixed_until_s

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.data_plane.arrivals import Block
    from sim.data_plane.one_by_one import OneByOne
    from sim.data_plane.rotation import Rotation
    from sim.data_plane.routing import Router
    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import PodSpec, TargetGroupSpec, TrafficSpec
    from sim.streams import Streams

BLOCK_SIZE = 2**17
# One request in 10^12 takes longer than this quantile; none is looked for that began so long before t = 0.
_NEARLY_ALL = 1 - 1e-12
# How long before t = 0 a queue may fill, over and above what requests can still do then.
QUEUE_WARM_UP_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What became of the requests of one replication's window.

    `counts`: how many requests ended in each `Outcome`, by its value.
    The requests that failed, in the order of their arrival, as arrays of one length: `arrival_s`; ALB `node`; `target`
    (-1: there was none); `outcome`; `answered_s`, when the client had its answer.
    `latency_before_s`, `latency_s`: of the requests answered with 200 before the rollout and in the window.
    """

    counts: NDArray[np.int64]
    window_until_s: float
    latency_before_s: Latency
    latency_s: Latency
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
    tally = _Tally(_Waits(traffic, pod, target_group))
    sender = _sender(timeline, node_rotations, pod, target_group, streams)
    past = _Past(traffic, pod, target_group, nodes=len(node_rotations), streams=streams)
    at_work = sender.at_work(past, tally.waits)
    servers.take(at_work)
    before = at_work[at_work.arrival_s > -target_group.idle_timeout_s]
    tally.add(before.arrival_s.size, before, servers.answers(before))
    source = RequestSource(traffic, nodes=len(node_rotations), streams=streams)
    now_s, complete = 0.0, False
    while not complete:
        block = source.take(_size(servers.window_until_s() - now_s, traffic.arrival_rate_rps))
        sent = sender.send(block)
        suspects, at = servers.suspects(sent)
        servers.take(suspects)
        inside = int(np.searchsorted(block.arrival_s, servers.window_until_s()))
        tally.waits.note(sent[:inside])
        suspects = suspects[at < inside]
        tally.add(inside, suspects, servers.answers(suspects))
        now_s, complete = float(block.arrival_s[-1]), inside < block.arrival_s.size
    return tally.requests(servers.window_until_s())


class _Sender(Protocol):
    """Sends requests block by block, in order, after those that were in flight at t = 0."""

    def at_work(self, past: _Past, waits: _Waits) -> Sent: ...

    def send(self, block: Block) -> Sent: ...


class _Independent:
    """Each request's fate is its own: sent in any order, those before t = 0 backwards from it."""

    def __init__(self, back: Router, forth: Router) -> None:
        self._back = back
        self._forth = forth

    def at_work(self, past: _Past, waits: _Waits) -> Sent:  # noqa: ARG002 - nobody waits
        return _concatenated([past.at_work(_sent(block, self._back)) for block in past.blocks()])[::-1]

    def send(self, block: Block) -> Sent:
        return _sent(block, self._forth)


class _InOrder:
    """Each request's fate depends on those before it."""

    def __init__(self, back: Router | None, forth: Router | None, one_by_one: OneByOne) -> None:
        self._back = back
        self._forth = forth
        self._one_by_one = one_by_one

    def at_work(self, past: _Past, waits: _Waits) -> Sent:
        routed = [(block, _routed(block, self._back)) for block in past.blocks()]
        parts = []
        for block, target in reversed(routed):
            young = np.flatnonzero(past.young_enough(block))[::-1]
            sent = self._one_by_one.send(block[young], target[young])
            waits.note_before(sent)
            parts.append(past.at_work(sent))
        return _concatenated(parts)

    def send(self, block: Block) -> Sent:
        return self._one_by_one.send(block, _routed(block, self._forth))


def _sender(
    timeline: Timeline,
    node_rotations: tuple[Rotation, ...],
    pod: PodSpec,
    target_group: TargetGroupSpec,
    streams: Streams,
) -> _Sender:
    back: Router | None = None
    forth: Router | None = None
    if target_group.routing != "least_outstanding_requests":
        forth = router(target_group, node_rotations, streams)
        back = router(target_group, node_rotations, streams, before=True)
        if pod.concurrency is None and not target_group.connection_reuse:
            return _Independent(back, forth)
    from sim.data_plane.one_by_one import OneByOne

    return _InOrder(back, forth, OneByOne(node_rotations, timeline, pod, target_group, streams))


def _routed(block: Block, send: Router | None) -> NDArray[np.int32]:
    return send.route(block) if send is not None else np.full(block.node.size, NO_TARGET, np.int32)


def _sent(block: Block, send: Router) -> Sent:
    finish_s = block.arrival_s + block.service_s
    way = np.broadcast_to(np.int8(Way.NEW), block.node.shape)
    return Sent(block.arrival_s, finish_s, block.node, send.route(block), block.arrival_s, way)


class _Servers:
    """The pods behind the targets, and when each one's process ends."""

    def __init__(self, timeline: Timeline, pod: PodSpec, target_group: TargetGroupSpec) -> None:
        self._timeline = timeline
        self._pod = pod
        self._idle_timeout_s = target_group.idle_timeout_s
        self._pooled = target_group.connection_reuse
        self._prefork = pod.accept == "prefork"
        self._drains = timeline.drains and not (self._pooled and pod.idle_connections_at_sigterm == "serve")
        self._trouble_s = first_trouble_s(timeline)
        self._last_finish_s = np.full(timeline.cut_s.size, -np.inf)
        self._fixed_until_s = fixed_until_s(timeline)

    def suspects(self, sent: Sent) -> tuple[Sent, NDArray[np.intp]]:
        """Give the requests that may not be `ok`, and their indices."""
        in_time = sent.finish_s < self._trouble_s.take(sent.target)
        in_time &= sent.finish_s <= sent.arrival_s + self._idle_timeout_s
        if self._pooled:
            in_time &= sent.way != Way.RACED
        at = np.flatnonzero(~in_time)
        return sent[at], at

    def take(self, sent: Sent) -> None:
        """Let the pods work on them; those finished before their target's first trouble need not be told.

        All that arrived earlier must have been taken before.
        """
        works = accepted(sent, self._timeline)
        if self._prefork:
            works &= ~reset_at_closing(sent, self._timeline)
        inside = sent[works]
        np.maximum.at(self._last_finish_s, inside.target, inside.finish_s)

    def answers(self, sent: Sent) -> Answers:
        """Give the outcomes of requests that have been taken."""
        return classify(
            sent,
            self._timeline,
            network_gone_s=self._network_gone_s(),
            idle_timeout_s=self._idle_timeout_s,
            after_teardown=self._pod.after_teardown,
            prefork=self._prefork,
        )

    def window_until_s(self) -> float:
        """Give the window's end as it now stands: final as soon as a request that arrived after it has been taken."""
        gone_s = self._network_gone_s()[self._timeline.terminated]
        return float(gone_s.max(initial=self._fixed_until_s))

    def _network_gone_s(self) -> Times:
        """When each target's address stops answering; a draining process ends once its listener and requests have.

        One that serves pooled connections lives until SIGKILL.
        """
        ended_s = self._timeline.cut_s
        if self._drains:
            ended_s = np.minimum(ended_s, np.maximum(self._timeline.listener_closed_s, self._last_finish_s))
        return ended_s + self._pod.sandbox_teardown_s


class _Past:
    """The requests before the rollout, of which those matter that a pod still works on at t = 0.

    Where a request's fate depends on those before it, more are looked at: those that may have left a queue or an idle
    connection behind.
    """

    def __init__(
        self, traffic: TrafficSpec, pod: PodSpec, target_group: TargetGroupSpec, *, nodes: int, streams: Streams
    ) -> None:
        self._source = RequestSource(traffic, nodes=nodes, streams=streams, before=True)
        self._rate_rps = traffic.arrival_rate_rps
        idle_timeout_s = target_group.idle_timeout_s
        self._oldest_s = min(idle_timeout_s, float(traffic.service_time_s.ppf(_NEARLY_ALL)))
        if pod.concurrency is not None:
            self._oldest_s = idle_timeout_s + QUEUE_WARM_UP_S
        if target_group.connection_reuse:
            self._oldest_s += min(idle_timeout_s, pod.keep_alive_timeout_s or math.inf)

    def blocks(self) -> Iterator[Block]:
        """Draw them block by block, the latest first."""
        looked_back_s = -1.0
        while looked_back_s < self._oldest_s:
            block = self._source.take(_size(self._oldest_s - max(looked_back_s, 0.0), self._rate_rps))
            yield block
            looked_back_s = -float(block.arrival_s[-1])

    def young_enough(self, block: Block | Sent) -> NDArray[np.bool_]:
        """Tell which are not too old to matter."""
        return block.arrival_s > -self._oldest_s

    def at_work(self, sent: Sent) -> Sent:
        """Give those of them that a pod still works on at t = 0, if the ALB has given up on them or not."""
        return sent[(sent.finish_s > 0) & (sent.target >= 0) & (sent.way != Way.RACED) & self.young_enough(sent)]


def _size(left_s: float, rate_rps: float) -> int:
    """Give a block's size: hardly more than are left to draw."""
    expected = max(0.0, left_s) * rate_rps
    return min(BLOCK_SIZE, math.ceil(expected + 3 * math.sqrt(expected) + 16))


def _concatenated(parts: list[Sent]) -> Sent:
    return Sent(*(np.concatenate([getattr(part, name) for part in parts]) for name in Sent.__dataclass_fields__))


class _Waits:
    """The latencies, where there is a queue.

    What fails is rare and not told from the rest, but for what would have taken longer than the idle timeout.
    """

    def __init__(self, traffic: TrafficSpec, pod: PodSpec, target_group: TargetGroupSpec) -> None:
        self._without_queue = of_law(traffic.service_time_s, target_group.idle_timeout_s)
        self._queues = pod.concurrency is not None
        self._idle_timeout_s = target_group.idle_timeout_s
        self._before = Latencies()
        self._within = Latencies()

    def note_before(self, sent: Sent) -> None:
        if self._queues:
            self._before.add(self._latency_s(sent[sent.arrival_s >= -QUEUE_WARM_UP_S]))

    def note(self, sent: Sent) -> None:
        if self._queues:
            self._within.add(self._latency_s(sent))

    def quantiles(self) -> tuple[Latency, Latency]:
        if not self._queues:
            return self._without_queue, self._without_queue
        return self._before.quantiles(), self._within.quantiles()

    def _latency_s(self, sent: Sent) -> Times:
        latency_s = (sent.finish_s - sent.arrival_s)[sent.target >= 0]
        return latency_s[latency_s <= self._idle_timeout_s]


class _Tally:
    """Counts all requests and keeps those that failed."""

    def __init__(self, waits: _Waits) -> None:
        self.waits = waits
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
        before_s, within_s = self.waits.quantiles()
        return Requests(
            counts=self._counts,
            window_until_s=window_until_s,
            latency_before_s=before_s,
            latency_s=within_s,
            arrival_s=failed.arrival_s,
            node=failed.node,
            target=failed.target,
            outcome=np.concatenate([answers.outcome for answers in self._answers]),
            answered_s=np.concatenate([answers.answered_s for answers in self._answers]),
        )

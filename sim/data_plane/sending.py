"""How requests are drawn, routed and taken up: independently, or one after the other where they depend on each other.

With most settings requests are independent. Independent requests are arrays from end to end, and those from before t =
0 are drawn and routed backwards from t = 0. With `least_outstanding_requests`, a pod's `concurrency`, pooled
connections or worker nodes they go one by one (`one_by_one`), from as long before t = 0 as matters.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sim.data_plane.arrivals import RequestSource
from sim.data_plane.cold import cold_until_s
from sim.data_plane.ring import NO_TARGET
from sim.data_plane.rotation import alb_rotations
from sim.data_plane.routing import routers
from sim.data_plane.sent import Sent, Way
from sim.data_plane.slow_start import slow_starts
from sim.scenario.cost import draws_in_order
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.data_plane.arrivals import Block
    from sim.data_plane.ends import Ends
    from sim.data_plane.latency import Waits
    from sim.data_plane.one_by_one import OneByOne
    from sim.data_plane.rotation import Rotation
    from sim.data_plane.routing import Router
    from sim.data_plane.split import Split
    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import PodSpec, TargetGroupSpec, TrafficSpec
    from sim.streams import Streams

BLOCK_SIZE = 2**17
"""The most requests of a block. The first has a quarter, whose arrays mostly fit in the memory that malloc has kept.

A fresh page of a larger block costs some 2 µs.
"""
QUEUE_WARM_UP_S = 60.0
"""How long before t = 0 a queue may fill, in addition to the longest time of a request in flight."""


class Sender(Protocol):
    """Sends requests block by block, in order, after those that were in flight at t = 0."""

    def at_work(self, past: Past, waits: Waits) -> Sent:
        """Return the requests from before t = 0 that matter, in the order of their arrival."""

    def send(self, block: Block) -> Sent:
        """Send the next block."""


class _Independent:
    """Each request's fate is independent of the others: those before t = 0 are sent backwards from t = 0."""

    def __init__(self, back: Router, forth: Router, cold_until_s: Times, cold_factor: float) -> None:
        self._back = back
        self._forth = forth
        self._cold_until_s = np.append(cold_until_s, -np.inf)
        self._cold_factor = cold_factor

    def at_work(self, past: Past, waits: Waits) -> Sent:  # noqa: ARG002 - nobody waits
        blocks = past.blocks()
        return concatenated([past.at_work(_sent(block, self._back.route(block))) for block in blocks])[::-1]

    def send(self, block: Block) -> Sent:
        target = self._forth.route(block)
        if self._cold_factor > 1:
            block.service_s[block.arrival_s < self._cold_until_s[target]] *= self._cold_factor
        return _sent(block, target)


class _InOrder:
    """Each request's fate depends on earlier requests."""

    def __init__(self, back: Router | None, forth: Router | None, one_by_one: OneByOne, streams: Streams) -> None:
        self._back = back
        self._forth = forth
        self._one_by_one = one_by_one
        self._choice_back = streams.generator(Stream.KUBE_PROXY_CHOICE_BEFORE)
        self._choice_forth = streams.generator(Stream.KUBE_PROXY_CHOICE)

    def at_work(self, past: Past, waits: Waits) -> Sent:
        routed = [
            (block, _routed(block, self._back), self._choice_back.random(block.node.size)) for block in past.blocks()
        ]
        parts = []
        for block, target, choice in reversed(routed):
            young = np.flatnonzero(past.young_enough(block))[::-1]
            sent = self._one_by_one.send(block[young], target[young], choice[young])
            waits.note_before(sent)
            parts.append(past.at_work(sent))
        return concatenated(parts)

    def send(self, block: Block) -> Sent:
        choice = self._choice_forth.random(block.node.size)
        return self._one_by_one.send(block, _routed(block, self._forth), choice)


def sender_of(
    timeline: Timeline,
    node_rotations: tuple[Rotation, ...],
    ends: Ends,
    pod: PodSpec,
    target_group: TargetGroupSpec,
    streams: Streams,
) -> Sender:
    """Return the way in which a scenario's requests are sent."""
    back: Router | None = None
    forth: Router | None = None
    if target_group.routing != "least_outstanding_requests":
        routed_over = alb_rotations(timeline, target_group)
        back, forth = routers(target_group, routed_over, streams, slow_starts(timeline, target_group))
        if not draws_in_order(pod, target_group):
            return _Independent(back, forth, cold_until_s(timeline, pod), pod.cold_factor)
    from sim.data_plane.one_by_one import OneByOne

    return _InOrder(back, forth, OneByOne(node_rotations, timeline, ends, pod, target_group, streams), streams)


def _routed(block: Block, send: Router | None) -> NDArray[np.int32]:
    return send.route(block) if send is not None else np.full(block.node.size, NO_TARGET, np.int32)


def _sent(block: Block, target: NDArray[np.int32]) -> Sent:
    """Send a block's requests to their targets. The block's array of service times becomes that of the finishes."""
    finish_s = np.add(block.arrival_s, block.service_s, out=block.service_s)
    way = np.broadcast_to(np.int8(Way.NEW), target.shape)
    return Sent(block.arrival_s, finish_s, block.node, target, block.arrival_s, way, block.node)


class Past:
    """The requests before the rollout. Only requests matter on which a pod still works at t = 0.

    Where a request's fate depends on earlier requests, more of them matter: those that may have left a queue or an
    idle connection behind.
    """

    def __init__(
        self,
        traffic: TrafficSpec,
        ends: Ends,
        pod: PodSpec,
        target_group: TargetGroupSpec,
        *,
        nodes: int,
        streams: Streams,
        split: Split | None = None,
        all_since_s: float = 0.0,
    ) -> None:
        """Start at t = 0, with nothing drawn. All requests of the last `all_since_s` matter."""
        self._source = RequestSource(traffic, nodes=nodes, streams=streams, before=True, split=split)
        self._rate_rps = traffic.arrival_rate_rps
        self._oldest_s = ends.oldest_s
        if pod.concurrency is not None:
            self._oldest_s = max(self._oldest_s, ends.for_answer.longest_s + QUEUE_WARM_UP_S)
        if target_group.connection_reuse:
            self._oldest_s += min(target_group.idle_timeout_s, pod.keep_alive_timeout_s or math.inf)
        self._all_since_s = all_since_s
        self._oldest_s = max(self._oldest_s, all_since_s)

    def blocks(self) -> Iterator[Block]:
        """Yield the requests block by block, the latest first, at least those that are not too old to matter."""
        looked_back_s = -1.0
        while looked_back_s < self._oldest_s:
            block = self._source.take(block_size(max(looked_back_s, 0.0), self._oldest_s, self._rate_rps))
            yield block
            looked_back_s = -float(block.arrival_s[-1])

    def young_enough(self, block: Block | Sent) -> NDArray[np.bool_]:
        """Return which requests are not too old to matter."""
        return block.arrival_s > -self._oldest_s

    def at_work(self, sent: Sent) -> Sent:
        """Return the requests on which a pod still works at t = 0, and all of the last `all_since_s`.

        Requests on which the ALB has given up count too.
        """
        sent = sent[np.flatnonzero((sent.finish_s > 0) | (sent.arrival_s > -self._all_since_s))]
        works = (sent.finish_s > 0) & (sent.target >= 0) & (sent.way != Way.RACED) & self.young_enough(sent)
        return sent[works | (sent.arrival_s > -self._all_since_s)]


def block_size(now_s: float, until_s: float, rate_rps: float) -> int:
    """Return the size of the next block, hardly more than the requests that are left to draw."""
    expected = max(0.0, until_s - now_s) * rate_rps
    most = BLOCK_SIZE if now_s > 0 else math.ceil(BLOCK_SIZE / 4)
    return min(most, math.ceil(expected + 3 * math.sqrt(expected) + 16))


def concatenated(parts: list[Sent]) -> Sent:
    """Put requests one after the other."""
    return Sent(*(np.concatenate([getattr(part, name) for part in parts]) for name in Sent.__dataclass_fields__))

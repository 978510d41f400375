"""Which target a request is sent to: the ALB's routing algorithms, each node on its own.

The real thing: each ALB node runs the target group's algorithm over what is in its rotation; AWS publishes the names
(`round_robin`, `least_outstanding_requests`, `weighted_random`), not the code.
Modelled: `round_robin` as a queue of turns: who has had a turn goes to the end. Where the rotation changes, who stays
keeps its place and a newcomer gets a random one, as the order at the start is random, for each node. (So at any moment
each of n targets is the next in turn with probability 1/n, whatever the changes: a property, not an approximation.)
`random`: uniform over the node's rotation (weighted_random without weights).
Requests from before the rollout take the turns backwards from t = 0.
`least_outstanding_requests` has a module of its own. With target type `instance` the targets are the worker nodes, and
`kube_proxy_rules` says which pod is behind one.
Left out: stickiness, automatic target weights. Source: docs/facts/alb.md §2; docs/model.md, "Data plane".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sim.data_plane.arrivals import Block
    from sim.data_plane.rotation import Rotation
    from sim.data_plane.timeline import Times
    from sim.scenario.specs import TargetGroupSpec
    from sim.streams import Streams

    Targets = NDArray[np.int32]

NO_TARGET = -1


class Router(Protocol):
    """Sends requests to targets; it has a memory, so blocks come to it in order."""

    def route(self, block: Block) -> Targets:
        """Return each request's target; `NO_TARGET` where the node's rotation is empty."""


def router(
    target_group: TargetGroupSpec, node_rotations: Sequence[Rotation], streams: Streams, *, before: bool = False
) -> Router:
    """Make the router of `round_robin` or `random`; with `before` that of the requests before t = 0, latest first."""
    rings = [_ring(rotation, streams, node, before=before) for node, rotation in enumerate(node_rotations)]
    if target_group.routing == "random":
        return _Random(rings, streams.generator(Stream.ROUTING_BEFORE if before else Stream.ROUTING))
    return _RoundRobin(rings)


class Ring:
    """The targets in one node's rotation in their order, as time goes on."""

    def __init__(self, rotation: Rotation, place: Times) -> None:
        """Order by `place[target]`, in [0, 1), who is there from the start; a newcomer's says how far behind it joins.

        It joins with `floor(place * (size + 1))` turns before its own.
        """
        from_the_start = np.isneginf(rotation.from_s)
        # Newcomers of one instant join one after the other in an order that has nothing to do with their places.
        order = np.lexsort((np.where(from_the_start, place[rotation.target], rotation.target), rotation.from_s))
        self._target = np.append(rotation.target[order], np.int32(NO_TARGET))
        self._place = place[rotation.target[order]].tolist()
        from_s, until_s = rotation.from_s[order], rotation.until_s[order]
        change_s = np.unique(np.concatenate((from_s, until_s)))
        self._change_s = change_s[np.isfinite(change_s)]
        self._joined_by = np.searchsorted(from_s, self._change_s, side="right").tolist()
        self._left_by = np.searchsorted(np.sort(until_s), self._change_s, side="right").tolist()
        self._leavers = np.argsort(until_s, kind="stable").tolist()
        self._changes = 0
        self._joined = int(np.count_nonzero(from_the_start))
        self._left = 0
        # A member is the index of its spell, in the order of joining.
        self._members = np.arange(order.size, dtype=np.int32)
        self._size = self._joined
        self._next = 0

    def in_turn(self, arrival_s: Times) -> Targets:
        """Return each arrival (ascending, after all earlier ones) the next target in turn."""
        member = np.empty(arrival_s.size, np.int32)
        for start, stop in self._stretches(arrival_s):
            member[start:stop] = self._turns(stop - start)
        return self._target[member]

    def by_choice(self, arrival_s: Times, choice: Times) -> Targets:
        """Return each arrival (ascending, after all earlier ones) the target its uniform draw points at."""
        member = np.full(arrival_s.size, NO_TARGET, np.int32)
        for start, stop in self._stretches(arrival_s):
            if self._size:
                index = (choice[start:stop] * self._size).astype(np.int32)
                member[start:stop] = self._members.take(index)
        return self._target[member]

    def _turns(self, count: int) -> Targets | int:
        if not self._size:
            return NO_TARGET
        turn = np.arange(self._next, self._next + count, dtype=np.int32) % self._size
        self._next = (self._next + count) % self._size
        return self._members.take(turn)

    def _stretches(self, arrival_s: Times) -> Iterator[tuple[int, int]]:
        """Cut the arrivals where the rotation changes; while a stretch is out, the members are those of it."""
        if not arrival_s.size:
            return
        due = int(np.searchsorted(self._change_s, arrival_s[-1], side="right"))
        start = 0
        for stop in np.searchsorted(arrival_s, self._change_s[self._changes : due]).tolist():
            if start < stop:
                yield start, stop
            self._change()
            start = stop
        yield start, arrival_s.size

    def _change(self) -> None:
        """Let those leave and then those join whose time it is."""
        joined_by, left_by = self._joined_by[self._changes], self._left_by[self._changes]
        for spell in self._leavers[self._left : left_by]:
            self._remove(spell)
        for spell in range(self._joined, joined_by):
            self._insert(spell)
        self._joined, self._left = joined_by, left_by
        self._changes += 1

    def _remove(self, spell: int) -> None:
        at = int(np.flatnonzero(self._members[: self._size] == spell)[0])
        self._members[at : self._size - 1] = self._members[at + 1 : self._size]
        self._size -= 1
        if at < self._next:
            self._next -= 1
        if self._next == self._size:
            self._next = 0

    def _insert(self, spell: int) -> None:
        at = self._next + int(self._place[spell] * (self._size + 1))
        if at > self._size:
            at -= self._size
            self._next += 1
        self._members[at + 1 : self._size + 1] = self._members[at : self._size]
        self._members[at] = spell
        self._size += 1


class _RoundRobin:
    def __init__(self, rings: list[Ring]) -> None:
        self._rings = rings

    def route(self, block: Block) -> Targets:
        target = np.empty(block.node.size, np.int32)
        for node, ring in enumerate(self._rings):
            at = block.at_node(node)
            target[at] = ring.in_turn(block.arrival_s[at])
        return target


class _Random:
    def __init__(self, rings: list[Ring], rng: np.random.Generator) -> None:
        self._rings = rings
        self._rng = rng

    def route(self, block: Block) -> Targets:
        target = np.empty(block.node.size, np.int32)
        choice = self._rng.random(block.node.size)
        for node, ring in enumerate(self._rings):
            at = block.at_node(node)
            target[at] = ring.by_choice(block.arrival_s[at], choice[at])
        return target


def _ring(rotation: Rotation, streams: Streams, node: int, *, before: bool) -> Ring:
    """Make a node's ring. Backwards from t = 0, before which nothing changes, its order is reversed."""
    targets = int(rotation.target.max(initial=-1)) + 1
    place = streams.generator(Stream.RING_ORDER, node).random(targets)
    return Ring(rotation, 1 - place if before else place)

"""Which target a request is sent to: the ALB's routing algorithms, each node on its own.

Each ALB node runs the target group's algorithm over the targets in its rotation. AWS publishes the names
(`round_robin`, `least_outstanding_requests`, `weighted_random`), not the code.

Modelled:
- `round_robin` is a queue of turns: a target that has had a turn goes to the end. The order at the start is random, for
  each node. When the rotation changes, members keep their places and a newcomer gets a random one.
- So at any moment each of n targets is the next in turn with probability 1/n, whatever the changes. That is a property,
  not an approximation.
- `random`: uniform over the node's rotation (weighted_random without weights).
- Requests from before the rollout take the turns backwards from t = 0.
- With target type `instance` the targets are the worker nodes; `kube_proxy_rules` selects the pod behind one.
- `least_outstanding_requests` has a module of its own.

Left out: stickiness, automatic target weights.

Sources: docs/facts/alb.md §2; docs/model.md, "Data plane".
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
    """Sends requests to targets. Blocks must come in order, because a router has a memory."""

    def route(self, block: Block) -> Targets:
        """Return each request's target, `NO_TARGET` where the node's rotation is empty."""


def router(
    target_group: TargetGroupSpec, node_rotations: Sequence[Rotation], streams: Streams, *, before: bool = False
) -> Router:
    """Return the router of `round_robin` or `random`; with `before`, that of requests before t = 0, latest first."""
    rings = [_ring(rotation, streams, node, before=before) for node, rotation in enumerate(node_rotations)]
    if target_group.routing == "random":
        return _Random(rings, streams.generator(Stream.ROUTING_BEFORE if before else Stream.ROUTING))
    return _RoundRobin(rings)


class Ring:
    """The targets in one node's rotation in order, as time goes on.

    The queue of turns is an array that nothing rotates: `_next` is the place of the next turn, and counts on modulo the
    size. A change shifts the members behind its place by one, and moves `_next` so that the same target stays next.
    """

    def __init__(self, rotation: Rotation, place: Times) -> None:
        """Order the targets of the start by `place[target]`, in [0, 1).

        A newcomer joins with `floor(place * (size + 1))` turns before its own.
        """
        from_the_start = np.isneginf(rotation.from_s)
        # Newcomers of one instant join by number, an order that is independent of their places.
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
        """Return the next target in turn for each arrival. Arrivals ascend, and follow those of earlier calls."""
        target = np.empty(arrival_s.size, np.int32)
        for start, stop in self._stretches(arrival_s):
            self._take_turns(target[start:stop])
        return target

    def by_choice(self, arrival_s: Times, choice: Times) -> Targets:
        """Return the target that each arrival's uniform draw selects. Arrivals ascend, as in `in_turn`."""
        member = np.full(arrival_s.size, NO_TARGET, np.int32)
        for start, stop in self._stretches(arrival_s):
            if self._size:
                index = (choice[start:stop] * self._size).astype(np.int32)
                member[start:stop] = self._members.take(index)
        return self._target[member]

    def _take_turns(self, out: Targets) -> None:
        """Fill an array with the targets of the next turns."""
        if not self._size:
            out[:] = NO_TARGET
            return
        rounds, rest = divmod(out.size, self._size)
        turn = np.arange(self._next, self._next + min(out.size, self._size), dtype=np.int32) % self._size
        in_turn = self._target[self._members[turn]]
        if rounds:
            out[: rounds * self._size].reshape(rounds, self._size)[:] = in_turn
        out[rounds * self._size :] = in_turn[:rest]
        self._next = (self._next + rest) % self._size

    def _stretches(self, arrival_s: Times) -> Iterator[tuple[int, int]]:
        """Yield the arrivals between changes of the rotation. While a stretch is out, `_members` are its members."""
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
        """Make the changes of the next instant: leavers first, then newcomers."""
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
        # The new place counts from the next turn and may wrap around the array's end. Inserted before the next turn,
        # the newcomer shifts that turn by one.
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
        if len(self._rings) == 1:
            return self._rings[0].in_turn(block.arrival_s)
        target = np.empty(block.node.size, np.int32)
        for node, ring in enumerate(self._rings):
            at = block.at_node(node, len(self._rings))
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
            at = block.at_node(node, len(self._rings))
            target[at] = ring.by_choice(block.arrival_s[at], choice[at])
        return target


def _ring(rotation: Rotation, streams: Streams, node: int, *, before: bool) -> Ring:
    """Return a node's ring. With `before` the order is reversed, as turns run backwards from t = 0."""
    targets = int(rotation.target.max(initial=-1)) + 1
    place = streams.generator(Stream.RING_ORDER, node).random(targets)
    return Ring(rotation, 1 - place if before else place)

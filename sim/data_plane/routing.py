"""Which target a request is sent to: the ALB's routing algorithms, each node on its own.

Each ALB node runs the target group's algorithm over the targets in its rotation. AWS publishes the names
(`round_robin`, `least_outstanding_requests`, `weighted_random`), not the code.

Modelled:
- `round_robin` is a queue of turns: a target that has had a turn goes to the end. The order at the start is random, for
  each node. When the rotation changes, members keep their places and a newcomer gets a random one.
- So at any moment each of n targets is the next in turn with probability 1/n, whatever the changes. This chance is a
  property, not an approximation.
- `random`: uniform over the node's rotation (weighted_random without weights).
- Requests from before the rollout take the turns backwards from t = 0.
- With target type `instance` the targets are the worker nodes; `kube_proxy_rules` selects the pod behind one.
- `least_outstanding_requests` has a module of its own.
- In slow start a target has a part of its share (`slow_start`): while some target has, each request is drawn by these
  shares, and the turns wait.

Left out: stickiness, automatic target weights.

Sources: docs/facts/alb.md §2; docs/model.md, "Data plane".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from sim.data_plane.ring import Ring
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sim.data_plane.arrivals import Block
    from sim.data_plane.rotation import Rotation
    from sim.data_plane.slow_start import SlowStart
    from sim.scenario.specs import TargetGroupSpec
    from sim.streams import Streams

    Targets = NDArray[np.int32]
    At = NDArray[np.intp] | slice


class Router(Protocol):
    """Sends requests to targets. Blocks must come in order, because a router has a memory."""

    def route(self, block: Block) -> Targets:
        """Return each request's target, `NO_TARGET` where the node's rotation is empty."""


def routers(
    target_group: TargetGroupSpec,
    node_rotations: Sequence[Rotation],
    streams: Streams,
    slow_starts: Sequence[SlowStart] = (),
) -> tuple[Router, Router]:
    """Return the routers of `round_robin` or `random`: of requests before t = 0, latest first, and of those after."""
    rings = [_ring(rotation, streams, node) for node, rotation in enumerate(node_rotations)]
    before = [ring.backwards() for ring in rings]
    if target_group.routing == "random":
        choices, choices_before = streams.generator(Stream.ROUTING), streams.generator(Stream.ROUTING_BEFORE)
        return _Random(before, choices_before), _Random(rings, choices)
    if slow_starts:
        after = _WithSlowStart(rings, slow_starts, node_rotations, streams.generator(Stream.ROUTING))
        return _RoundRobin(before), after
    return _RoundRobin(before), _RoundRobin(rings)


class _RoundRobin:
    def __init__(self, rings: list[Ring]) -> None:
        self._rings = rings

    def route(self, block: Block) -> Targets:
        if len(self._rings) == 1:
            return self._rings[0].in_turn(block.arrival_s)
        return _node_by_node(block, self._rings, lambda _, ring, at: ring.in_turn(block.arrival_s[at]))


class _WithSlowStart:
    def __init__(
        self,
        rings: list[Ring],
        slow_starts: Sequence[SlowStart],
        node_rotations: Sequence[Rotation],
        rng: np.random.Generator,
    ) -> None:
        self._rings = rings
        self._slow_starts = slow_starts
        self._begins_s = [
            ring.by_spell(slow_start.of(rotation))
            for ring, slow_start, rotation in zip(rings, slow_starts, node_rotations, strict=True)
        ]
        self._rng = rng

    def route(self, block: Block) -> Targets:
        choice = self._rng.random(block.node.size)

        def drawn(node: int, ring: Ring, at: At) -> Targets:
            return ring.by_weight(block.arrival_s[at], choice[at], self._begins_s[node], self._slow_starts[node])

        return _node_by_node(block, self._rings, drawn)


class _Random:
    def __init__(self, rings: list[Ring], rng: np.random.Generator) -> None:
        self._rings = rings
        self._rng = rng

    def route(self, block: Block) -> Targets:
        choice = self._rng.random(block.node.size)
        return _node_by_node(block, self._rings, lambda _, ring, at: ring.by_choice(block.arrival_s[at], choice[at]))


def _node_by_node(block: Block, rings: list[Ring], targets_of: Callable[[int, Ring, At], Targets]) -> Targets:
    """Return the target of each request of a block, as each node's ring says for the requests at that node."""
    target = np.empty(block.node.size, np.int32)
    for node, ring in enumerate(rings):
        at = block.at_node(node, len(rings))
        target[at] = targets_of(node, ring, at)
    return target


def _ring(rotation: Rotation, streams: Streams, node: int) -> Ring:
    targets = int(rotation.target.max(initial=-1)) + 1
    return Ring(rotation, streams.generator(Stream.RING_ORDER, node).random(targets))

"""`least_outstanding_requests`: each ALB node sends a request to the target that has the fewest of its open.

The real thing: the target group's algorithm of that name; AWS publishes what it does, not how ties are broken, and says
of no node that it knows another's requests.
Modelled: each node counts its own requests that are not answered yet. Of those with the fewest, the target that was
sent one the longest ago is next (a newcomer as if it had been sent one when it joined; at the start a random order). So
a target that refuses at once never has an open request, and as soon as all others have one draws all that comes: the
black hole. One that does not answer at all (`after_teardown`) fills up like any other.
Before t = 0 each node starts with nothing open, so early that no request from then is still running at t = 0.
Left out: slow start, weights. Source: facts/alb §2; model.md, "Data plane".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.compiled import NOBODY, Changes, Open, Pods, least_outstanding
from sim.data_plane.outcomes import UNREACHABLE
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.data_plane.arrivals import Block
    from sim.data_plane.rotation import Rotation
    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import PodSpec, TargetGroupSpec
    from sim.streams import Streams


class LeastOutstanding:
    """Sends requests to targets; it has a memory, so blocks come to it in order, those before t = 0 first."""

    def __init__(
        self,
        node_rotations: Sequence[Rotation],
        timeline: Timeline,
        pod: PodSpec,
        target_group: TargetGroupSpec,
        streams: Streams,
    ) -> None:
        """Start with nothing open at any node, and in rotation who is there before the rollout."""
        targets = timeline.cut_s.size
        self._pods = pods(timeline, pod, target_group)
        self._changes = _all_changes(node_rotations)
        places = [streams.generator(Stream.RING_ORDER, node).random(targets) for node in range(len(node_rotations))]
        self._open = _nothing_open(node_rotations, places)

    def route(self, block: Block) -> NDArray[np.int32]:
        """Give each request's target; -1 where the node's rotation is empty."""
        self._make_room(block.node.size)
        target = np.empty(block.node.size, np.int32)
        least_outstanding(block.arrival_s, block.service_s, block.node, target, self._pods, self._changes, self._open)
        return target

    def _make_room(self, requests: int) -> None:
        """Let every node's heap hold what is open and this many more."""
        needed = int(self._open.heap_size.max()) + requests
        room = self._open.heap_s.shape[1]
        if room < needed:
            more = ((0, 0), (0, needed - room))
            self._open = self._open._replace(
                heap_s=np.pad(self._open.heap_s, more), heap_target=np.pad(self._open.heap_target, more)
            )


def pods(timeline: Timeline, pod: PodSpec, target_group: TargetGroupSpec) -> Pods:
    """Give what decides when a request is answered, before any has been sent."""
    return Pods(
        closed_s=timeline.listener_closed_s,
        cut_s=timeline.cut_s,
        deadline_s=timeline.drain_deadline_s,
        heard_s=timeline.registered_until_s,
        last_finish_s=np.full(timeline.cut_s.size, -np.inf),
        drains=timeline.drains,
        teardown_s=pod.sandbox_teardown_s,
        unreachable_s=UNREACHABLE[pod.after_teardown][1],
        idle_timeout_s=target_group.idle_timeout_s,
    )


def _nothing_open(node_rotations: Sequence[Rotation], places: Sequence[Times]) -> Open:
    nodes, targets = len(places), places[0].size
    width = 1 << max(1, (targets - 1).bit_length())
    key = np.full((nodes, width), NOBODY)
    turn = np.zeros(nodes, np.int64)
    for node, (rotation, place) in enumerate(zip(node_rotations, places, strict=True)):
        members = rotation.target[np.isneginf(rotation.from_s)]
        key[node, members[np.argsort(place[members])]] = np.arange(members.size)
        turn[node] = members.size
    return Open(
        turn=turn,
        n_open=np.zeros((nodes, targets), np.int64),
        key=key,
        winner=_tournaments(key),
        heap_s=np.zeros((nodes, 0)),
        heap_target=np.zeros((nodes, 0), np.int32),
        heap_size=np.zeros(nodes, np.int64),
    )


def _all_changes(node_rotations: Sequence[Rotation]) -> Changes:
    parts = [_changes(rotation) for rotation in node_rotations]
    sizes = np.array([at_s.size for at_s, _, _ in parts])
    at_s, target, joins = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    end = np.cumsum(sizes)
    return Changes(at_s, target, joins, end - sizes, end)


def _changes(rotation: Rotation) -> tuple[Times, NDArray[np.int32], NDArray[np.bool_]]:
    """Give one rotation's changes: when, who, and whether it joins; who leaves at an instant before who joins."""
    at_s = np.concatenate((rotation.until_s, rotation.from_s))
    target = np.concatenate((rotation.target, rotation.target))
    joins = np.repeat([False, True], rotation.target.size)
    order = np.lexsort((target, joins, at_s))
    order = order[np.isfinite(at_s[order])]
    return at_s[order], target[order], joins[order]


def _tournaments(key: NDArray[np.int64]) -> NDArray[np.int32]:
    """Give each row's tournament: place 1 has the column of the smallest key, place k the winner of 2k and 2k + 1."""
    nodes, width = key.shape
    winner = np.zeros((nodes, 2 * width), np.int32)
    winner[:, width:] = np.arange(width)
    rows = np.arange(nodes)
    for at in range(width - 1, 0, -1):
        left, right = winner[:, 2 * at], winner[:, 2 * at + 1]
        winner[:, at] = np.where(key[rows, left] <= key[rows, right], left, right)
    return winner

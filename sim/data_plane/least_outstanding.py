"""`least_outstanding_requests`: each ALB node sends a request to the target on which it has the fewest open.

AWS publishes what the algorithm of that name does, not how ties are broken. AWS does not say that a node knows another
node's requests.

Modelled:
- Each node counts its own requests that are not answered yet.
- Among the targets with the fewest, the next is the one to which the last request was sent the longest ago. A newcomer
  counts as if it had been sent one when it joined. The order at the start is random.
- So a target that refuses at once never has an open request. As soon as all others have one, it draws every request:
  the black hole. A target that does not answer at all (`after_teardown`) fills up like any other.
- With target type `instance` the targets are the worker nodes, and all have the same pods in their rules. A worker node
  that passes requests on to a dead pod is answered sooner, but only for that pod's share (`kube_proxy_rules`).

How: for each node a tournament of the targets, and a heap of the answers to come. Both structures are compiled.

Left out: slow start, weights.

Sources: docs/facts/alb.md §2; docs/model.md, "Data plane".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.data_plane.compiled import part_of_loop, pop, push, set_key
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.data_plane.changes import Changes
    from sim.data_plane.rotation import Rotation
    from sim.data_plane.timeline import Times
    from sim.streams import Streams

    Ints = NDArray[np.int64]

_NOBODY = np.iinfo(np.int64).max
# A key is the number of open requests times this, plus the turn at which the target was last sent a request. So one
# comparison of integers orders targets by open requests first and by the longest wait second.
_MOST_TURNS = np.int64(2**40)


class Open(NamedTuple):
    """The open requests as each node counts them.

    By node and target: `n_open`, and `key`, whose smallest value selects the next target. By node: `winner`, a
    tournament (see `set_key`), `turn`, the number of turns so far, and a heap of `heap_size` answers to come.
    """

    turn: Ints
    n_open: Ints
    key: Ints
    winner: Ints
    heap_s: Times
    heap_target: Ints
    heap_size: Ints


def nothing_open(node_rotations: Sequence[Rotation], targets: int, streams: Streams) -> Open:
    """Return the state without open requests, with the rotations as they are before the rollout."""
    nodes = len(node_rotations)
    width = 1 << max(1, (targets - 1).bit_length())
    key = np.full((nodes, width), _NOBODY)
    turn = np.zeros(nodes, np.int64)
    for node, rotation in enumerate(node_rotations):
        place = streams.generator(Stream.RING_ORDER, node).random(targets)
        members = rotation.target[np.isneginf(rotation.from_s)]
        key[node, members[np.argsort(place[members])]] = np.arange(members.size)
        turn[node] = members.size
    return Open(
        turn=turn,
        n_open=np.zeros((nodes, targets), np.int64),
        key=key,
        winner=_tournaments(key),
        heap_s=np.zeros((nodes, 0)),
        heap_target=np.zeros((nodes, 0), np.int64),
        heap_size=np.zeros(nodes, np.int64),
    )


def _tournaments(key: Ints) -> Ints:
    """Return each row's tournament.

    Place k holds the winner of places 2k and 2k + 1, so place 1 holds the smallest key's column. The places from
    `width` on hold the columns themselves.
    """
    nodes, width = key.shape
    winner = np.zeros((nodes, 2 * width), np.int64)
    winner[:, width:] = np.arange(width)
    rows = np.arange(nodes)
    for at in range(width - 1, 0, -1):
        left, right = winner[:, 2 * at], winner[:, 2 * at + 1]
        winner[:, at] = np.where(key[rows, left] <= key[rows, right], left, right)
    return winner


def with_room(open_: Open, requests: int) -> Open:
    """Return the state with heaps that have room for the open requests and this many more."""
    more = int(open_.heap_size.max()) + requests - open_.heap_s.shape[1]
    if more <= 0:
        return open_
    wider = ((0, 0), (0, more))
    return open_._replace(heap_s=np.pad(open_.heap_s, wider), heap_target=np.pad(open_.heap_target, wider))


@part_of_loop
def note_answers(open_: Open, node: int, now_s: float) -> None:
    """Close the requests that have been answered by now."""
    heap_s, heap_target, size = open_.heap_s[node], open_.heap_target[node], open_.heap_size[node]
    while size > 0 and heap_s[0] <= now_s:
        target = heap_target[0]
        pop(heap_s, heap_target, size)
        size -= 1
        open_.n_open[node, target] -= 1
        key = open_.key[node, target]
        if key != _NOBODY:
            set_key(open_.key[node], open_.winner[node], target, key - _MOST_TURNS)
    open_.heap_size[node] = size


@part_of_loop
def note_changes(open_: Open, changes: Changes, node: int, now_s: float) -> None:
    """Make the changes of a node's rotation that are due."""
    at, end, turn = changes.next[node], changes.end[node], open_.turn[node]
    while at < end and changes.at_s[at] <= now_s:
        target = changes.target[at]
        turn += 1
        key = open_.n_open[node, target] * _MOST_TURNS + turn
        set_key(open_.key[node], open_.winner[node], target, key if changes.joins[at] else _NOBODY)
        at += 1
    changes.next[node], open_.turn[node] = at, turn


@part_of_loop
def fewest_open(open_: Open, changes: Changes, node: int, now_s: float) -> int:
    """Return the target that is next at a node, or -1 if the node's rotation is empty."""
    note_answers(open_, node, now_s)
    note_changes(open_, changes, node, now_s)
    chosen: int = open_.winner[node, 1]
    return -1 if open_.key[node, chosen] == _NOBODY else chosen


@part_of_loop
def note_sent(open_: Open, node: int, target: int, now_s: float, answered_s: float) -> None:
    """Open a request until it is answered. A request that is answered at once is never open."""
    n_open, turn = open_.n_open[node, target], open_.turn[node] + 1
    if answered_s > now_s:
        size = open_.heap_size[node]
        push(open_.heap_s[node], open_.heap_target[node], size, answered_s, target)
        open_.heap_size[node] = size + 1
        n_open += 1
        open_.n_open[node, target] = n_open
    open_.turn[node] = turn
    set_key(open_.key[node], open_.winner[node], target, n_open * _MOST_TURNS + turn)

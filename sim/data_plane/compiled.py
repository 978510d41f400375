"""The loops over single requests that no array operation can do, compiled with numba on first use.

Whoever needs one imports this module then and not before: numba takes a while to load, the first call a while longer to
compile. The machine code is kept in numba's cache for the next process, if there is a place for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, ParamSpec, TypeVar, cast

import numba
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sim.data_plane.timeline import Times

    Ints = NDArray[np.int64]
    Targets = NDArray[np.int32]

P = ParamSpec("P")
R = TypeVar("R")

NOBODY = np.iinfo(np.int64).max
"""The key of a target that is not in rotation."""
# A key is the number of open requests times this, plus the turn at which the target was last sent one.
_MOST_TURNS = np.int64(2**40)


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function; without a cache where numba finds no place to write one."""
    try:
        return cast("Callable[P, R]", numba.njit(cache=True)(function))
    except RuntimeError:
        return cast("Callable[P, R]", numba.njit(function))


class Pods(NamedTuple):
    """What decides when a request is answered.

    By target: `closed_s`, `cut_s`, `deadline_s`, and `last_finish_s`, which the loops keep; by node and target:
    `heard_s`, when the node hears of the deregistration (see `timeline`). The others are the scenario's.
    """

    closed_s: Times
    cut_s: Times
    deadline_s: Times
    heard_s: Times
    last_finish_s: Times
    drains: bool
    teardown_s: float
    unreachable_s: float
    idle_timeout_s: float


class Changes(NamedTuple):
    """All changes of all rotations, one node's after the other's, each in their order; by node: the next, the end."""

    at_s: Times
    target: Targets
    joins: NDArray[np.bool_]
    next: Ints
    end: Ints


class Open(NamedTuple):
    """The open requests as each node counts them.

    By node and target: `n_open`, and `key`, whose smallest is the next target; `winner`: a tournament for each
    node (see `set_key`). By node: `turn`, how many turns it has had, and a heap of `heap_size` answers to come.
    """

    turn: Ints
    n_open: Ints
    key: Ints
    winner: Targets
    heap_s: Times
    heap_target: Targets
    heap_size: Ints


@compiled
def push(heap_s: Times, heap_target: Targets, size: int, time_s: float, target: int) -> None:
    """Add an event to a heap of this size, whose earliest is the first."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if heap_s[parent] <= time_s:
            break
        heap_s[at], heap_target[at] = heap_s[parent], heap_target[parent]
        at = parent
    heap_s[at], heap_target[at] = time_s, target


@compiled
def pop(heap_s: Times, heap_target: Targets, size: int) -> None:
    """Take the first event off a heap of this size."""
    last = size - 1
    time_s, target = heap_s[last], heap_target[last]
    at, child = 0, 1
    while child < last:
        if child + 1 < last and heap_s[child + 1] < heap_s[child]:
            child += 1
        if heap_s[child] >= time_s:
            break
        heap_s[at], heap_target[at] = heap_s[child], heap_target[child]
        at, child = child, 2 * child + 1
    heap_s[at], heap_target[at] = time_s, target


@compiled
def set_key(key: Ints, winner: Targets, target: int, value: int) -> None:
    """Change a target's key in a tournament, whose winner, `winner[1]`, has the smallest one."""
    key[target] = value
    at = (key.size + target) >> 1
    while at >= 1:
        left, right = winner[2 * at], winner[2 * at + 1]
        winner[at] = left if key[left] <= key[right] else right
        at >>= 1


@compiled
def answered_s(pods: Pods, node: int, target: int, now_s: float, service_s: float) -> float:
    """Give when a request that is sent now will be answered, and let the pod work on it."""
    if now_s >= pods.closed_s[target]:
        ended_s = pods.cut_s[target]
        if pods.drains:
            ended_s = min(ended_s, max(pods.closed_s[target], pods.last_finish_s[target]))
        return now_s if now_s < ended_s + pods.teardown_s else now_s + pods.unreachable_s
    finish_s = now_s + service_s
    pods.last_finish_s[target] = max(pods.last_finish_s[target], finish_s)
    late = now_s >= pods.deadline_s[target]
    cut_off_s = pods.heard_s[node, target] if late else pods.deadline_s[target]
    return float(min(finish_s, pods.cut_s[target], cut_off_s, now_s + pods.idle_timeout_s))


@compiled
def note_answers(open_: Open, node: int, now_s: float) -> None:
    """Close what has been answered by now."""
    heap_s, heap_target = open_.heap_s[node], open_.heap_target[node]
    while open_.heap_size[node] > 0 and heap_s[0] <= now_s:
        target = heap_target[0]
        pop(heap_s, heap_target, open_.heap_size[node])
        open_.heap_size[node] -= 1
        open_.n_open[node, target] -= 1
        if open_.key[node, target] != NOBODY:
            set_key(open_.key[node], open_.winner[node], target, open_.key[node, target] - _MOST_TURNS)


@compiled
def note_changes(open_: Open, changes: Changes, node: int, now_s: float) -> None:
    """Let those leave and join whose time it is."""
    while changes.next[node] < changes.end[node] and changes.at_s[changes.next[node]] <= now_s:
        target, joins = changes.target[changes.next[node]], changes.joins[changes.next[node]]
        open_.turn[node] += 1
        key = open_.n_open[node, target] * _MOST_TURNS + open_.turn[node]
        set_key(open_.key[node], open_.winner[node], target, key if joins else NOBODY)
        changes.next[node] += 1


@compiled
def least_outstanding(
    arrival_s: Times,
    service_s: Times,
    node: NDArray[np.int16],
    target: Targets,
    pods: Pods,
    changes: Changes,
    open_: Open,
) -> None:
    """Send each request to the target with the fewest open ones of its node: fill `target`, -1 where there is none."""
    for k in range(arrival_s.size):
        now_s, at = arrival_s[k], node[k]
        note_answers(open_, at, now_s)
        note_changes(open_, changes, at, now_s)
        chosen = open_.winner[at, 1]
        if open_.key[at, chosen] == NOBODY:
            target[k] = -1
            continue
        target[k] = chosen
        end_s = answered_s(pods, at, chosen, now_s, service_s[k])
        if end_s > now_s:
            open_.n_open[at, chosen] += 1
            push(open_.heap_s[at], open_.heap_target[at], open_.heap_size[at], end_s, chosen)
            open_.heap_size[at] += 1
        open_.turn[at] += 1
        key = open_.n_open[at, chosen] * _MOST_TURNS + open_.turn[at]
        set_key(open_.key[at], open_.winner[at], chosen, key)

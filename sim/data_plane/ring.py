"""The targets in one node's rotation in order, as time goes on: whose turn is next.

Modelled: see `routing`, whose algorithms take their targets from it.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.data_plane.rotation import Rotation
    from sim.data_plane.slow_start import SlowStart
    from sim.data_plane.timeline import Times

    Targets = NDArray[np.int32]

NO_TARGET = -1
_DRAWN_AT_ONCE = 4096
"""For how many requests the shares are worked out together; it bounds the memory alone."""


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
        self._order = order
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

    def backwards(self) -> Ring:
        """Return the ring of the turns before the first one, the latest first. Nothing changes there."""
        ring = copy(self)
        ring._members = self._members[: self._size][::-1]  # noqa: SLF001 - of its own class
        ring._change_s = self._change_s[:0]  # noqa: SLF001 - of its own class
        return ring

    def by_spell(self, of_rotation: Times) -> Times:
        """Return what belongs to the rotation's spells in the order in which this ring numbers them."""
        return of_rotation[self._order]

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

    def by_weight(self, arrival_s: Times, choice: Times, begins_s: Times, slow_start: SlowStart) -> Targets:
        """Return the next target in turn, or while some target is in slow start the one that the draw selects.

        `begins_s[k]` is when spell k's slow start begins. The draw runs through the shares of the ring's members, those
        without a slow start first.
        """
        target = np.empty(arrival_s.size, np.int32)
        for start, stop in self._stretches(arrival_s):
            begins = begins_s[self._members[: self._size]]
            last_s = begins.max(initial=-np.inf) + slow_start.duration_s
            drawn = start + int(np.searchsorted(arrival_s[start:stop], last_s))
            full = np.isneginf(begins)
            ordered = np.concatenate((self._members[: self._size][full], self._members[: self._size][~full]))
            for first in range(start, drawn, _DRAWN_AT_ONCE):
                at = slice(first, min(first + _DRAWN_AT_ONCE, drawn))
                shares = slow_start.weight(begins_s[ordered], arrival_s[at, None]).cumsum(axis=1)
                chosen = (shares <= choice[at, None] * shares[:, -1:]).sum(axis=1)
                target[at] = self._target[ordered[np.minimum(chosen, ordered.size - 1)]]
            self._take_turns(target[drawn:stop])
        return target

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
        due = int(self._change_s.searchsorted(arrival_s[-1], side="right"))
        start = 0
        for stop in arrival_s.searchsorted(self._change_s[self._changes : due]).tolist():
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

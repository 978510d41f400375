"""A rotation in the slow data plane, a process of its own: who joins, who leaves, whose turn it is.

Written from docs/model.md, "Target group and ALB nodes", and docs/facts/alb.md.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.verification.reference.clock_twin import At

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from sim.data_plane.timeline import Timeline
    from sim.verification.reference.clock_twin import Clock, Process

    Interval = tuple[float, float]


class Rotation:
    """The members of a node's rotation, or of a worker node's rules, as time goes on, and whose turn it is."""

    def __init__(self, registered: list[Interval], healthy: list[Interval], place: Sequence[float] | None) -> None:
        """Start with each target's intervals. `place` says where newcomers join the ring; None: at the end."""
        self._place = place
        self._registered = registered
        self._healthy = healthy
        moments = {time for interval in registered + healthy for time in interval}
        self._moments = sorted(time for time in moments if math.isfinite(time))
        first = self._members(-math.inf)
        self.ring = sorted(first, key=lambda target: place[target]) if place is not None else sorted(first)
        self._turn = self.ring[0] if self.ring else None
        self.left_s: dict[int, float] = {}
        self.on_join: Callable[[int], object] = lambda _: None

    def changes(self, clock: Clock) -> Process:
        """Make each change when it is due, and pass each newcomer to `on_join`."""
        for moment_s in self._moments:
            yield clock.at(moment_s, At.CHANGE)
            self._change(moment_s)

    def next_in_turn(self) -> int | None:
        """Return the target whose turn it is, and pass the turn on (round robin)."""
        target = self._turn
        if target is not None:
            self._turn = self.ring[(self.ring.index(target) + 1) % len(self.ring)]
        return target

    def chosen(self, choice: float) -> int | None:
        """Return the target that the draw selects (random routing)."""
        return self.ring[int(choice * len(self.ring))] if self.ring else None

    def _change(self, now_s: float) -> None:
        """Make the changes that are due: leavers first, then newcomers."""
        members = self._members(now_s)
        self._turn = self._first_that_stays(members)
        self.left_s.update({target: now_s for target in self.ring if target not in members})
        self.ring = [target for target in self.ring if target in members]
        for target in sorted(members.difference(self.ring)):
            self._join(target)
            self.on_join(target)

    def _join(self, newcomer: int) -> None:
        """Add a newcomer behind a random number of turns, any of which is equally likely."""
        if self._place is None:
            self.ring.append(newcomer)
            return
        ahead = int(self._place[newcomer] * (len(self.ring) + 1))
        at = (self.ring.index(self._turn) if self._turn is not None else 0) + ahead
        self.ring.insert(at - len(self.ring) if at > len(self.ring) else at, newcomer)
        if ahead == 0:
            self._turn = newcomer

    def healthy_again_s(self, from_s: float) -> float:
        """Return the first moment from `from_s` on at which some target is healthy, or `from_s` if none ever is."""
        moments = [from_s, *(moment_s for moment_s in self._moments if moment_s > from_s)]
        return next((now_s for now_s in moments if self._healthy_ones(now_s)), from_s)

    def _members(self, now_s: float) -> set[int]:
        return self._healthy_ones(now_s) or self._known_ones(now_s)

    def _known_ones(self, now_s: float) -> set[int]:
        return {i for i, (from_s, until_s) in enumerate(self._registered) if from_s <= now_s < until_s}

    def _healthy_ones(self, now_s: float) -> set[int]:
        healthy = {i for i, (from_s, until_s) in enumerate(self._healthy) if from_s <= now_s < until_s}
        return healthy & self._known_ones(now_s)

    def _first_that_stays(self, members: set[int]) -> int | None:
        """Return whose turn it is after the leavers have left: the next member around the ring."""
        if self._turn is None:
            return None
        at = self.ring.index(self._turn)
        around = self.ring[at:] + self.ring[:at]
        return next((target for target in around if target in members), None)


def rotation_of(timeline: Timeline, number: int, place: Sequence[float] | None) -> Rotation:
    """Return a node's rotation of pods, or a worker node's rules."""

    def intervals(from_s: NDArray[np.float64], until_s: NDArray[np.float64]) -> list[Interval]:
        return list(zip(from_s[number].tolist(), until_s[number].tolist(), strict=True))

    registered = intervals(timeline.registered_from_s, timeline.registered_until_s)
    return Rotation(registered, intervals(timeline.healthy_from_s, timeline.healthy_until_s), place)

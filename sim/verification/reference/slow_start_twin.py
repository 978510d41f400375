"""The slow start again, naively: each target's weight is worked out anew for each request.

Written from docs/facts/alb.md §2, "Slow start".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.data_plane.timeline import Timeline
    from sim.scenario.specs import TargetGroupSpec


class SlowStart:
    """One node's targets, and how much of a full share each has."""

    def __init__(self, timeline: Timeline, node: int, duration_s: float) -> None:
        self._duration_s = duration_s
        self._registered_s = timeline.registered_from_s[node].tolist()
        self._checked_s = timeline.healthy_from_s[node].tolist()
        until_s = timeline.registered_until_s[node].tolist(), timeline.healthy_until_s[node].tolist()
        self._until_s = [min(times_s) for times_s in zip(*until_s, strict=True)]
        self._begins: dict[int, float | None] = {}

    def slows(self, target: int) -> bool:
        """Return whether a target has a slow start at all: the draw runs through the others first."""
        return self._begins_s(target) is not None

    def weight(self, target: int, now_s: float) -> float:
        """Return how much of a full share a target has now."""
        begins_s = self._begins_s(target)
        if begins_s is None or now_s < begins_s:
            return 1
        return min(1, (now_s - begins_s) / self._duration_s)

    def _healthy_s(self, target: int) -> float:
        return float(max(self._registered_s[target], self._checked_s[target]))

    def _begins_s(self, target: int) -> float | None:
        if target not in self._begins:
            self._begins[target] = None
            healthy_s = self._healthy_s(target)
            new = math.isfinite(self._checked_s[target]) and healthy_s < self._until_s[target]
            if new and all(self._some_full(at_s, target) for at_s in (self._registered_s[target], healthy_s)):
                self._begins[target] = healthy_s
        return self._begins[target]

    def _some_full(self, at_s: float, newcomer: int) -> bool:
        """Return whether some target that came before the newcomer is healthy and has a full share."""
        for other in range(len(self._until_s)):
            comes_s = self._healthy_s(other), other
            if comes_s < (self._healthy_s(newcomer), newcomer) and comes_s[0] <= at_s < self._until_s[other]:
                begins_s = self._begins_s(other)
                if begins_s is None or begins_s + self._duration_s <= at_s:
                    return True
        return False


def slow_start_of(timeline: Timeline, node: int, target_group: TargetGroupSpec) -> SlowStart | None:
    """Return the slow start of a node's targets, if the target group has any."""
    return SlowStart(timeline, node, target_group.slow_start_s) if target_group.slow_start_s else None

"""The ALB's slow start (`target_group.slow_start_s`): a new target's share grows from nothing to a full one.

Modelled, for each ALB node:
- A target that was registered, and is found healthy, has a weight that grows linearly from 0 to 1 in that time. All
  others have the weight 1. A request is each target's with the chance of its share of the weights.
- A target starts slowly only if a healthy target that is not in slow start was there, both at its registration and when
  it is found healthy. So none of the targets that an empty group is given slows down.

Assumed: an ALB node begins when its own check passes; the ALB's code is not published.

Left out: worker nodes as targets, of which none is new.

Sources: AWS, "Slow start mode" in the attributes of target groups (docs/facts/alb.md §2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sim.data_plane.rotation import Rotation
    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import TargetGroupSpec

_CELLS = 64
"""Into how many cells of one weight a slow start is cut where loads are added up."""


@dataclass(frozen=True, slots=True)
class SlowStart:
    """One node's slow starts: each target's begins at `from_s`, `-inf` if it has none, and takes `duration_s`."""

    from_s: Times
    duration_s: float

    def of(self, rotation: Rotation) -> Times:
        """Return when the slow start of each spell's target begins, `-inf` if it has none."""
        begins_s = self.from_s[rotation.target]
        return np.where(rotation.from_s == begins_s, begins_s, -np.inf)

    def weight(self, begins_s: Times | float, at_s: Times) -> Times:
        """Return the weight at some time of a target whose slow start begins then."""
        return np.clip((at_s - begins_s) / self.duration_s, 0.0, 1.0)

    def edges_s(self) -> Times:
        """Return times between which weights hardly change, those within some slow start."""
        begins_s = np.sort(self.from_s[np.isfinite(self.from_s)])
        if not begins_s.size:
            return begins_s
        cell_s = self.duration_s / _CELLS
        grid_s = np.arange(begins_s[0], begins_s[-1] + self.duration_s + cell_s, cell_s)
        last = np.searchsorted(begins_s, grid_s, side="right") - 1
        in_one = grid_s <= begins_s[last] + self.duration_s
        return np.concatenate((begins_s, begins_s + self.duration_s, grid_s[in_one]))


def slow_starts(timeline: Timeline, target_group: TargetGroupSpec) -> list[SlowStart]:
    """Return the slow starts at each ALB node, none if the target group has none."""
    if not target_group.slow_start_s or target_group.target_type == "instance":
        return []
    nodes = range(timeline.registered_from_s.shape[0])
    return [
        SlowStart(_begins_s(timeline, node, target_group.slow_start_s), target_group.slow_start_s) for node in nodes
    ]


def _begins_s(timeline: Timeline, node: int, duration_s: float) -> Times:
    registered_s, healthy_s = timeline.registered_from_s[node], timeline.healthy_from_s[node]
    from_s = np.maximum(registered_s, healthy_s)
    until_s = np.minimum(timeline.registered_until_s[node], timeline.healthy_until_s[node])
    found = np.isfinite(healthy_s) & (from_s < until_s)
    full_s, begins_s = np.where(found, np.inf, from_s), np.full(from_s.size, -np.inf)

    def some_is_full(at_s: float) -> bool:
        return bool(np.any((full_s <= at_s) & (at_s < until_s)))

    by_time = np.argsort(from_s, kind="stable")
    for target in by_time[found[by_time]].tolist():
        if some_is_full(registered_s[target]) and some_is_full(from_s[target]):
            begins_s[target] = from_s[target]
            full_s[target] = from_s[target] + duration_s
        else:
            full_s[target] = from_s[target]
    return begins_s

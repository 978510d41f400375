"""When a target was sent requests, and when it refused them: unions of intervals over the ALB nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.rotation import rotations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.data_plane.timeline import Timeline

    Spell = tuple[float, float]


def in_rotation(timeline: Timeline) -> dict[int, list[Spell]]:
    """Return by target the spells `[from, until)` in which some ALB node sends to it, in s; `inf` is for ever."""
    return _by_target(timeline, 0.0)


def exposed(timeline: Timeline) -> dict[int, list[Spell]]:
    """Return by target the spells in which some ALB node sends to the target and is refused, in s."""
    return _by_target(timeline, timeline.listener_closed_s)


def unanswered(timeline: Timeline) -> dict[int, list[Spell]]:
    """Return by target the spells in which some ALB node sends to a target that refuses, or hangs, in s."""
    return _by_target(timeline, np.minimum(timeline.listener_closed_s, timeline.answers_until_s))


def _by_target(timeline: Timeline, after_s: np.ndarray | float) -> dict[int, list[Spell]]:
    after_s = np.broadcast_to(after_s, timeline.cut_s.shape)
    spells: dict[int, list[Spell]] = {}
    for rotation in rotations(timeline):
        kept = rotation.within(after_s[rotation.target], np.inf)
        for target, *spell in zip(kept.target.tolist(), kept.from_s.tolist(), kept.until_s.tolist(), strict=True):
            spells.setdefault(target, []).append((spell[0], spell[1]))
    return {target: union(spells[target]) for target in sorted(spells)}


def union(spells: Iterable[Spell]) -> list[Spell]:
    """Return the union of intervals as sorted intervals that neither overlap nor touch."""
    joined: list[Spell] = []
    for from_s, until_s in sorted(spells):
        if joined and from_s <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until_s))
        else:
            joined.append((from_s, until_s))
    return joined

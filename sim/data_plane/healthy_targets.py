"""How many healthy targets an ALB node has in the course of a rollout, and for how long none.

A rollout without readiness gates goes on while its new targets are still `initial`. The old targets may be gone before
the first new one is healthy. The node then answers 503, or fails open to what is registered. Shortly before and after,
few targets get all the traffic.

Modelled: which targets the node takes for healthy, whether or not they still are. A target group counts while it has a
weight.

Left out: nothing; an ALB node knows no more.

Sources: docs/facts/alb.md §2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.data_plane.timeline import Timeline, Times


class HealthyTargets(NamedTuple):
    """How few healthy targets there were.

    Attributes
    ----------
    none_s
        For how many seconds some ALB node had no healthy target.
    least
        The fewest that a node ever had.
    """

    none_s: float
    least: int


def healthy_targets(timeline: Timeline, until_s: float) -> HealthyTargets:
    """Return the healthy targets from the rollout's start until `until_s`."""
    none: list[tuple[float, float]] = []
    least = timeline.cut_s.size
    for row, (from_s, left_s, gone_s) in enumerate(_spells(timeline)):
        for used_from_s, used_until_s in timeline.in_use(row):
            begin_s, end_s = max(used_from_s, 0.0), min(used_until_s, until_s, gone_s)
            if begin_s >= end_s:
                continue
            edge_s, n_healthy = _steps(from_s, left_s, begin_s, end_s)
            least = min(least, int(n_healthy.min(initial=least)))
            empty = n_healthy == 0
            none += zip(edge_s[:-1][empty].tolist(), edge_s[1:][empty].tolist(), strict=True)
    return HealthyTargets(_covered_s(none), least)


def _spells(timeline: Timeline) -> Iterator[tuple[Times, Times, float]]:
    """Yield for each node when its targets become healthy, when they stop being healthy, and when its ALB is gone."""
    yield from zip(
        np.maximum(timeline.registered_from_s, timeline.healthy_from_s),
        np.minimum(timeline.registered_until_s, timeline.healthy_until_s),
        timeline.alb_deleted_s.tolist(),
        strict=True,
    )


def _steps(from_s: Times, left_s: Times, begin_s: float, end_s: float) -> tuple[Times, NDArray[np.intp]]:
    """Return the number of spells as a step function on `[begin, end)`: its edges, and the number between each two."""
    kept = np.maximum(from_s, begin_s) < np.minimum(left_s, end_s)
    from_s, left_s = np.sort(from_s[kept]), np.sort(left_s[kept])
    inside = [times_s[(times_s > begin_s) & (times_s < end_s)] for times_s in (from_s, left_s)]
    edge_s = np.unique(np.concatenate(([begin_s, end_s], *inside)))
    begun = np.searchsorted(from_s, edge_s[:-1], side="right")
    return edge_s, begun - np.searchsorted(left_s, edge_s[:-1], side="right")


def _covered_s(intervals: list[tuple[float, float]]) -> float:
    """Return the length of the union of intervals."""
    covered_s, until_s = 0.0, -np.inf
    for begin_s, end_s in sorted(intervals):
        covered_s += max(0.0, end_s - max(begin_s, until_s))
        until_s = max(until_s, end_s)
    return float(covered_s)

"""The rows of a Gantt chart for pods that failed unasked: when each was dead, and sent requests all the same."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from sim.report.pictures.canvas import BLACK, GREEN, PALE, SKY_BLUE, VERMILION
from sim.report.pictures.gantt_parts import DEAD, DEREGISTERED, ENDED, LEFT, MOST_PODS, SERVING, bar, points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from sim.diagnosis.findings import Findings
    from sim.diagnosis.pod_failures import PodFailure
    from sim.experiment.replication import Replication

FAILED_REQUEST = "failed request, at its arrival"


def draw_failed(axes: Axes, found: Findings) -> None:
    """Draw a row for each failed pod, of at most `MOST_PODS`, the most exposed first."""
    until_s, shown = found.replication.requests.window_until_s, found.failures[:MOST_PODS]
    rows = range(len(shown))
    for row, one in enumerate(shown):
        bar(axes, row, one.failed_s, min(one.back_s, until_s), color=PALE, label=ENDED)
        if one.back_s < until_s:
            bar(axes, row, one.back_s, until_s, color=SKY_BLUE, label=SERVING)
        for from_s, dead_until_s in one.dead:
            bar(axes, row, from_s, min(dead_until_s, until_s), color=VERMILION, label=DEAD, zorder=2)
    points_s, heights = _points(found.replication, shown)
    axes.scatter(points_s, heights, s=5, color=BLACK, linewidths=0, zorder=3, label=FAILED_REQUEST, rasterized=True)
    mark = partial(axes.scatter, y=rows, edgecolors=BLACK, linewidths=0.6, s=26)
    mark([one.out_s for one in shown], marker="D", color="white", zorder=4, label=LEFT)
    mark([one.deregistered_s for one in shown], marker=">", color=GREEN, zorder=5, label=DEREGISTERED)
    axes.set_yticks(rows, [str(one.pod) for one in shown], fontsize="x-small")
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_ylabel("failed pods", fontsize="small")


def _points(replication: Replication, shown: Sequence[PodFailure]) -> tuple[np.ndarray, np.ndarray]:
    """Return time and height of the failed requests' points, each in its pod's row."""
    requests = replication.requests
    row_of = np.full(replication.timeline.pod.max() + 2, -1)
    row_of[[one.pod for one in shown]] = range(len(shown))
    row = row_of[requests.target]
    return points(row[row >= 0], requests.arrival_s[row >= 0], requests.window_until_s)

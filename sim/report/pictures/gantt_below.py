"""The panels below a Gantt chart: all 502s by second, and the controller's reconciles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.outcomes import OUTCOMES_502
from sim.diagnosis.controller_log import held_up_until_s
from sim.report.pictures.canvas import BLACK, BLUE, ORANGE, VERMILION
from sim.report.pictures.gantt_parts import bar

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.diagnosis.controller_log import ReconcileLog
    from sim.experiment.replication import Replication

RECONCILE, THROTTLED, FAILED = "reconcile", "throttled attempt and the wait after it", "reconcile failed"


def draw_failures(axes: Axes, replication: Replication) -> None:
    """Draw how many 502s there are in each second."""
    from matplotlib.ticker import MaxNLocator

    requests = replication.requests
    is_502 = np.isin(requests.outcome, OUTCOMES_502)
    edges_s = np.arange(math.ceil(requests.window_until_s) + 1)
    per_s, _ = np.histogram(np.maximum(requests.arrival_s[is_502], 0), edges_s)
    axes.stairs(per_s, edges_s, fill=True, color=VERMILION)
    axes.set_ylabel("502s per\nsecond", fontsize="small")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    axes.set_ylim(bottom=0, top=max(1, per_s.max() * 1.05))


def draw_controller(axes: Axes, lanes: list[list[ReconcileLog]]) -> None:
    """Draw the reconciles of each worker, with the time that throttling took."""
    for row, lane in enumerate(lanes):
        for log in lane:
            # The edge keeps a very short reconcile from vanishing.
            bar(axes, row, log.began_s, log.known_until_s, color=BLUE, linewidth=0.8, label=RECONCILE)
            for attempt in (attempt for stall in log.stalls for attempt in stall.throttled):
                style = {"facecolor": ORANGE, "edgecolor": BLACK, "linewidth": 0.5, "hatch": "////"}
                bar(axes, row, attempt.time_s, held_up_until_s(attempt), **style, label=THROTTLED)
            if log.error is not None:
                axes.scatter(log.known_until_s, row, marker="X", color=BLACK, s=40, zorder=4, label=FAILED)
    axes.set_yticks(range(len(lanes)), [f"worker {row + 1}" for row in range(len(lanes))], fontsize="x-small")
    axes.set_ylim(max(len(lanes), 1) - 0.4, -0.6)
    axes.set_ylabel("controller" if lanes else "no reconciles", fontsize="small")

"""The panels below a Gantt chart: all 502s or failures by second, and the controller's reconciles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.outcomes import OUTCOMES_502, Outcome
from sim.diagnosis.controller_log import held_up_until_s
from sim.report.pictures.canvas import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY_BLUE, VERMILION
from sim.report.pictures.gantt_parts import bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from sim.data_plane.old_side import OldSide
    from sim.diagnosis.controller_log import ReconcileLog
    from sim.experiment.replication import Replication

NO_ANSWER, NO_TARGET, IS_502 = "no answer from the old address", "503", "502"
RECORD, DELETED = "DNS record changed", "old ALB deleted"
OF_A_SWITCH = (RECORD, DELETED, IS_502, NO_TARGET, NO_ANSWER)
TOO_LATE, GAVE_UP = "504", "460: the client gave up"
BY_STATUS = (TOO_LATE, GAVE_UP)
_PARTS = 400
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


def draw_left_behind(axes: Axes, replication: Replication) -> None:
    """Draw how many requests of a switch fail in a second, by what clients get, as means over parts of the window."""
    _draw_failed(
        axes,
        np.maximum(replication.requests.arrival_s, 0),
        replication,
        (
            (NO_ANSWER, (Outcome.OLD_ADDRESS_UNREACHABLE,), PURPLE),
            (NO_TARGET, (Outcome.NO_REGISTERED_TARGETS,), GREEN),
            (IS_502, OUTCOMES_502, VERMILION),
        ),
    )


def draw_by_status(axes: Axes, replication: Replication) -> None:
    """Draw how many clients get a failure in a second, by status, as means over parts of the window."""
    _draw_failed(
        axes,
        replication.requests.answered_s,
        replication,
        (
            (GAVE_UP, (Outcome.CLIENT_TIMEOUT,), PURPLE),
            (TOO_LATE, (Outcome.IDLE_TIMEOUT, Outcome.CONNECT_TIMEOUT), SKY_BLUE),
            (NO_TARGET, (Outcome.NO_REGISTERED_TARGETS,), GREEN),
            (IS_502, OUTCOMES_502, VERMILION),
        ),
    )


def _draw_failed(
    axes: Axes, at_s: np.ndarray, replication: Replication, kinds: Sequence[tuple[str, tuple[Outcome, ...], str]]
) -> None:
    """Draw the rate of each kind (label, outcomes, colour) of the failed requests, which count at `at_s`."""
    requests, until_s = replication.requests, replication.requests.window_until_s
    edges_s = np.linspace(0, until_s, _PARTS + 1)
    greatest = 1.0
    for label, outcomes, colour in kinds:
        is_one = np.isin(requests.outcome, outcomes)
        per_part, _ = np.histogram(at_s[is_one], edges_s)
        if per_part.any():
            axes.stairs(per_part * _PARTS / until_s, edges_s, fill=True, color=colour, alpha=0.8, label=label)
            greatest = max(greatest, per_part.max() * _PARTS / until_s)
    axes.set_ylabel("failed per\nsecond", fontsize="small")
    axes.set_ylim(bottom=0, top=1.05 * greatest)


def mark_switch(panels: Sequence[Axes], side: OldSide) -> None:
    """Mark when the record changed, and when the old ALB was deleted."""
    for axes in panels:
        axes.axvline(side.changed_s, color=BLUE, linestyle="--", label=RECORD)
        axes.axvline(side.deleted_s, color=PURPLE, linestyle="--", label=DELETED)


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

"""One replication as a Gantt chart: when each pod lived, when its target left the ALB, and what lay between.

Shown:
- A row for each terminated pod with the phases of its end and its deregistration.
- Boldly, the time in which the pod was sent requests and refused them, with its 502s as points.
- The evictions that a PodDisruptionBudget refused.
- Below, all 502s by second, and the controller's reconciles with the time that throttling took.
- Of many pods: the worst, and an even sample of the others.

Left out: the new pods.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.control_plane.trace import EvictionRefused
from sim.data_plane.outcomes import OUTCOMES_502
from sim.diagnosis.controller_log import held_up_until_s, in_lanes
from sim.diagnosis.spells import in_rotation
from sim.report.capacity import is_stalled
from sim.report.disruption import WORDS, words_of
from sim.report.pictures.canvas import BLACK, BLUE, GREEN, ORANGE, PALE, PURPLE, SKY_BLUE, VERMILION, YELLOW, literal
from sim.report.wording import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.diagnosis.controller_log import ReconcileLog
    from sim.diagnosis.findings import Findings
    from sim.diagnosis.pod_ends import PodEnd
    from sim.experiment.replication import Replication

MOST_PODS = 40
WORST_PODS = 20
INCHES_PER_ROW = 0.17
POINTS_ACROSS = 1000
MANY, SMALL, LARGE = 2000, 1.5, 5.0
BAR_HEIGHT = 0.8
GOLDEN = 0.6180339887

PHASES = {
    "serving": SKY_BLUE,
    "preStop (still serving)": YELLOW,
    "serving after SIGTERM": ORANGE,
    "refusing connections, finishing its requests": PURPLE,
    "process ended": PALE,
}
DEAD, POINT, REFUSED = "routable but dead", "502, at its request's arrival", "eviction refused"
TAKEN_OUT, FAIL_OPEN = "taken out by health checks", "fail-open: unhealthy, and sent requests all the same"
DEREGISTERED, LEFT = "DeregisterTargets", "left the last ALB node"
RECONCILE, THROTTLED, FAILED = "reconcile", "throttled attempt and the wait after it", "reconcile failed"
COMPLETE = tuple(words.complete for words in WORDS.values())
LEGEND = (
    *PHASES,
    DEAD,
    POINT,
    REFUSED,
    TAKEN_OUT,
    FAIL_OPEN,
    DEREGISTERED,
    LEFT,
    *COMPLETE,
    RECONCILE,
    THROTTLED,
    FAILED,
)


def gantt(found: Findings) -> Figure:
    """Return the picture of a replication. The x axis is in seconds since the start of the rollout."""
    from matplotlib.figure import Figure

    replication = found.replication
    shown = chosen(found.ends)
    lanes = in_lanes(found.reconciles)
    heights = [INCHES_PER_ROW * max(len(shown), 6), 0.8, 0.35 + 0.2 * max(len(lanes), 1)]
    picture = Figure(figsize=(12, sum(heights) + 2.4), layout="constrained")
    pods, failures, controller = picture.subplots(3, sharex=True, height_ratios=heights)
    _draw_pods(pods, shown, found)
    _draw_failures(failures, replication)
    _draw_controller(controller, lanes)
    controller.set_xlim(0, 1.01 * replication.requests.window_until_s)
    words = words_of(replication.scenario)
    over = "progress deadline passed" if is_stalled(replication) else words.complete
    controller.set_xlabel(f"seconds since the start of the {words.name}")
    for axes in (pods, failures, controller):
        axes.axvline(replication.timeline.rollout_complete_s, color=BLACK, linestyle=":", label=over)
        axes.spines[["top", "right"]].set_visible(False)
    picture.suptitle(literal(_title(found, shown)), x=0.01, ha="left", fontsize="medium")
    legend(picture, (pods, controller))
    return picture


def chosen(ends: Sequence[PodEnd]) -> list[PodEnd]:
    """Return at most `MOST_PODS` of the pods, in order of deletion: the worst and an even sample of the others.

    `ends` must have the worst pods first.
    """

    def deleted(end: PodEnd) -> tuple[float, int]:
        return end.deleted_s, end.pod

    if len(ends) <= MOST_PODS:
        return sorted(ends, key=deleted)
    others = sorted(ends[WORST_PODS:], key=deleted)
    sample = np.linspace(0, len(others) - 1, MOST_PODS - WORST_PODS).round().astype(int)
    return sorted([*ends[:WORST_PODS], *(others[at] for at in sample.tolist())], key=deleted)


def _title(found: Findings, shown: Sequence[PodEnd]) -> str:
    replication = found.replication
    scenario, n_502 = replication.scenario, replication.requests.n_status(502)
    title = f"{scenario.name}: replication {replication.number}, seed {scenario.seed}: {count(n_502, '502')}"
    if len(shown) == len(found.ends):
        return f"{title}\n{count(len(shown), 'terminated pod')}"
    sample = f"an even sample of {len(shown) - WORST_PODS} of the others"
    return f"{title}\n{WORST_PODS} worst of {len(found.ends):,} terminated pods, and {sample}"


def _phases(end: PodEnd, until_s: float) -> Iterator[tuple[str, float, float]]:
    """Yield a pod's phases as name, from and until."""
    stops_s = [0.0, end.deleted_s, end.sigterm_s, end.closed_s, end.ended_s, until_s]
    for name, (from_s, phase_until_s) in zip(PHASES, pairwise(stops_s), strict=True):
        if min(phase_until_s, until_s) > from_s:
            yield name, from_s, min(phase_until_s, until_s)


def _draw_pods(axes: Axes, shown: Sequence[PodEnd], found: Findings) -> None:
    replication = found.replication
    until_s, dead = replication.requests.window_until_s, found.exposed
    rows = range(len(shown))
    for row, end in enumerate(shown):
        for name, from_s, phase_until_s in _phases(end, until_s):
            bar(axes, row, from_s, phase_until_s, color=PHASES[name], label=name)
        for from_s, dead_until_s in dead.get(end.pod, []):
            bar(axes, row, from_s, min(dead_until_s, until_s), color=VERMILION, label=DEAD, zorder=2)
    points_s, point_rows = _points(replication, shown)
    axes.scatter(
        points_s,
        point_rows,
        s=SMALL if points_s.size > MANY else LARGE,
        color=BLACK,
        linewidths=0,
        zorder=3,
        label=POINT,
        rasterized=True,
    )
    mark = partial(axes.scatter, y=rows, edgecolors=BLACK, linewidths=0.6, s=26)
    _draw_checks(axes, shown, found)
    mark([end.left_s for end in shown], marker="D", color="white", zorder=4, label=LEFT)
    mark([end.deregistered_s for end in shown], marker=">", color=GREEN, zorder=5, label=DEREGISTERED)
    row_of = {end.pod: row for row, end in enumerate(shown)}
    refused = [one for one in replication.trace.of(EvictionRefused) if one.pod in row_of]
    if refused:
        refused_rows = [row_of[one.pod] for one in refused]
        axes.scatter([one.time_s for one in refused], refused_rows, marker="x", color=BLACK, s=16, label=REFUSED)
    axes.set_yticks(rows, [str(end.pod) for end in shown], fontsize="x-small")
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_ylabel("terminated pods", fontsize="small")


def _draw_checks(axes: Axes, shown: Sequence[PodEnd], found: Findings) -> None:
    """Mark when failing health checks took a target out at every ALB node, and when it was used nevertheless."""
    replication = found.replication
    rotation = in_rotation(replication.timeline)
    out_s = {
        row: max(end.unhealthy_s)
        for row, end in enumerate(shown)
        if max(end.unhealthy_s) < max(end.drained_s) and max(end.unhealthy_s) <= end.left_s
    }
    if out_s:
        mark = partial(axes.scatter, marker="s", s=70, color=YELLOW, edgecolors=BLACK, linewidths=0.6, zorder=3)
        mark(list(out_s.values()), list(out_s), label=TAKEN_OUT)
    for row, from_s in out_s.items():
        for begin_s, end_s in rotation.get(shown[row].pod, []):
            if end_s > from_s:
                until_s = min(end_s, replication.requests.window_until_s)
                axes.hlines(row, max(begin_s, from_s), until_s, color=BLACK, linewidth=1.2, zorder=3, label=FAIL_OPEN)


def bar(axes: Axes, row: float, from_s: float, until_s: float, **style: Any) -> None:  # noqa: ANN401 - matplotlib takes many
    """Draw a bar in a row."""
    axes.broken_barh([(from_s, until_s - from_s)], (row - BAR_HEIGHT / 2, BAR_HEIGHT), **style)


def _points(replication: Replication, shown: Sequence[PodEnd]) -> tuple[np.ndarray, np.ndarray]:
    """Return time and height of each 502's point in its pod's row. Many at the same moment become one point."""
    requests = replication.requests
    row_of = np.full(replication.timeline.cut_s.size + 1, -1)
    row_of[[end.pod for end in shown]] = range(len(shown))
    row = row_of[requests.target]
    seen = (row >= 0) & np.isin(requests.outcome, OUTCOMES_502)
    spot_s = requests.window_until_s / POINTS_ACROSS
    spots = np.unique(np.stack([row[seen], np.floor(requests.arrival_s[seen] / spot_s).astype(int)]), axis=1)
    apart = (np.arange(spots.shape[1]) * GOLDEN) % 1 - 0.5
    return (spots[1] + 0.5) * spot_s, spots[0] + 0.8 * BAR_HEIGHT * apart


def _draw_failures(axes: Axes, replication: Replication) -> None:
    from matplotlib.ticker import MaxNLocator

    requests = replication.requests
    is_502 = np.isin(requests.outcome, OUTCOMES_502)
    edges_s = np.arange(math.ceil(requests.window_until_s) + 1)
    per_s, _ = np.histogram(np.maximum(requests.arrival_s[is_502], 0), edges_s)
    axes.stairs(per_s, edges_s, fill=True, color=VERMILION)
    axes.set_ylabel("502s per\nsecond", fontsize="small")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    axes.set_ylim(bottom=0, top=max(1, per_s.max() * 1.05))


def _draw_controller(axes: Axes, lanes: list[list[ReconcileLog]]) -> None:
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


def legend(picture: Figure, panels: Sequence[Axes], order: Sequence[str] = LEGEND) -> None:
    """Explain each thing that is drawn, once, below the panels. `order` is the order of the labels."""
    by_label: dict[str, Artist] = {}
    for axes in panels:
        by_label |= dict(reversed(list(zip(*reversed(axes.get_legend_handles_labels()), strict=True))))
    labels = [label for label in order if label in by_label]
    picture.legend(
        [by_label[label] for label in labels],
        labels,
        loc="outside lower left",
        ncols=4,
        fontsize="small",
        frameon=False,
    )

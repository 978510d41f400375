"""One replication as a Gantt chart: when each pod lived, when its target left the ALB, and what lay between.

Shown:
- A row for each terminated pod with the phases of its end and its deregistration. If pods failed unasked, it is one for
  each of these (`gantt_failed`). Where no pod ends, it is one for each new pod (`gantt_new`).
- Boldly, the time in which the pod was sent requests and refused them, with its 502s as points.
- The evictions that a PodDisruptionBudget refused.
- Below, all 502s by second (where no pod ends, all failures), and the controller's reconciles with their throttling.
- Where nodes are simulated, the new pods that waited, and the addresses (`gantt_capacity`).
- Of many pods: the worst, and an even sample of the others.

Left out: beside pods that end, the new pods that did not wait.
"""

from __future__ import annotations

import textwrap
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace import EvictionRefused, PodReady
from sim.data_plane.outcomes import OUTCOMES_502
from sim.diagnosis.controller_log import in_lanes
from sim.diagnosis.spells import in_rotation
from sim.report.capacity import is_stalled
from sim.report.pictures.canvas import BLACK, GREEN, ORANGE, PALE, PURPLE, SKY_BLUE, VERMILION, YELLOW, literal
from sim.report.pictures.gantt_below import (
    BY_STATUS,
    FAILED,
    OF_A_SWITCH,
    RECONCILE,
    THROTTLED,
    draw_by_status,
    draw_controller,
    draw_failures,
    draw_left_behind,
    mark_switch,
)
from sim.report.pictures.gantt_capacity import CAPACITY_LEGEND, draw_capacity, heights_of_capacity
from sim.report.pictures.gantt_failed import FAILED_REQUEST, draw_failed
from sim.report.pictures.gantt_new import OF_NEW_PODS, about_new, draw_new, new_pods
from sim.report.pictures.gantt_parts import (
    DEAD,
    DEREGISTERED,
    ENDED,
    LEFT,
    MOST_PODS,
    SERVING,
    bar,
    legend,
    points,
)
from sim.report.wording import count
from sim.scenario.disruptions import DISRUPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.diagnosis.findings import Findings
    from sim.diagnosis.pod_ends import PodEnd
    from sim.experiment.replication import Replication

WORST_PODS = 20
INCHES_PER_ROW = 0.17
MANY, SMALL, LARGE = 2000, 1.5, 5.0
_PER_INCH = 10.0
"""How many letters of the title an inch holds."""

PHASES = {
    SERVING: SKY_BLUE,
    "preStop (still serving)": YELLOW,
    "serving after SIGTERM": ORANGE,
    "refusing connections, finishing its requests": PURPLE,
    ENDED: PALE,
}
POINT, REFUSED = "502, at its request's arrival", "eviction refused"
TAKEN_OUT, FAIL_OPEN = "taken out by health checks", "fail-open: unhealthy, and sent requests all the same"
COMPLETE = tuple(dict.fromkeys(spec.complete for spec in DISRUPTIONS.values()))
LEGEND = (
    *PHASES,
    DEAD,
    POINT,
    FAILED_REQUEST,
    REFUSED,
    TAKEN_OUT,
    FAIL_OPEN,
    DEREGISTERED,
    LEFT,
    *OF_NEW_PODS,
    *COMPLETE,
    *OF_A_SWITCH,
    *BY_STATUS,
    RECONCILE,
    THROTTLED,
    FAILED,
    *CAPACITY_LEGEND,
)


def gantt(found: Findings, *, width: float = 12.0) -> Figure:
    """Return the picture of a replication, `width` inches wide. The x axis is in seconds since the rollout's start."""
    from matplotlib.figure import Figure

    replication = found.replication
    shown = chosen(found.ends)
    came = [] if shown or found.failures else new_pods(replication)
    lanes = in_lanes(found.reconciles)
    n_rows = max(len(shown), min(len(found.failures), MOST_PODS), len(came), 6)
    heights = [INCHES_PER_ROW * n_rows, 0.8, 0.35 + 0.2 * max(len(lanes), 1)]
    heights += heights_of_capacity(replication, INCHES_PER_ROW)
    picture = Figure(figsize=(width, sum(heights) + 2.4), layout="constrained")
    panels = picture.subplots(len(heights), sharex=True, height_ratios=heights)
    pods, failures, controller = panels[:3]
    if found.failures:
        draw_failed(pods, found)
    elif came:
        draw_new(pods, replication, came)
    else:
        _draw_pods(pods, shown, found)
    side = replication.timeline.old_side
    (draw_left_behind if side else draw_by_status if came else draw_failures)(failures, replication)
    draw_controller(controller, lanes)
    draw_capacity(panels[3:], replication)
    controller.set_xlim(0, 1.01 * replication.requests.window_until_s)
    disruption = replication.scenario.disrupted_by
    over = "progress deadline passed" if is_stalled(replication) else disruption.complete
    began = f"start of the {disruption.noun}" if disruption.planned else "failure"
    panels[-1].set_xlabel(f"seconds since the {began}")
    for axes in panels:
        axes.axvline(replication.timeline.rollout_complete_s, color=BLACK, linestyle=":", label=over)
        axes.spines[["top", "right"]].set_visible(False)
    if side is not None:
        mark_switch((pods, failures, controller), side)
    title = "\n".join(textwrap.fill(line, int(_PER_INCH * width)) for line in _title(found, shown, came).split("\n"))
    picture.suptitle(literal(title), x=0.01, ha="left", fontsize="medium")
    legend(picture, (pods, failures, controller, *panels[3:]), LEGEND)
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


def _title(found: Findings, shown: Sequence[PodEnd], came: Sequence[int]) -> str:
    replication = found.replication
    scenario, n_502 = replication.scenario, replication.requests.n_status(502)
    title = f"{scenario.name}: replication {replication.number}, seed {scenario.seed}: {count(n_502, '502')}"
    if found.failures:
        return f"{title}\n{count(len(found.failures), 'pod')} that failed unasked"
    if came:
        return f"{title}\n{about_new(replication, came)}"
    if len(shown) == len(found.ends):
        return f"{title}\n{count(len(shown), 'terminated pod')}"
    sample = f"an even sample of {len(shown) - WORST_PODS} of the others"
    return f"{title}\n{WORST_PODS} worst of {len(found.ends):,} terminated pods, and {sample}"


def _phases(end: PodEnd, ready_s: float, until_s: float) -> Iterator[tuple[str, float, float]]:
    """Yield a pod's phases as name, from and until."""
    stops_s = [ready_s, end.deleted_s, end.sigterm_s, end.closed_s, end.ended_s, until_s]
    for name, (from_s, phase_until_s) in zip(PHASES, pairwise(stops_s), strict=True):
        if min(phase_until_s, until_s) > from_s:
            yield name, from_s, min(phase_until_s, until_s)


def _draw_pods(axes: Axes, shown: Sequence[PodEnd], found: Findings) -> None:
    replication = found.replication
    until_s, dead = replication.requests.window_until_s, found.exposed
    ready_s = {record.pod: record.time_s for record in replication.trace.of(PodReady)}
    rows = range(len(shown))
    for row, end in enumerate(shown):
        for name, from_s, phase_until_s in _phases(end, ready_s.get(end.pod, 0.0), until_s):
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
    if not shown:
        axes.text(0.5, 0.5, "none: no pod was told to end", transform=axes.transAxes, ha="center", fontsize="small")


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


def _points(replication: Replication, shown: Sequence[PodEnd]) -> tuple[np.ndarray, np.ndarray]:
    """Return time and height of each 502's point in its pod's row."""
    requests = replication.requests
    row_of = np.full(replication.timeline.cut_s.size + 1, -1)
    row_of[[end.pod for end in shown]] = range(len(shown))
    row = row_of[requests.target]
    seen = (row >= 0) & np.isin(requests.outcome, OUTCOMES_502)
    return points(row[seen], requests.arrival_s[seen], requests.window_until_s)

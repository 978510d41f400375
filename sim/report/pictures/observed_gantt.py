"""A rollout from a user's own records as a Gantt chart, drawn like that of a simulated one.

Shown:
- A row for each target that left, from its pod's deletion over DeregisterTargets to the last request at the last ALB
  node, with its 502s as points.
- Below, all 502s by second, and the AWS API calls of the busiest clients.
- Of many targets: those with the longest lags, and an even sample of the others.

Left out, because no record tells it: when a listener closed, and what the controller did between its calls.
"""

from __future__ import annotations

import math
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import numpy as np

from sim.records.observation import iso
from sim.records.selection import name_of
from sim.report.pictures.canvas import BLACK, BLUE, GREEN, ORANGE, PALE, SKY_BLUE, VERMILION, YELLOW, literal
from sim.report.pictures.gantt import (
    INCHES_PER_ROW,
    LARGE,
    MANY,
    POINT,
    SMALL,
    WORST_PODS,
)
from sim.report.pictures.gantt_parts import DEREGISTERED, MOST_PODS, bar, legend
from sim.report.wording import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.records.lags import TargetLag
    from sim.records.observation import Observation
    from sim.records.rollouts import Rollout

MOST_CLIENTS = 6
PHASES = {
    "in service": SKY_BLUE,
    "deleted, not yet deregistered": YELLOW,
    "deregistered, still sent requests": ORANGE,
    "sent nothing any more": PALE,
}
LAST, STOPPED = "last request at the last ALB node", "pod stopped"
CALL, THROTTLED_CALL = "AWS API call", "throttled AWS API call"
LEGEND = (*PHASES, POINT, DEREGISTERED, LAST, STOPPED, CALL, THROTTLED_CALL)


def worst_of(rollouts: Sequence[Rollout]) -> Rollout:
    """Return the rollout with the most 502s, in a tie the one with the longest lag."""
    return max(rollouts, key=lambda one: (len(_failed(one)), max(lag.lag_s for lag in one.lags)))


def observed_gantt(observation: Observation, rollout: Rollout) -> Figure:
    """Return the picture of a rollout. The x axis is in seconds since the rollout's start."""
    from matplotlib.figure import Figure

    shown = _chosen(rollout.lags)
    lanes = _busiest(observation.records.calls, rollout)
    heights = [INCHES_PER_ROW * max(len(shown), 6), 0.8, 0.35 + 0.2 * max(len(lanes), 1)]
    picture = Figure(figsize=(12, sum(heights) + 2.4), layout="constrained")
    targets, failures, calls = picture.subplots(3, sharex=True, height_ratios=heights)
    _draw_targets(targets, shown, rollout)
    _draw_failures(failures, rollout)
    _draw_calls(calls, lanes, rollout.from_s)
    calls.set_xlim(0, 1.01 * _took_s(rollout))
    calls.set_xlabel(f"seconds since the start of the rollout, {iso(rollout.from_s)}")
    for axes in (targets, failures, calls):
        axes.spines[["top", "right"]].set_visible(False)
    title = f"{name_of(rollout.target_group)}: {count(len(_failed(rollout)), '502')}\n{_selected(shown, rollout)}"
    picture.suptitle(literal(title), x=0.01, ha="left", fontsize="medium")
    legend(picture, (targets, calls), LEGEND)
    return picture


def _took_s(rollout: Rollout) -> float:
    return max(rollout.until_s - rollout.from_s, 1.0)


def _failed(rollout: Rollout) -> pd.DataFrame:
    import pandas as pd

    requests = rollout.requests
    if requests is None:
        return pd.DataFrame({"time_s": [], "target": []})
    of_alb = (requests["elb_status"] == HTTPStatus.BAD_GATEWAY) & (requests["target_status"] == 0)
    return requests.loc[of_alb, ["time_s", "target"]]


def _chosen(lags: Sequence[TargetLag]) -> list[TargetLag]:
    """Return at most `MOST_PODS` targets: the longest lags and an even sample, in order of DeregisterTargets."""
    longest_first = sorted(lags, key=lambda lag: -lag.lag_s)
    others = longest_first[WORST_PODS:]
    if len(lags) > MOST_PODS:
        others = [others[at] for at in np.linspace(0, len(others) - 1, MOST_PODS - WORST_PODS).round().astype(int)]
    return sorted([*longest_first[:WORST_PODS], *others], key=lambda lag: (lag.deregistered_s, lag.target))


def _selected(shown: Sequence[TargetLag], rollout: Rollout) -> str:
    if len(shown) == len(rollout.lags):
        return f"{count(len(shown), 'target')} that left"
    sample = f"an even sample of {len(shown) - WORST_PODS} of the others"
    return f"{WORST_PODS} longest lags of {len(rollout.lags):,} targets that left, and {sample}"


def _phases(lag: TargetLag, rollout: Rollout) -> Iterator[tuple[str, float, float]]:
    """Yield a target's phases as name, from and until, in seconds since the rollout's start."""
    deleted_s = lag.deregistered_s if math.isnan(lag.deleted_s) else lag.deleted_s
    stops_s = [rollout.from_s, deleted_s, lag.deregistered_s, lag.left_s, rollout.until_s]
    for name, from_s, until_s in zip(PHASES, stops_s, stops_s[1:], strict=False):
        if until_s > from_s:
            yield name, from_s - rollout.from_s, until_s - rollout.from_s


def _draw_targets(axes: Axes, shown: Sequence[TargetLag], rollout: Rollout) -> None:
    for row, lag in enumerate(shown):
        for name, from_s, until_s in _phases(lag, rollout):
            bar(axes, row, from_s, until_s, color=PHASES[name], label=name)
    row_of = {lag.target: row for row, lag in enumerate(shown)}
    failed = _failed(rollout)
    rows = failed["target"].astype(str).map(row_of)
    axes.scatter(
        failed.loc[rows.notna(), "time_s"] - rollout.from_s,
        rows.dropna(),
        s=SMALL if len(failed) > MANY else LARGE,
        color=BLACK,
        linewidths=0,
        zorder=6,
        label=POINT,
        rasterized=True,
    )
    mark = partial(axes.scatter, y=range(len(shown)), edgecolors=BLACK, linewidths=0.6, s=26)
    mark([lag.left_s - rollout.from_s for lag in shown], marker="D", color="white", zorder=4, label=LAST)
    mark([lag.deregistered_s - rollout.from_s for lag in shown], marker=">", color=GREEN, zorder=5, label=DEREGISTERED)
    if any(math.isfinite(lag.stopped_s) for lag in shown):
        mark([lag.stopped_s - rollout.from_s for lag in shown], marker="s", color=VERMILION, zorder=4, label=STOPPED)
    axes.set_yticks(range(len(shown)), [literal(lag.target) for lag in shown], fontsize="x-small")
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_ylabel("targets that left", fontsize="small")


def _draw_failures(axes: Axes, rollout: Rollout) -> None:
    from matplotlib.ticker import MaxNLocator

    edges_s = np.arange(math.ceil(_took_s(rollout)) + 1)
    per_s, _ = np.histogram(_failed(rollout)["time_s"] - rollout.from_s, edges_s)
    axes.stairs(per_s, edges_s, fill=True, color=VERMILION)
    axes.set_ylabel("502s per\nsecond", fontsize="small")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    axes.set_ylim(bottom=0, top=max(1, per_s.max() * 1.05))


def _busiest(calls: pd.DataFrame | None, rollout: Rollout) -> dict[str, pd.DataFrame]:
    """Return the calls within the rollout of each of the busiest clients, the busiest first."""
    if calls is None:
        return {}
    within = calls[calls["time_s"].between(rollout.from_s, rollout.until_s)]
    return {
        str(name): within[within["client"] == name] for name in within["client"].value_counts().index[:MOST_CLIENTS]
    }


def _draw_calls(axes: Axes, lanes: dict[str, pd.DataFrame], from_s: float) -> None:
    for row, calls in enumerate(lanes.values()):
        for throttled, color, label in ((False, BLUE, CALL), (True, ORANGE, THROTTLED_CALL)):
            some = calls[calls["throttled"] == throttled]
            if len(some):
                axes.scatter(some["time_s"] - from_s, [row] * len(some), marker="|", s=60, color=color, label=label)
    axes.set_yticks(range(len(lanes)), [literal(name) for name in lanes], fontsize="x-small")
    axes.set_ylim(max(len(lanes), 1) - 0.4, -0.6)
    axes.set_ylabel("AWS API" if lanes else "no CloudTrail", fontsize="small")

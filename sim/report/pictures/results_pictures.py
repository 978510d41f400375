"""The pictures of the committed results: a row for each scenario, drawn from printed numbers alone.

Three pictures:
- how many rollouts have a 502, and how many 502s: median, 95 % quantile and mean;
- the causes of the failed requests;
- how long a target needs to leave the rotation, beside the preStop sleep that has to outlast it.

Axes are square roots: zero has a place, and a hundredth of the greatest value can still be seen. Numbers have six
significant digits.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.experiment.figures import ANY_502, DEREGISTRATION_LAG_S, OUTCOMES, SPREAD_502
from sim.report.pictures.canvas import BLACK, BLUE, VERMILION, Canvas, canvas, literal, symmetric_log
from sim.report.pictures.plots import CAUSES
from sim.report.wording import NEGLIGIBLE, cause, number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.figure import Figure

    from sim.experiment.statistics import Estimate
    from sim.experiment.summary import Summary
    from sim.scenario.specs import Scenario

Rows = list[dict[str, str]]
_INCHES_PER_ROW, _WIDTH = 0.32, 9.0


class Picture(NamedTuple):
    """A picture: its file's name, what it shows, the rows of its data, and how it is drawn from them.

    `caption` has `{noun}` and `{nouns}` where the word for one replication and its plural belong.
    """

    name: str
    caption: str
    rows: Callable[[Sequence[Summary], Sequence[Scenario]], Rows]
    draw: Callable[[Rows], Figure]


def _headlines(summaries: Sequence[Summary], _scenarios: Sequence[Scenario]) -> Rows:
    return [
        {"scenario": summary.scenario}
        | _ends("any_502_percent", summary[ANY_502], 100)
        | _ends("p50", summary[SPREAD_502].p50)
        | _ends("p95", summary[SPREAD_502].p95)
        | {"mean": _shown(summary[SPREAD_502].mean.value)}
        for summary in summaries
    ]


def _ends(name: str, estimate: Estimate, factor: float = 1) -> dict[str, str]:
    """Return an estimate's columns. An end that there is not is empty."""
    low = -math.inf if math.isinf(estimate.low) else max(0.0, estimate.low)
    ends = {name: estimate.value, f"{name}_low": low, f"{name}_high": estimate.high}
    return {column: _shown(factor * value) for column, value in ends.items()}


def _failures(summaries: Sequence[Summary], _scenarios: Sequence[Scenario]) -> Rows:
    """Return the failures by cause. A cause without an HTTP status is a column only where some request ended so."""
    counted = [OUTCOMES[outcome] for outcome in CAUSES]
    shown = [
        figure
        for outcome, figure in zip(CAUSES, counted, strict=True)
        if outcome.status is not None or any(summary[figure].value for summary in summaries)
    ]
    return [
        {"scenario": summary.scenario} | {figure.name: _shown(summary[figure].value) for figure in shown}
        for summary in summaries
    ]


def _lags(summaries: Sequence[Summary], scenarios: Sequence[Scenario]) -> Rows:
    return [
        {"scenario": summary.scenario, "pre_stop_sleep_s": _shown(scenario.pod.pre_stop_sleep_s)}
        | {name: _shown(summary[DEREGISTRATION_LAG_S][name]) for name in ("p50", "p90", "p99", "max")}
        for summary, scenario in zip(summaries, scenarios, strict=True)
    ]


def _draw_headlines(rows: Rows) -> Figure:
    picture, axes = _canvas(rows, "how many 502s; on the right how often there is any, with its 95 % interval")
    greatest = 0.0
    for name, label, marker, colour, up in (
        ("p50", "median, with its 95 % interval", "o", BLUE, -0.14),
        ("p95", "95 % quantile, with its interval from below where there is none from above", "D", VERMILION, 0.14),
    ):
        value, low, high = (_numbers(rows, column) for column in (name, f"{name}_low", f"{name}_high"))
        at, until = np.arange(len(rows)) + up, np.where(np.isnan(high), value, high)
        axes.hlines(at, np.where(np.isnan(low), 0, low), until, color=colour, linewidth=4, alpha=0.35)
        axes.plot(value, at, marker, color=colour, markersize=5, clip_on=False, label=label)
        greatest = max(greatest, float(until.max()))
    mean = _numbers(rows, "mean")
    axes.plot(mean, np.arange(len(rows)), "|", color=BLACK, markersize=12, label="mean", clip_on=False)
    for row, of_row in enumerate(rows):
        axes.annotate(_share(of_row), (1.02, row), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    symmetric_log(axes.xaxis, max(greatest, float(mean.max())))
    picture.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return picture


def _share(row: dict[str, str]) -> str:
    value, low, high = (number(float(row[f"any_502_percent{end}"])) for end in ("", "_low", "_high"))
    return f"{value} % ({low} to {high} %)"


def _draw_failures(rows: Rows) -> Figure:
    picture, axes = _canvas(rows, "failed requests by cause (% of them)")
    shown = {outcome: colour for outcome, colour in CAUSES.items() if OUTCOMES[outcome].name in rows[0]}
    failed = np.array([_numbers(rows, OUTCOMES[outcome].name) for outcome in shown])
    whole = failed.sum(axis=0)
    shares = np.divide(100 * failed, whole, out=np.zeros_like(failed), where=whole > 0)
    left = np.zeros(len(rows))
    for (outcome, colour), share in zip(shown.items(), shares, strict=True):
        if share.any():
            axes.barh(range(len(rows)), share, left=left, color=colour, height=0.65, label=cause(outcome))
            left += share
    for row, n_failed in enumerate(whole):
        axes.annotate(f"of {number(n_failed)}", (100, row), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_xlim(0, 100)
    picture.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return picture


def _draw_lags(rows: Rows) -> Figure:
    picture, axes = _canvas(rows, "from a pod's deletion until its target has left the rotation (s)")
    at = np.arange(len(rows))
    p50, p90, p99, longest = (_numbers(rows, name) for name in ("p50", "p90", "p99", "max"))
    for low, high, strength in ((p50, p90, 0.8), (p90, p99, 0.4), (p99, longest, 0.2)):
        axes.hlines(at, low, high, color=BLUE, linewidth=6, alpha=strength)
    axes.plot(p50, at, "o", color=BLACK, markersize=5, label="median pod; bars to 90 %, 99 % and the slowest")
    pre_stop_s = _numbers(rows, "pre_stop_sleep_s")
    axes.plot(pre_stop_s, at, "|", color=VERMILION, markersize=15, markeredgewidth=2.5, label="preStop sleep")
    symmetric_log(axes.xaxis, float(np.nanmax([*longest, *pre_stop_s])), least=10)
    picture.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return picture


PICTURES = (
    Picture("responses-502", "How many {nouns} have 502s, and how many", _headlines, _draw_headlines),
    Picture("causes", "Why requests fail, and how many of a {noun} do", _failures, _draw_failures),
    Picture("deregistration-lag", "How long targets need to leave the rotation", _lags, _draw_lags),
)


def _canvas(rows: Rows, label: str) -> Canvas:
    picture, axes = canvas((_WIDTH, 1.3 + _INCHES_PER_ROW * len(rows)), grid="x")
    axes.set_yticks(range(len(rows)), [literal(row["scenario"]) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(label)
    return Canvas(picture, axes)


def _shown(value: float) -> str:
    """Return a number as text that is the same on every machine: without digits that come from rounding."""
    if not math.isfinite(value):
        return ""
    return "0" if abs(value) < NEGLIGIBLE else f"{value:.6g}"


def _numbers(rows: Rows, column: str) -> np.ndarray:
    return np.array([float(row[column] or "nan") for row in rows])

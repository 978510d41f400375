"""The race between the preStop sleep and the deregistration against a key, for several sweeps side by side.

Three panels:
- how long targets need to leave the rotation, with the preStop sleep that has to outlast it;
- how many requests of a rollout, or another disruption, end in a 502;
- how many rollouts have any 502.

The lags and the 502s span orders of magnitude, so their axes are logarithmic. The axis of the 502s is linear below 1,
so that 0 has a place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.experiment.figures import ANY_502, COLUMN_OF, RESPONSES
from sim.experiment.provenance import PROVENANCE
from sim.report.disruption import shared_noun
from sim.report.pictures.canvas import BLUE, GREEN, ORANGE, PURPLE, VERMILION, symmetric_log
from sim.report.pictures.lag_plot import POD, blocks_at
from sim.report.pictures.sweep_frame import NOTE, PlotError, check, disruption_in, estimate, rollouts, values_of
from sim.report.wording import key_label, number, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = (ORANGE, BLUE, GREEN, PURPLE)
_WIDTH = 0.7
_SHORTEST_S = 0.01
_TICKS_S = [step * 10.0**power for power in range(-3, 6) for step in (1, 2, 5)]
_N_502 = RESPONSES[502].name
_SLOWEST, _MEDIAN = "deregistration_lag_s.max", "deregistration_lag_s.p50"


def race(frames: Sequence[pd.DataFrame], *, x: str) -> Figure:
    """Return the picture. Raises PlotError if the sweeps have different values of the key, or are too many."""
    from matplotlib.figure import Figure

    for frame in frames:
        check(frame, [x], _N_502)
    values = values_of(frames[0], x)
    if any(values_of(frame, x) != values for frame in frames):
        raise PlotError(f"'{x}' has other values in one file than in another")
    if len(frames) > len(_COLOURS):
        raise PlotError(f"at most {len(_COLOURS)} files fit into one picture (got {len(frames)})")
    picture = Figure(figsize=(9.0, 8.4), layout="constrained")
    lags, numbers, shares = picture.subplots(3, 1, sharex=True, height_ratios=(5, 4, 2))
    for place, (frame, colour) in enumerate(zip(frames, _COLOURS, strict=False)):
        at = np.arange(len(values)) + _WIDTH * ((place + 0.5) / len(frames) - 0.5)
        groups = [frame[frame[x] == value] for value in values]
        _lags(lags, at, groups, colour)
        _estimates(numbers, at, groups, _N_502, colour)
        _estimates(shares, at, groups, ANY_502.name, colour, label=str(frame.attrs[PROVENANCE]["scenario"]["name"]))
    sleeps_s = [[pod.pre_stop_sleep_s for pod in blocks_at(frame, POD, x, values)] for frame in frames]
    if any(of_frame != sleeps_s[0] for of_frame in sleeps_s):
        raise PlotError("the preStop sleep of one file is another than that of the next")
    left = np.arange(len(values)) - 0.5
    lags.hlines(sleeps_s[0], left, left + 1, color=VERMILION, linewidth=2, label="preStop sleep")
    _finish(picture, (lags, numbers, shares), frames)
    shares.set_xticks(range(len(values)), [str(value) for value in values])
    shares.set_xlabel(key_label(x))
    return picture


def _lags(axes: Axes, at: np.ndarray, groups: list[pd.DataFrame], colour: str) -> None:
    """Draw the slowest pods of the rollouts as bars from the median one on, and the median pods as dots."""
    slowest = np.array([np.quantile(rows[_SLOWEST], (0.5, 0.9, 0.99, 1)) for rows in groups]).T
    for low, high, strength in zip(slowest[:-1], slowest[1:], (0.9, 0.5, 0.25), strict=True):
        axes.vlines(at, low, high, color=colour, linewidth=9, alpha=strength)
    axes.hlines(slowest[0], at - 0.12, at + 0.12, color=colour, linewidth=2.5)
    axes.plot(at, [rows[_MEDIAN].median() for rows in groups], "o", color=colour, markersize=5)


def _estimates(
    axes: Axes, at: np.ndarray, groups: list[pd.DataFrame], figure: str, colour: str, *, label: str | None = None
) -> None:
    factor = COLUMN_OF[figure].unit.factor
    for place, rows in zip(at, groups, strict=True):
        of_rows = estimate(rows[figure], figure)
        mean, low, high = factor * of_rows.value, np.maximum(0.0, factor * of_rows.low), factor * of_rows.high
        axes.vlines(place, low, high, color=colour, linewidth=5, alpha=0.35)
        axes.plot(place, mean, "o", color=colour, markersize=5, label=label, clip_on=False)
        axes.annotate(
            number(mean), (place, np.fmax(high, mean)), (0, 3), textcoords="offset points", ha="center", fontsize=7
        )
        label = None


def _finish(picture: Figure, panels: tuple[Axes, Axes, Axes], frames: Sequence[pd.DataFrame]) -> None:
    lags, numbers, shares = panels
    noun = shared_noun(map(disruption_in, frames))
    lags.set_ylim(max(0.8 * lags.dataLim.y0, _SHORTEST_S), 1.25 * max(lags.dataLim.y1, _SHORTEST_S))
    lags.set_yscale("log")
    low_s, high_s = lags.get_ylim()
    lags.minorticks_off()
    lags.set_yticks([tick_s for tick_s in _TICKS_S if low_s <= tick_s <= high_s])
    lags.yaxis.set_major_formatter("{x:,.10g}")
    lags.set_ylabel("deregistration lag (s)")
    lags.set_title(
        f"dots: the median pod; bars: the slowest pod of a {noun}, from the median {noun} to 90 %, 99 % and the worst",
        loc="left",
        fontsize=8,
    )
    lags.legend(loc="upper right", frameon=False, fontsize=8)
    symmetric_log(numbers.yaxis, max(1.0, 5 * numbers.dataLim.y1))
    numbers.set_ylabel(f"502s per {noun}")
    shares.set_ylim(0, 115)
    shares.set_yticks((0, 50, 100))
    shares.set_ylabel(f"{plural(noun)} with\na 502 (%)")
    for axes in panels:
        axes.margins(x=0.03)
        axes.grid(visible=True, axis="y", color="#DDDDDD", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    picture.legend(*shares.get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False)
    picture.supxlabel(_origin(frames), fontsize=7, color="#555555", x=0.99, ha="right")


def _origin(frames: Sequence[pd.DataFrame]) -> str:
    sources: list[dict[str, Any]] = [frame.attrs[PROVENANCE] for frame in frames]
    seeds = ", ".join(dict.fromkeys(str(source["seed"]) for source in sources))
    of_rollouts = ", ".join(dict.fromkeys(map(rollouts, frames)))
    nouns = plural(shared_noun(map(disruption_in, frames)))
    return f"{NOTE} of {of_rollouts} {nouns}; seed {seeds}; albsim {sources[0]['version']}"

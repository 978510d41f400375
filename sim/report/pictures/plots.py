"""Pictures of a sweep's results (`albsim plot`). Each shows means over rollouts, and its title names the scenario.

- A figure against a key, as lines with the band of their 95 % intervals.
- A figure against two keys, as a heatmap.
- The deregistration lag against a key, with the preStop sleep that has to outlast it.
- The failed requests against a key, stacked by cause.

A varied key that is not in the picture would be averaged over unseen, so it is refused. Colours are Okabe and Ito's for
kinds, and viridis for amounts. Colour-blind readers, and readers in grey, can tell both apart.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.data_plane.outcomes import Outcome
from sim.experiment.figures import ANY_502, COLUMN_OF, COLUMNS, OUTCOMES
from sim.experiment.provenance import PROVENANCE
from sim.experiment.statistics import fraction_estimate, mean_estimate
from sim.report.pictures.canvas import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY_BLUE,
    VERMILION,
    YELLOW,
    Canvas,
    canvas,
    symmetric_log,
)
from sim.report.wording import NEGLIGIBLE, cause, key_label, number
from sim.scenario.problems import did_you_mean
from sim.scenario.specs import Scenario
from sim.scenario.variations import expanded, keys_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    from matplotlib.figure import Figure

    from sim.experiment.statistics import Estimate

_SIZE = (8.0, 4.8)
_SLOWEST, _MEDIAN = "deregistration_lag_s.max", "deregistration_lag_s.p50"
_SHARES = (0.5, 0.9, 0.99, 1.0)
_MARKERS = "osD^vP*X"
_KINDS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY_BLUE, BLACK)
_FAILED = (outcome for outcome in Outcome if outcome is not Outcome.OK)
_IN_TURN = (BLUE, SKY_BLUE, VERMILION, PURPLE, ORANGE, BLACK, YELLOW, GREEN)
CAUSES = dict(zip(_FAILED, cycle(_IN_TURN), strict=False))
"""The failed outcomes, with their colours in every picture."""
PRE_STOP, _GRACE = "pod.pre_stop_sleep_s", "pod.termination_grace_period_s"


class PlotError(Exception):
    """Raised for a picture for which this sweep has no data, or too much."""


def line(frame: pd.DataFrame, *, x: str, y: str = "responses.502", hue: str | None = None) -> Figure:
    """Return a picture of a figure's mean against a key: a line for each value of `hue`, with 95 % bands."""
    shown = [x] if hue is None else [x, hue]
    check(frame, shown, y)
    picture, axes = _canvas(frame, f"{_bare(COLUMN_OF[y].label)} by {_listed(shown)}", note="means and 95 % intervals")
    values = values_of(frame, x)
    at = _positions(axes.xaxis, values)
    hues = [None] if hue is None else values_of(frame, hue)
    for colour, marker, value in zip(_colours(hues), _cycle(_MARKERS, len(hues)), hues, strict=True):
        rows = frame if hue is None else frame[frame[hue] == value]
        estimates = [estimate(rows[rows[x] == of_x][y], y) for of_x in values]
        mean, low, high = (
            COLUMN_OF[y].unit.factor * np.array(part) for part in zip(*map(_parts, estimates), strict=True)
        )
        axes.fill_between(at, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(at, mean, color=colour, marker=marker, markersize=5, label=str(value), clip_on=False)
    axes.set_xlabel(key_label(x))
    axes.set_ylabel(COLUMN_OF[y].label)
    symmetric_log(axes.yaxis, axes.dataLim.y1)
    if hue is not None:
        axes.legend(title=key_label(hue), loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return picture


def heatmap(frame: pd.DataFrame, *, x: str, y: str, colour: str = "responses.502") -> Figure:
    """Return a picture of a figure's mean against two keys, as colour and in digits."""
    check(frame, [x, y], colour)
    picture, axes = _canvas(frame, f"{_bare(COLUMN_OF[colour].label)} by {_listed([x, y])}")
    across, up = values_of(frame, x), values_of(frame, y)
    table = frame.pivot_table(index=y, columns=x, values=colour, aggfunc="mean").loc[up, across]
    means = COLUMN_OF[colour].unit.factor * table.to_numpy()
    from matplotlib.colors import SymLogNorm

    scale = SymLogNorm(linthresh=min(1.0, means.max() / 10 or 1.0), vmin=0, vmax=means.max() or 1.0)
    image = axes.imshow(means, cmap="viridis", origin="lower", aspect="auto", norm=scale)
    for (row, column), mean in np.ndenumerate(means):
        is_dark = scale(mean) <= 0.5  # noqa: PLR2004 - half of the colours
        axes.text(column, row, number(mean), ha="center", va="center", color="white" if is_dark else BLACK, fontsize=8)
    axes.set_xticks(range(len(across)), [str(value) for value in across])
    axes.set_yticks(range(len(up)), [str(value) for value in up])
    axes.set_xlabel(key_label(x))
    axes.set_ylabel(key_label(y))
    axes.grid(visible=False)
    bar = picture.colorbar(image, ax=axes, label=f"{COLUMN_OF[colour].label}, logarithmic")
    symmetric_log(bar.ax.yaxis, float(means.max()), room=1)
    return picture


def lag(frame: pd.DataFrame, *, x: str) -> Figure:
    """Return a picture of how long pods stay in rotation, and of the preStop sleep that has to outlast the slowest."""
    check(frame, [x], _SLOWEST)
    picture, axes = _canvas(
        frame, f"deregistration lag by {_listed([x])}", note="each rollout's slowest pod, quantiles"
    )
    values = values_of(frame, x)
    at = _positions(axes.xaxis, values)
    by_value = frame.groupby(x, sort=False)
    curves = np.array([by_value[_SLOWEST].quantile(share).loc[values] for share in _SHARES])
    for above, below, strength in zip(curves[1:], curves[:-1], (0.45, 0.3, 0.15), strict=True):
        axes.fill_between(at, below, above, color=BLUE, alpha=strength, linewidth=0)
    axes.plot(at, by_value[_MEDIAN].median().loc[values], color=SKY_BLUE, label="median pod")
    labels = ("half of the rollouts", "90 % of rollouts", "99 % of rollouts", "the worst rollout")
    for curve, style, label in zip(curves, ("-", "--", "-.", ":"), labels, strict=True):
        axes.plot(at, curve, color=BLUE, linestyle=style, label=f"slowest pod, {label}")
    pre_stop_s, grace_s = (seconds_at(frame, key, x, values) for key in (PRE_STOP, _GRACE))
    axes.plot(at, pre_stop_s, color=VERMILION, linewidth=2, label="preStop sleep")
    if any(slept_s > given_s for slept_s, given_s in zip(pre_stop_s, grace_s, strict=True)):
        axes.plot(at, grace_s, color=VERMILION, linestyle="--", label="grace period")
    axes.set_xlabel(key_label(x))
    axes.set_ylabel("from a pod's deletion (s)")
    symmetric_log(axes.yaxis, axes.dataLim.y1, least=10)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, reverse=True)
    return picture


def causes(frame: pd.DataFrame, *, x: str) -> Figure:
    """Return a picture of the failed requests per rollout against a key, stacked by cause."""
    check(frame, [x], "requests")
    picture, axes = _canvas(frame, f"failed requests by cause and {_listed([x])}")
    values = values_of(frame, x)
    means = frame.groupby(x, sort=False)[[OUTCOMES[outcome].name for outcome in CAUSES]].mean().loc[values]
    bottom = np.zeros(len(values))
    for outcome, colour in CAUSES.items():
        heights = means[OUTCOMES[outcome].name].to_numpy()
        if heights.max() >= NEGLIGIBLE:
            axes.bar(range(len(values)), heights, bottom=bottom, color=colour, width=0.7, label=cause(outcome))
            bottom += heights
    axes.set_xticks(range(len(values)), [str(value) for value in values])
    axes.set_xlabel(key_label(x))
    axes.set_ylabel("failed requests per rollout")
    axes.yaxis.set_major_formatter("{x:,.10g}")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, reverse=True)
    return picture


def only(frame: pd.DataFrame, chosen: Mapping[str, object]) -> pd.DataFrame:
    """Return the rows at these values of these keys. Raises PlotError if there are none."""
    for key, value in chosen.items():
        _check_varied(frame, key)
        rows = frame[frame[key].astype(str).str.lower() == str(value).lower()]
        if rows.empty:
            found = ", ".join(map(str, values_of(frame, key)))
            raise PlotError(f"{key}: expected one of {found} (got {value})")
        frame = rows
    return frame


def varied(frame: pd.DataFrame) -> list[str]:
    """Return the keys with several values, in the order of the sweep. Of keys that move together it has the first."""
    first = [keys_of(together)[0] for together in frame.attrs[PROVENANCE]["vary"]]
    return [key for key in first if len(frame[key].unique()) > 1]


def check(frame: pd.DataFrame, shown: Sequence[str], figure: str) -> None:
    """Raise PlotError unless these keys are varied, no other is, and the figure is one of a sweep."""
    for key in shown:
        _check_varied(frame, key)
        if shown.count(key) > 1:
            raise PlotError(f"'{key}' is shown twice: choose another key for one of them")
    if figure not in COLUMNS:
        hint = did_you_mean(figure, COLUMNS) or f"one of {', '.join(COLUMNS)}"
        raise PlotError(f"'{figure}' is no figure of a sweep; {hint}")
    for key in varied(frame):
        if frame.groupby(list(shown))[key].nunique().max() > 1:
            values = ", ".join(map(str, values_of(frame, key)))
            raise PlotError(f"'{key}' is varied too: choose one of its values with --where {key}=VALUE, {values}")


def _check_varied(frame: pd.DataFrame, key: str) -> None:
    known = expanded(frame.attrs[PROVENANCE]["vary"])
    if key not in known:
        raise PlotError(f"'{key}' is not varied in this sweep; it varies {', '.join(known)}")


def _canvas(frame: pd.DataFrame, what: str, *, note: str = "means") -> Canvas:
    source = frame.attrs[PROVENANCE]
    return canvas(
        _SIZE,
        title=f"{source['scenario']['name']}: {what}",
        origin=f"{note} of {rollouts(frame)} rollouts; seed {source['seed']}; albsim {source['version']}",
    )


def rollouts(frame: pd.DataFrame) -> str:
    """Return how many rollouts a point of a sweep has: `50`, or `50 to 200`."""
    keys = list(expanded(frame.attrs[PROVENANCE]["vary"]))
    sizes = frame.groupby(keys).size() if keys else [len(frame)]
    least, most = min(sizes), max(sizes)
    return str(least) if least == most else f"{least} to {most}"


def values_of(frame: pd.DataFrame, key: str) -> list[Any]:
    """Return a key's values: numbers sorted, others in the order of the sweep."""
    values = frame[key].unique().tolist()
    return values if isinstance(values[0], str) else sorted(values)


def _positions(axis: Any, values: list[Any]) -> list[float]:  # noqa: ANN401 - matplotlib's axis
    """Return the positions of a key's values: numbers at their value, others side by side."""
    if not isinstance(values[0], str):
        axis.get_major_locator().set_params(integer=all(isinstance(value, int) for value in values))
        return values
    axis.set_ticks(range(len(values)), values)
    return list(range(len(values)))


def _colours(values: Sequence[object]) -> list[Any]:
    """Return a colour for each value: shades for numbers in order, distinct colours for others."""
    if len(values) > 1 and all(isinstance(value, int | float) for value in values):
        from matplotlib import colormaps

        return [colormaps["viridis"](shade) for shade in np.linspace(0, 0.85, len(values))]
    return list(_cycle(_KINDS, len(values)))


def _cycle(items: Sequence[str], count: int) -> Iterable[str]:
    return (items[at % len(items)] for at in range(count))


def estimate(values: pd.Series, figure: str) -> Estimate:
    """Return a figure's mean over rollouts. The interval is cut to possible means."""
    if figure == ANY_502.name and values.isin([0, 1]).all():
        return fraction_estimate(int((values > 0).sum()), len(values))
    mean = mean_estimate(values)
    return replace(mean, low=max(mean.low, 0.0), high=min(mean.high, COLUMN_OF[figure].unit.at_most))


def _parts(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


def _listed(keys: Iterable[str]) -> str:
    return " and ".join(_bare(key_label(key)) for key in keys)


def _bare(label: str) -> str:
    """Return a label without its unit."""
    return label.partition(" (")[0]


def seconds_at(frame: pd.DataFrame, key: str, x: str, values: list[Any]) -> list[float]:
    """Return a key of the pods at each value of the key `x`."""
    if key == x:
        return values
    if key in frame:
        return [float(value) for value in frame.groupby(x, sort=False)[key].first().loc[values]]
    pod = Scenario.model_validate(frame.attrs[PROVENANCE]["scenario"]).pod
    return [float(getattr(pod, key.removeprefix("pod.")))] * len(values)

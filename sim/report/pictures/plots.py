"""Pictures of a sweep's results (`albsim plot`).

Each picture shows means over rollouts, and its title names the scenario.

- A figure against a key, as lines with the band of their 95 % intervals.
- A figure against two keys, as a heatmap.
- The failed requests against a key, stacked by cause.

A varied key that is not in the picture would be averaged over unseen, so it is refused. Colours are Okabe and Ito's for
kinds, and viridis for amounts. Colour-blind readers, and readers in grey, can tell both apart.
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.data_plane.outcomes import Outcome
from sim.experiment.figures import ANY_502, COLUMN_OF, OUTCOMES
from sim.report.pictures.canvas import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY_BLUE,
    VERMILION,
    YELLOW,
    symmetric_log,
)
from sim.report.pictures.sweep_frame import (
    NOTE,
    bare,
    canvas_of,
    check,
    estimate,
    label_in,
    listed,
    noun_in,
    positions,
    values_of,
)
from sim.report.wording import NEGLIGIBLE, cause, key_label, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from matplotlib.figure import Figure

    from sim.experiment.statistics import Estimate

_MARKERS = "osD^vP*X"
_KINDS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY_BLUE, BLACK)
_FAILED = (outcome for outcome in Outcome if outcome is not Outcome.OK)
_IN_TURN = (BLUE, SKY_BLUE, VERMILION, PURPLE, ORANGE, BLACK, YELLOW, GREEN)
CAUSES = dict(zip(_FAILED, cycle(_IN_TURN), strict=False)) | {Outcome.OLD_ADDRESS_UNREACHABLE: PURPLE}
"""The failed outcomes, with their colours in every picture."""


def plot_line(frame: pd.DataFrame, *, x: str, y: str = "responses.502", hue: str | None = None) -> Figure:
    """Draw a figure's mean over rollouts against a key, as lines with bands of their 95 % intervals.

    Where so few rollouts give the mean no interval, as one of them can make most of it, there is no band.

    Parameters
    ----------
    frame
        What `sweep` has returned.
    x
        The varied key on the horizontal axis.
    y
        The figure: a column of the frame.
    hue
        Another varied key, with a line for each of its values.

    Returns
    -------
    matplotlib.figure.Figure
        The picture; `savefig` writes it.

    Raises
    ------
    PlotError
        If a key is not varied, if another one is that the picture would average over, or if there is no such figure.
    """
    shown = [x] if hue is None else [x, hue]
    check(frame, shown, y)
    picture, axes = canvas_of(frame, f"{bare(label_in(frame, y))} by {listed(shown)}", note=NOTE)
    values = values_of(frame, x)
    at = positions(axes.xaxis, values)
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
    axes.set_ylabel(label_in(frame, y))
    if y == ANY_502.name:
        axes.set_ylim(0, 100)
    else:
        symmetric_log(axes.yaxis, axes.dataLim.y1)
    if hue is not None:
        axes.legend(title=key_label(hue), loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return picture


def plot_heatmap(frame: pd.DataFrame, *, x: str, y: str, colour: str = "responses.502") -> Figure:
    """Draw a figure's mean over rollouts against two keys, as colour and in digits.

    Parameters
    ----------
    frame
        What `sweep` has returned.
    x
        The varied key on the horizontal axis.
    y
        The varied key on the vertical axis.
    colour
        The figure: a column of the frame.

    Returns
    -------
    matplotlib.figure.Figure
        The picture; `savefig` writes it.

    Raises
    ------
    PlotError
        If a key is not varied, if another one is that the picture would average over, or if there is no such figure.
    """
    check(frame, [x, y], colour)
    picture, axes = canvas_of(frame, f"{bare(label_in(frame, colour))} by {listed([x, y])}")
    across, up = values_of(frame, x), values_of(frame, y)
    table = frame.pivot_table(index=y, columns=x, values=colour, aggfunc="mean").loc[up, across]
    values = table.to_numpy()
    means = COLUMN_OF[colour].unit.factor * np.where(values < NEGLIGIBLE, 0.0, values)
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
    bar = picture.colorbar(image, ax=axes, label=f"{label_in(frame, colour)}, logarithmic")
    symmetric_log(bar.ax.yaxis, float(means.max()), room=1)
    return picture


def plot_causes(frame: pd.DataFrame, *, x: str) -> Figure:
    """Draw the failed requests per rollout against a key, as bars stacked by cause.

    Parameters
    ----------
    frame
        What `sweep` has returned.
    x
        The varied key on the horizontal axis.

    Returns
    -------
    matplotlib.figure.Figure
        The picture; `savefig` writes it.

    Raises
    ------
    PlotError
        If the key is not varied, or if another one is that the picture would average over.
    """
    check(frame, [x], "requests")
    picture, axes = canvas_of(frame, f"failed requests by cause and {listed([x])}")
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
    axes.set_ylabel(f"failed requests per {noun_in(frame)}")
    axes.yaxis.set_major_formatter("{x:,.10g}")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, reverse=True)
    return picture


def _colours(values: Sequence[object]) -> list[Any]:
    """Return a colour for each value: shades for numbers in order, distinct colours for others."""
    if len(values) > 1 and all(isinstance(value, int | float) for value in values):
        from matplotlib import colormaps

        return [colormaps["viridis"](shade) for shade in np.linspace(0, 0.85, len(values))]
    return list(_cycle(_KINDS, len(values)))


def _cycle(items: Sequence[str], count: int) -> Iterable[str]:
    return (items[at % len(items)] for at in range(count))


def _parts(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high

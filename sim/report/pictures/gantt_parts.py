"""What the Gantt charts of simulated and of observed rollouts are made of: bars in rows, and a legend below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PODS = 40
BAR_HEIGHT = 0.8
SERVING, ENDED, DEAD = "serving", "process ended", "routable but dead"
DEREGISTERED, LEFT = "DeregisterTargets", "left the last ALB node"
_INCHES_PER_COLUMN = 3.0
"""How wide a column of the legend is."""
POINTS_ACROSS = 1000
_GOLDEN = 0.6180339887


def bar(axes: Axes, row: float, from_s: float, until_s: float, **style: Any) -> None:  # noqa: ANN401 - matplotlib takes many
    """Draw a bar in a row."""
    axes.broken_barh([(from_s, until_s - from_s)], (row - BAR_HEIGHT / 2, BAR_HEIGHT), **style)


def points(rows: np.ndarray, times_s: np.ndarray, until_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return time and height of a point for each request, in its row. Many at the same moment become one point."""
    spot_s = until_s / POINTS_ACROSS
    spots = np.unique(np.stack([rows, np.floor(times_s / spot_s).astype(int)]), axis=1)
    apart = (np.arange(spots.shape[1]) * _GOLDEN) % 1 - 0.5
    return (spots[1] + 0.5) * spot_s, spots[0] + 0.8 * BAR_HEIGHT * apart


def legend(picture: Figure, panels: Sequence[Axes], order: Sequence[str]) -> None:
    """Explain each thing that is drawn, once, below the panels. `order` is the order of the labels."""
    by_label: dict[str, Artist] = {}
    for axes in panels:
        by_label |= dict(reversed(list(zip(*reversed(axes.get_legend_handles_labels()), strict=True))))
    labels = [label for label in order if label in by_label]
    picture.legend(
        [by_label[label] for label in labels],
        labels,
        loc="outside lower left",
        ncols=max(1, int(picture.get_figwidth() / _INCHES_PER_COLUMN)),
        fontsize="small",
        frameon=False,
    )

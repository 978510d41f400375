"""What the Gantt charts of simulated and of observed rollouts are made of: bars in rows, and a legend below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BAR_HEIGHT = 0.8
SERVING, ENDED, DEAD = "serving", "process ended", "routable but dead"
DEREGISTERED, LEFT = "DeregisterTargets", "left the last ALB node"
_INCHES_PER_COLUMN = 3.0
"""How wide a column of the legend is."""


def bar(axes: Axes, row: float, from_s: float, until_s: float, **style: Any) -> None:  # noqa: ANN401 - matplotlib takes many
    """Draw a bar in a row."""
    axes.broken_barh([(from_s, until_s - from_s)], (row - BAR_HEIGHT / 2, BAR_HEIGHT), **style)


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

"""A tornado: the effect of each unknown alone on the answer over its range, the greatest on top."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.pictures.canvas import BLUE, ORANGE, canvas
from sim.report.sensitivity import answer_in_words
from sim.report.wording import count
from sim.scenario.disruptions import DISRUPTIONS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.experiment.sensitivity import Influence, Sensitivity


def tornado(found: Sensitivity) -> Figure:
    """Return the picture of a sensitivity."""
    answer, unit = answer_in_words(found)
    rollouts = count(found.replications, DISRUPTIONS[found.disruption].noun)
    shown = sorted(found.influences, key=lambda one: one.swing)
    figure, axes = canvas(
        (9.0, 1.6 + 0.5 * len(shown)),
        title="What decides the answer (orange: low end, blue: high end)",
        origin=f"{found.n_points:,} points, {rollouts} each; in brackets the share of variance, and its 95 % interval",
        grid="x",
    )
    for place, one in enumerate(shown):
        ends = sorted([(one.at_low, one.unknown.low, ORANGE), (one.at_high, one.unknown.high, BLUE)])
        for (end, value, colour), side in zip(ends, (-1, 1), strict=True):
            axes.barh(place, end - found.base, left=found.base, color=colour, height=0.6)
            if one.swing:
                axes.annotate(
                    f"{value:g}",
                    (end, place),
                    xytext=(4 * side, 0),
                    textcoords="offset points",
                    ha="left" if side > 0 else "right",
                    va="center",
                    fontsize=7,
                )
    axes.axvline(found.base, color="#555555", linewidth=1)
    axes.set_yticks(range(len(shown)), [_label(one) for one in shown], fontsize=8)
    axes.set_xlabel(f"{answer}{f' ({unit.strip()})' if unit else ''}", fontsize=9)
    axes.margins(x=0.12)
    return figure


def _label(one: Influence) -> str:
    low, high = (f"{100 * end:.0f}" for end in one.total_ci95)
    return f"{one.unknown.key} ({100 * one.total:.0f} %, {low} to {high})"

"""A tornado: the effect of each unknown alone on the answer over its range, the greatest on top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.report.pictures.canvas import BLUE, ORANGE, canvas
from sim.report.sensitivity import answer_in_words, nothing_matters
from sim.report.wording import count
from sim.scenario.disruptions import DISRUPTIONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.experiment.sensitivity import Influence, Sensitivity

_NOTHING = "None of these unknowns changes the answer"
_BESIDE: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 7}


def tornado(found: Sensitivity) -> Figure:
    """Return the picture of a sensitivity."""
    answer, unit = answer_in_words(found)
    rollouts = count(found.replications, DISRUPTIONS[found.disruption].noun)
    shown = sorted(found.influences, key=lambda one: one.swing)
    figure, axes = canvas(
        (9.0, 1.6 + 0.5 * len(shown)),
        title=_NOTHING if nothing_matters(found) else "What decides the answer (orange: low end, blue: high end)",
        origin=f"{found.n_points:,} points, {rollouts} each; in brackets the share of variance, and its 95 % interval",
        grid="x",
    )
    for place, one in enumerate(shown):
        if one.swing:
            _bar(axes, place, one, found.base)
        else:
            words = f"no effect from {one.unknown.low:g} to {one.unknown.high:g}"
            axes.annotate(words, (found.base, place), **_BESIDE, xytext=(6, 0), ha="left", color="#555555")
    axes.axvline(found.base, color="#555555", linewidth=1)
    axes.set_yticks(range(len(shown)), [_label(one) for one in shown], fontsize=8)
    axes.set_xlabel(f"{answer}{f' ({unit.strip()})' if unit else ''}", fontsize=9)
    axes.margins(x=0.12)
    axes.set_ylim(-0.5, len(shown) - 0.5)
    if nothing_matters(found):
        axes.set_xlim(found.base - 1, found.base + 1)
        axes.set_xticks([found.base])
    return figure


def _bar(axes: Axes, place: int, one: Influence, base: float) -> None:
    """Draw an unknown's effect, with the ends of its range beside the ends of the bar."""
    ends = sorted([(one.at_low, one.unknown.low, ORANGE), (one.at_high, one.unknown.high, BLUE)])
    for (end, value, colour), side in zip(ends, (-1, 1), strict=True):
        axes.barh(place, end - base, left=base, color=colour, height=0.6)
        alignment = "left" if side > 0 else "right"
        axes.annotate(f"{value:g}", (end, place), **_BESIDE, xytext=(4 * side, 0), ha=alignment)


def _label(one: Influence) -> str:
    low, high = (f"{100 * end:.0f}" for end in one.total_ci95)
    return f"{one.unknown.key} ({100 * one.total:.0f} %, {low} to {high})"

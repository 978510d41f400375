"""Draw docs/architecture.svg from the imports of the installed package: `python docs/draw_architecture.py`.

A box is a part of the package; it stands above all that it imports. An arrow points at what
is imported; those that follow from other arrows are left out.
"""

from __future__ import annotations

import io
import math
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import grimp
import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterable
PICTURE = Path(__file__).with_name("architecture.svg")
SPLIT = ("sim", "sim.control_plane")
"""Packages of which each part is a box."""
LEFT_OUT = {
    "sim.control_plane.simulation",
    "sim.control_plane.token_bucket",
    "sim.control_plane.trace",
}
"""What lies below all others of the control plane; docs/architecture.md names it."""

_BEND, _STRAIGHT_OVER = 0.3, 2
"""How far an arrow over more floors than that goes around the boxes between."""


def imports() -> dict[str, set[str]]:
    """Return each part of the package with the parts that it imports."""
    graph = grimp.build_graph("sim", cache_dir=None)
    parts = {part for package in SPLIT for part in graph.find_children(package)} - {*SPLIT, *LEFT_OUT}
    for part in parts:
        if not graph.is_module_squashed(part):
            graph.squash_module(part)
    return {part: graph.find_modules_directly_imported_by(part) & parts - {part} for part in sorted(parts)}


def floors(imported: dict[str, set[str]]) -> dict[str, int]:
    """Return how high each part stands: one floor above the highest part that it imports."""

    @cache
    def floor(part: str) -> int:
        return max((1 + floor(other) for other in imported[part]), default=0)

    return {part: floor(part) for part in imported}


def without_shortcuts(imported: dict[str, set[str]]) -> dict[str, set[str]]:
    """Leave out each import that a longer way over other parts gives too (the transitive reduction)."""

    @cache
    def reached(part: str) -> frozenset[str]:
        return frozenset(imported[part]).union(*(reached(other) for other in imported[part]))

    return {
        part: {one for one in others if not any(one in reached(other) for other in others - {one})}
        for part, others in imported.items()
    }


def places(imported: dict[str, set[str]]) -> dict[str, tuple[float, float]]:
    """Return the middle of each box; those of one floor stand in the order of what they import."""
    by_floor = defaultdict(list)
    for part, floor in floors(imported).items():
        by_floor[floor].append(part)
    middles: dict[str, tuple[float, float]] = {}
    for floor, parts in sorted(by_floor.items()):
        parts.sort(key=lambda part: (_mean(middles[other][0] for other in imported[part]), part))
        for place, part in enumerate(parts):
            middles[part] = place - (len(parts) - 1) / 2, float(floor)
    return middles


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return math.fsum(numbers) / len(numbers) if numbers else 0.0


def draw() -> str:
    """Return the picture as SVG, the same bytes for the same imports."""
    imported = imports()
    middles = places(imported)
    figure = Figure(figsize=(10, 1 + 0.95 * max(y for _, y in middles.values())), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    for part, (x, y) in middles.items():
        name = part.removeprefix("sim.").replace("control_plane.", "control_plane\n")
        axes.text(
            x,
            y,
            name,
            ha="center",
            va="center",
            fontsize=9,
            zorder=5,
            bbox={"boxstyle": "round,pad=0.5", "facecolor": "#EAF3FA", "edgecolor": "#0072B2"},
        )
    for part, others in without_shortcuts(imported).items():
        for other in sorted(others):
            (x, y), (to_x, to_y) = middles[part], middles[other]
            bend = 0 if y - to_y <= _STRAIGHT_OVER else _BEND if to_x < x else -_BEND
            style = {"arrowstyle": "->", "connectionstyle": f"arc3,rad={bend}", "color": "#555555"}
            axes.annotate("", (to_x, to_y + 0.26), (x, y - 0.26), arrowprops=style | {"shrinkA": 0, "shrinkB": 0})
    xs, ys = zip(*middles.values(), strict=True)
    axes.set(xlim=(min(xs) - 0.6, max(xs) + 0.6), ylim=(-0.5, max(ys) + 0.5))
    svg = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "albsim", "svg.fonttype": "none"}):
        figure.savefig(svg, format="svg", metadata={"Date": None})
    return svg.getvalue()


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")

"""The measured propagation: the fitted law beside the one without a family, with the last requests below.

Where the two curves part, the family is wrong. Each tick is a last request, which is earlier than the node's hearing of
the deregistration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.report.pictures.canvas import BLUE, ORANGE, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.calibration.propagation import Propagation

_POINTS = 400
_SHOWN = 0.995


def measured_law(found: Propagation) -> Figure:
    """Return the picture of a measured propagation."""
    figure, axes = canvas(
        (8.0, 4.5),
        title="From DeregisterTargets until an ALB node sends nothing more",
        origin=f"{found.n:,} pairs of a node and a target; 95 % intervals over {found.n_clusters:,} {found.clusters}",
    )
    longest_s = 1.1 * max(found.best.quantile(_SHOWN), found.any_quantile("p95"))
    x_s = np.linspace(0, longest_s, _POINTS)
    fitted = found.best.family.cdf(x_s, found.best.parameters)[:, 0]
    axes.plot(x_s, 100 * fitted, color=BLUE, label=f"{found.best.family.name} law")
    steps = 100 * np.concatenate(([0.0], np.cumsum(found.any_masses)))
    axes.plot(found.edges_s, steps, color=ORANGE, drawstyle="steps-pre", label="law without a family")
    for name, level in (("median", 50), ("p95", 95)):
        low_s, high_s = found.interval[name]
        axes.hlines(level, low_s, high_s, color=BLUE, linewidth=6, alpha=0.35)
        low_s, high_s = found.any_interval[name]
        axes.hlines(level - 2, low_s, high_s, color=ORANGE, linewidth=6, alpha=0.35)
    axes.plot(found.last_s, np.full(found.last_s.size, -3.0), "|", color="#555555", markersize=6, label="last requests")
    axes.set_xlim(0, longest_s)
    axes.set_ylim(-6, 102)
    axes.set_xlabel("seconds after DeregisterTargets")
    axes.set_ylabel("nodes that have stopped (%)")
    axes.legend(loc="lower right", frameon=False)
    return figure

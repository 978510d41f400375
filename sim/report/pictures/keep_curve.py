"""The picture of a cluster switch: how long the old side is kept against the requests that are lost.

The curve is the mean; the band holds 95 % of switches. Both axes are logarithmic: hours more save as many requests as
the first minutes cost.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import poisson

from sim.experiment.keep_old_side import MINUTE_S
from sim.experiment.provenance import model_version
from sim.report.disruption import name_of
from sim.report.keeping import span
from sim.report.pictures.canvas import BLACK, BLUE, PALE, VERMILION, canvas
from sim.report.recommendation_words import goal_in_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.experiment.keep_old_side import KeepAdvice

_SIZE = (9.0, 4.6)
_LEAST_S, _MOST_S = MINUTE_S, 86_400.0
_POINTS = 200
_BAND = (0.025, 0.975)
_SHOWN_LEAST = 0.5


def keep_curve(found: KeepAdvice) -> Figure:
    """Return the picture of the advice on a switch, for as long as the old side is kept from a minute to a day."""
    scenario = found.keep.scenario
    figure, axes = canvas(
        _SIZE,
        title=f"{scenario.name}: how long to keep the old side for {goal_in_words(found.goal, name_of(scenario))}",
        origin=f"{scenario.traffic.arrival_rate_rps:g} requests a second; albsim {model_version()}",
    )
    longest_s = max(_MOST_S, 1.2 * found.least_s) if math.isfinite(found.least_s) else _MOST_S
    keep_s = np.geomspace(_LEAST_S, longest_s, _POINTS)
    lost = [found.keep.lost(one) for one in keep_s.tolist()]
    if np.isfinite(lost).all():
        low, high = (np.array([_quantile(of, q) for of in lost]) for q in _BAND)
        axes.fill_between(
            keep_s, np.maximum(low, _SHOWN_LEAST), np.maximum(high, _SHOWN_LEAST), color=PALE, label="95 % of switches"
        )
        axes.plot(
            keep_s, [max(_SHOWN_LEAST, float(of.mean())) for of in lost], color=BLUE, label="failed requests, mean"
        )
    axes.axhline(max(found.goal.most_failed, _SHOWN_LEAST), color=BLACK, linestyle=":", label="allowed")
    if math.isfinite(found.least_s):
        axes.axvline(max(found.least_s, _LEAST_S), color=VERMILION, label=f"advised: {span(found.least_s)}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks_s = [minutes * MINUTE_S for minutes in (1, 5, 15, 60, 240, 1440, 7200, 43_200) if minutes * 60 <= longest_s]
    axes.set_xticks(ticks_s, [span(tick_s) for tick_s in ticks_s])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:,.10g}")
    axes.set_xlabel("the old pods are kept for")
    axes.set_ylabel("requests that fail afterwards")
    axes.legend(frameon=False)
    return figure


def _quantile(means: np.ndarray, q: float) -> float:
    """Return the quantile of a number that is Poisson with one of these means, each equally likely."""
    low, high = 0.0, float(poisson.ppf(0.9999, means.max()))
    while high - low > 1:
        middle = math.floor((low + high) / 2)
        low, high = (low, middle) if float(np.mean(poisson.cdf(middle, means))) >= q else (middle, high)
    return high

"""The picture of a cluster switch: how long the old side is kept against the requests that are lost.

The curve is the mean; the band holds 95 % of switches. Both axes are logarithmic: hours more save as many requests as
the first minutes cost.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import poisson

from sim.experiment.keep_old_side import MINUTE_S, Keep
from sim.experiment.provenance import model_version
from sim.report.disruption import name_of
from sim.report.keeping import span
from sim.report.pictures.canvas import BLACK, BLUE, PALE, VERMILION, Canvas, canvas
from sim.report.recommendation_words import goal_in_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.experiment.keep_old_side import KeepAdvice
    from sim.scenario.specs import Scenario

_WIDTH, _HEIGHT = 9.0, 4.6
_LEAST_S, _MOST_S = MINUTE_S, 86_400.0
_TICKS_MIN = (1, 5, 15, 60, 240, 1440, 7200, 43_200)
_ROOM = 1.2
_POINTS = 100
_BAND = (0.025, 0.975)
_SHOWN_LEAST, _SHOWN_AT_LEAST_TO = 0.5, 10.0
"""So that however few requests fail, 1 and 10 are labels."""


def keep_curve(found: KeepAdvice) -> Figure:
    """Return the picture of the advice on a switch: the curve, with the goal and the advised time."""
    scenario, least_s = found.keep.scenario, found.least_s
    goal = goal_in_words(found.goal, name_of(scenario))
    longest_s = max(_MOST_S, _ROOM * least_s) if math.isfinite(least_s) else _MOST_S
    picture, axes = _curve(found.keep, longest_s, f"{scenario.name}: how long to keep the old side for {goal}", _WIDTH)
    axes.axhline(max(found.goal.most_failed, _SHOWN_LEAST), color=BLACK, linestyle=":", label="allowed")
    if math.isfinite(least_s):
        axes.axvline(max(least_s, _LEAST_S), color=VERMILION, label=f"advised: {span(least_s)}")
    axes.legend(frameon=False)
    return picture


def lost_afterwards(scenario: Scenario, *, width: float = _WIDTH) -> Figure:
    """Return the picture of a switch with the time for which its old pods are kept."""
    kept_s = max(scenario.cluster_switch.old_pods_removed_at_s, _LEAST_S)
    title = f"{scenario.name}: what fails after the old pods are gone"
    picture, axes = _curve(Keep(scenario), max(_MOST_S, _ROOM * kept_s), title, width)
    axes.axvline(kept_s, color=VERMILION, label=f"as given: {span(kept_s)}")
    axes.legend(frameon=False)
    return picture


def _curve(keep: Keep, longest_s: float, title: str, width: float) -> Canvas:
    rate_rps = keep.scenario.traffic.arrival_rate_rps
    origin = f"{rate_rps:g} requests a second; albsim {model_version()}"
    picture, axes = canvas((width, _HEIGHT), title=title, origin=origin)
    keep_s = np.geomspace(_LEAST_S, longest_s, _POINTS)
    lost = [keep.lost(one) for one in keep_s.tolist()]
    if np.isfinite(lost).all():
        low, high = (np.maximum([_quantile(of, q) for of in lost], _SHOWN_LEAST) for q in _BAND)
        mean = np.maximum([of.mean() for of in lost], _SHOWN_LEAST)
        axes.fill_between(keep_s, low, high, color=PALE, label="95 % of switches")
        axes.plot(keep_s, mean, color=BLUE, label="failed requests, mean")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.update_datalim([(_LEAST_S, _SHOWN_LEAST), (_LEAST_S, _SHOWN_AT_LEAST_TO)])
    axes.autoscale_view()
    ticks_s = [minutes * MINUTE_S for minutes in _TICKS_MIN if minutes * MINUTE_S <= longest_s]
    axes.set_xticks(ticks_s, [span(tick_s) for tick_s in ticks_s])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:,.10g}")
    axes.set_xlabel("the old pods are kept for")
    axes.set_ylabel("requests that fail afterwards")
    return Canvas(picture, axes)


def _quantile(means: np.ndarray, q: float) -> float:
    """Return the quantile of a number that is Poisson with one of these means, each equally likely."""
    low, high = 0.0, float(poisson.ppf(0.9999, means.max()))
    while high - low > 1:
        middle = math.floor((low + high) / 2)
        low, high = (low, middle) if float(np.mean(poisson.cdf(middle, means))) >= q else (middle, high)
    return high

"""The picture of a recommendation: the preStop sleep against the chance that a rollout misses the goal.

The curve is the share of simulated rollouts that need a longer sleep, with Wilson's 95 % interval at each sleep. The
goal is met where the curve falls below the line. The advised sleep is the upper end of that crossing's interval.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sim.experiment.provenance import model_version
from sim.report.disruption import name_of
from sim.report.pictures.canvas import BLACK, BLUE, PALE, VERMILION, canvas
from sim.report.recommendation_words import goal_in_words
from sim.report.wording import count, plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.experiment.recommendation import Recommendation

_SIZE = (9.0, 4.2)


def sleep_curve(found: Recommendation) -> Figure:
    """Return the picture of a recommendation."""
    scenario, advised_s = found.given.scenario, found.advised_s
    noun = name_of(scenario)
    rollouts = count(len(found.needs), noun)
    what = "keep old pods" if found.delay_key else "sleep"
    figure, axes = canvas(
        _SIZE,
        title=f"{scenario.name}: how long to {what} for {goal_in_words(found.goal, noun)}",
        origin=f"{rollouts}; seed {scenario.seed}; albsim {model_version()}",
    )
    longest_s = max([advised_s, *filter(math.isfinite, found.needs_s)])
    sleeps_s = np.unique(np.linspace(0, longest_s + 1, 1000).round())
    misses = [found.miss(sleep_s) for sleep_s in sleeps_s]
    low, high = (100 * np.array([getattr(miss, end) for miss in misses]) for end in ("low", "high"))
    axes.fill_between(sleeps_s, low, high, step="post", color=PALE, label="its 95 % interval")
    axes.step(
        sleeps_s, [100 * miss.value for miss in misses], where="post", color=BLUE, label=f"{plural(noun)} that miss it"
    )
    axes.axhline(100 * (1 - found.goal.confidence), color=BLACK, linestyle=":", label="allowed")
    if found.is_met:
        axes.axvline(advised_s, color=VERMILION, label=f"advised: {advised_s:g} s")
    axes.set_xlim(0, max(1.0, longest_s + 1))
    axes.set_ylim(0, 101)
    axes.set_xlabel("scaleDownDelaySeconds (s)" if found.delay_key else "preStop sleep (s)")
    axes.set_ylabel(f"{plural(noun)} that miss the goal (%)")
    axes.legend(frameon=False)
    return figure

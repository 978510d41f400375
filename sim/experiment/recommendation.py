"""What `recommend` finds: the least preStop sleep, or the least delay before old pods go, and its cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.experiment.rules import PRE_STOP
from sim.experiment.statistics import fraction_estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.experiment.goal import Goal
    from sim.experiment.least_sleep import Need
    from sim.experiment.statistics import Estimate
    from sim.experiment.trial import Trial
    from sim.scenario.specs import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What to set, and how the answer was found.

    Attributes
    ----------
    goal
        What is to be met.
    given
        Rollouts of the scenario as it is.
    best
        Rollouts with `settings`, which the search has not seen.
    needs
        What each rollout of the search needs.
    least
        The least preStop sleep, or delay, that meets the goal, in s, with its interval.
    settings
        The settings that must change, by dotted key.
    is_met
        Whether some sleep, or delay, meets the goal. If not, the settings outlast the slowest pods, and `best` shows
        the failures that are left.
    is_known
        Whether `least` is known as precisely as was wanted.
    delay_key
        The dotted key of the delay that is recommended, '' where it is the preStop sleep.
    """

    goal: Goal
    given: Trial
    best: Trial
    needs: tuple[Need, ...]
    least: Estimate
    settings: dict[str, float]
    is_met: bool
    is_known: bool
    delay_key: str = ""

    @property
    def key(self) -> str:
        """Return the key that is recommended."""
        return self.delay_key or PRE_STOP

    @property
    def advised_s(self) -> float:
        """Return the recommended sleep or delay (s)."""
        return value_of(self.best.scenario, self.key)

    @property
    def needs_s(self) -> list[float]:
        """Return the least sleep or delay that each rollout of the search needs (s)."""
        return [need.least_s for need in self.needs]

    @property
    def needed_s(self) -> float:
        """Return how long a rollout's slowest pod stays in rotation: the quantile at the goal's confidence (s)."""
        return at_confidence([need.slowest.stays_s for need in self.needs], self.goal)

    def miss(self, at_s: float) -> Estimate:
        """Estimate the chance that a rollout with this sleep, or delay, misses the goal.

        Parameters
        ----------
        at_s
            The preStop sleep, or the delay where that is recommended, in s.

        Returns
        -------
        Estimate
            A probability from 0 to 1, with its 95 % interval.
        """
        return fraction_estimate(sum(need_s > at_s for need_s in self.needs_s), len(self.needs))


def at_confidence(needs_s: Sequence[float] | np.ndarray, goal: Goal) -> float:
    """Return the quantile of some times at the goal's confidence."""
    return float(np.quantile(needs_s, goal.confidence, method="inverted_cdf"))


def value_of(scenario: Scenario, key: str) -> float:
    """Return the number of a key with two parts."""
    group, name = key.split(".")
    return float(getattr(getattr(scenario, group), name))

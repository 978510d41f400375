"""What a recommendation is to meet, and how precisely it is wanted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.experiment.statistics import Estimate
    from sim.experiment.trial import Trial


@dataclass(frozen=True, slots=True)
class Goal:
    """A target for the failed requests of a scenario.

    Attributes
    ----------
    target_502
        A rollout is good if fewer of its requests fail than this; 0 and 1 both mean none.
    confidence
        The fraction of rollouts that are to be good, from 0 to 1.
    """

    target_502: float = 1.0
    confidence: float = 0.95

    @property
    def most_failed(self) -> int:
        """Return how many requests may fail."""
        return max(math.ceil(self.target_502) - 1, 0)

    def is_met(self, trial: Trial) -> bool:
        """Return whether these rollouts meet the goal.

        Parameters
        ----------
        trial
            Rollouts of a scenario.

        Returns
        -------
        bool
            True if at least `confidence` of them have at most `most_failed` failed requests.
        """
        return trial.with_at_most(self.most_failed).value >= self.confidence


@dataclass(frozen=True, slots=True)
class Precision:
    """How precisely a recommended sleep is wanted.

    Attributes
    ----------
    within_s
        Half the length of the sleep's interval at which the search ends, in s.
    at_most
        The number of rollouts after which the search gives up.
    """

    within_s: float = 2.0
    at_most: int = 2000

    def is_reached(self, sleep: Estimate) -> bool:
        """Return whether the sleep is known that precisely, or known not to exist.

        Parameters
        ----------
        sleep
            The least sleep that meets the goal, in s, with its interval.

        Returns
        -------
        bool
            True if the interval is at most `2 * within_s` long, or if even its lower end is infinite.
        """
        return sleep.low == math.inf or (math.isfinite(sleep.high) and sleep.high - sleep.low <= 2 * self.within_s)

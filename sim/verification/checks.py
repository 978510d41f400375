"""A check: the value by theory, the program's value, and whether the theory lies in the program's interval.

- A random figure has a two-sided interval of 99.99 %. With some fifty rows, a false alarm then comes once in 200
  versions of the random generator. The seeds are fixed, so that an alarm does not come and go.
- A figure that is not random has an interval of the width of rounding.
- A number of violations has no interval: it is 0 or the row fails.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.experiment.statistics import Estimate, fraction_estimate, mean_estimate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike

CONFIDENCE = 0.9999
ROUNDING = 1e-9
"""The relative width of rounding, which is some nanoseconds for a time within a rollout."""


@dataclass(frozen=True, slots=True)
class Check:
    """One row: `claim` says what is compared, `settings` with which settings."""

    claim: str
    settings: str
    theory: float
    measured: Estimate

    @property
    def passed(self) -> bool:
        """Return whether the theory lies in the interval. Nothing lies in an interval of NaN."""
        return self.measured.low <= self.theory <= self.measured.high

    @property
    def off(self) -> float:
        """How far the measured value is from the theory."""
        return self.measured.value - self.theory

    @property
    def off_halfwidths(self) -> float:
        """The distance from the theory in halfwidths of the interval, on the theory's side: -1 to 1 passes."""
        end = self.measured.high if self.off < 0 else self.measured.low
        reach = abs(self.measured.value - end)
        return self.off / reach if reach else math.copysign(math.inf, self.off) if self.off else 0.0


def of_mean(claim: str, settings: str, theory: float, values: ArrayLike) -> Check:
    """Return the check of a mean against independent draws, which may all be the same."""
    estimate = mean_estimate(values, confidence=CONFIDENCE)
    margin = _rounding(theory)
    return Check(claim, settings, theory, Estimate(estimate.value, estimate.low - margin, estimate.high + margin))


def of_fraction(claim: str, settings: str, theory: float, happened: Sequence[bool]) -> Check:
    """Return the check of a probability against the fraction of independent trials."""
    estimate = fraction_estimate(sum(happened), len(happened), confidence=CONFIDENCE)
    return Check(claim, settings, theory, estimate)


def of_value(claim: str, settings: str, theory: float, value: float) -> Check:
    """Return the check of a figure that is not random: equal to within rounding."""
    margin = _rounding(theory)
    return Check(claim, settings, theory, Estimate(value, value - margin, value + margin))


def of_violations(claim: str, settings: str, holds: Iterable[bool]) -> Check:
    """Return the check that something always holds. No case at all counts as one violation."""
    looked_at = list(holds)
    violations = float(looked_at.count(False)) if looked_at else 1.0
    return Check(claim, settings, 0.0, Estimate(violations, violations, violations))


def _rounding(theory: float) -> float:
    return ROUNDING * max(1.0, abs(theory))

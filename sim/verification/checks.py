"""A check: what theory gives, what the program gives, and whether the one is in the other's interval.

A figure that is drawn has a two-sided interval of 99.99 %, so that of some fifty rows a wrong alarm comes once in 200
versions of the random generator; the seeds are fixed, so that it does not come and go. A figure that is not drawn has
an interval of the width of rounding; a number of violations has none: it is 0 or the row fails.
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
"""Relative; of a time within a rollout some nanoseconds."""


@dataclass(frozen=True, slots=True)
class Check:
    """One row: `claim` says what is compared, `settings` for which values of what."""

    claim: str
    settings: str
    theory: float
    measured: Estimate

    @property
    def passed(self) -> bool:
        """Whether the interval holds the theory; what is not a number holds nothing."""
        return self.measured.low <= self.theory <= self.measured.high

    @property
    def off(self) -> float:
        """How far the measured value is from the theory."""
        return self.measured.value - self.theory

    @property
    def off_halfwidths(self) -> float:
        """The same in parts of the way from the value to the interval's end on the theory's side: -1 to 1 passes."""
        end = self.measured.high if self.off < 0 else self.measured.low
        reach = abs(self.measured.value - end)
        return self.off / reach if reach else math.copysign(math.inf, self.off) if self.off else 0.0


def of_mean(claim: str, settings: str, theory: float, values: ArrayLike) -> Check:
    """Compare a mean with that of independent draws of it, which may all be the same."""
    estimate = mean_estimate(values, confidence=CONFIDENCE)
    margin = _rounding(theory)
    return Check(claim, settings, theory, Estimate(estimate.value, estimate.low - margin, estimate.high + margin))


def of_fraction(claim: str, settings: str, theory: float, happened: Sequence[bool]) -> Check:
    """Compare a probability with how often it happened in independent trials."""
    estimate = fraction_estimate(sum(happened), len(happened), confidence=CONFIDENCE)
    return Check(claim, settings, theory, estimate)


def of_value(claim: str, settings: str, theory: float, value: float) -> Check:
    """Compare what is not drawn: equal but for rounding."""
    margin = _rounding(theory)
    return Check(claim, settings, theory, Estimate(value, value - margin, value + margin))


def of_violations(claim: str, settings: str, holds: Iterable[bool]) -> Check:
    """Count where something that always holds does not. To have looked at nothing is one violation."""
    looked_at = list(holds)
    violations = float(looked_at.count(False)) if looked_at else 1.0
    return Check(claim, settings, 0.0, Estimate(violations, violations, violations))


def _rounding(theory: float) -> float:
    return ROUNDING * max(1.0, abs(theory))

"""Pairs of replications under the same draws: how two fractions differ, and which of two counts is mostly larger.

Modelled: Newcombe's interval for the difference of two paired fractions, from Wilson's interval of each (his method
10), and the exact sign test. Interval and test hold whatever the law of the 502s is. Left out: a correction for looking
at several figures at once. Sources: R. G. Newcombe, Improved confidence intervals for the difference between binomial
proportions based on paired data, Statistics in Medicine 17 (1998), 2635-2650. W. J. Conover, Practical Nonparametric
Statistics, 3rd edition (1999), section 3.4: ties are dropped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.experiment.statistics import (
    CONFIDENCE,
    Estimate,
    fraction_estimate,
    largest_share,
    paired_difference,
    quantile_estimate,
    replications_for_mean,
    trusted_mean_estimate,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

TIE = 1e-6
"""Expected counts that differ by less differ by rounding."""


def fraction_difference(first: ArrayLike, second: ArrayLike, *, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate by how much the second fraction exceeds the first; each pair holds two of 0 or 1."""
    one, two = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    pairs = one.size
    a = fraction_estimate(int(one.sum()), pairs, confidence=confidence)
    b = fraction_estimate(int(two.sum()), pairs, confidence=confidence)
    phi, value = _correlation(one, two), b.value - a.value
    below = _side(b.value - b.low, a.high - a.value, phi)
    above = _side(b.high - b.value, a.value - a.low, phi)
    return Estimate(value, value - below, value + above)


def _side(of_second: float, of_first: float, phi: float) -> float:
    return math.sqrt(max(0.0, of_second**2 - 2 * phi * of_second * of_first + of_first**2))


def _correlation(one: np.ndarray, two: np.ndarray) -> float:
    """Return the correlation of the pairs, with Newcombe's continuity correction where it is positive."""
    both, neither = int((one & two).sum()), int((~one & ~two).sum())
    only_one, only_two = int((one & ~two).sum()), int((~one & two).sum())
    product = both * neither - only_one * only_two
    corrected = max(product - one.size / 2, 0.0) if product > 0 else float(product)
    n_one, n_two = both + only_one, both + only_two
    margins = n_one * (one.size - n_one) * n_two * (one.size - n_two)
    return corrected / math.sqrt(margins) if margins else 0.0


def probability_difference(first: ArrayLike, second: ArrayLike) -> Estimate:
    """Estimate by how much the mean of second probabilities exceeds that of the first: Student's t, within -1 to 1."""
    estimate = paired_difference(first, second)
    low, high = np.clip([estimate.low, estimate.high], -1.0, 1.0).tolist()
    return Estimate(estimate.value, low, high)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedSpread:
    """What pairs say of second minus first under a law that may have a heavy tail.

    Attributes
    ----------
    median
        The median difference, with the interval of order statistics.
    more, fewer
        The number of pairs in which the second has more, or fewer.
    p_value
        The p-value of the two-sided sign test.
    mean
        The mean difference, with Student's interval. The interval's bounds are NaN if there are fewer pairs than
        `needed`.
    largest_share
        Which part of all differences, without their signs, one pair makes, from 0 to 1.
    needed
        How many pairs an interval of the mean takes.
    """

    median: Estimate
    more: int
    fewer: int
    p_value: float
    mean: Estimate
    largest_share: float
    needed: int


def paired_spread(first: ArrayLike, second: ArrayLike) -> PairedSpread:
    """Put together what pairs say of their difference."""
    differences = np.subtract(second, first)
    more, fewer = int((differences > TIE).sum()), int((differences < -TIE).sum())
    return PairedSpread(
        median=quantile_estimate(differences, 0.5),
        more=more,
        fewer=fewer,
        p_value=sign_test(more, fewer),
        mean=trusted_mean_estimate(differences),
        largest_share=largest_share(np.abs(differences)),
        needed=replications_for_mean(differences),
    )


def sign_test(more: int, fewer: int) -> float:
    """Return how likely a split at least as uneven is, if more and fewer are equally likely; ties do not count."""
    from scipy import special

    return min(1.0, 2 * float(special.bdtr(min(more, fewer), more + fewer, 0.5)))

"""Intervals: Student's t for a mean over replications, Wilson's for a fraction, order statistics for a quantile.

Student's interval covers the mean only if there are enough replications for the skewness of their law. Where one AWS
call is throttled again and again, one rollout in twenty has most of the 502s of all. Such intervals miss the mean far
too often, and `replications_for_mean` says when to give none. The other two hold under any law.

- An interval of a quantile that ends at two of the replications holds too often: no two have just the wanted chance.
- Between two replications it holds about as often as it says (`quantile_estimate`). An end lies there in the scale of
  asinh: even for counts up to one, and in their logarithm beyond. One rollout may have ten times as many 502s as the
  next. Where only one end can be given, that end is placed with more caution.
- Where an interval must never hold too seldom, it ends at replications (`sure_quantile_estimate`).

Sources:
- W. G. Cochran, Sampling Techniques, 3rd edition (1977), section 2.15. The mean's 95 % interval errs in at most 6 % of
  samples if their size exceeds 25 times the squared skewness.
- T. P. Hettmansperger and S. J. Sheather, Confidence intervals based on interpolated order statistics, Statistics and
  Probability Letters 4 (1986), 75-79. J. Nyblom, Note on interpolated order statistics, the same 14 (1992), 129-131.
- docs/statistics.md has the measured coverage.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95
_COCHRAN = 25.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its two-sided confidence interval, in the unit of what is estimated.

    Attributes
    ----------
    value
        The estimate.
    low, high
        The ends of the interval, of 95 % where nothing else is said. NaN where there are too few replications for an
        interval of a mean, infinite where there are too few to bound a quantile.
    """

    value: float
    low: float
    high: float


def mean_estimate(values: ArrayLike, *, confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean of independent replications, with Student's t interval."""
    from scipy import special

    sample = np.asarray(values, dtype=np.float64)
    mean = float(sample.mean())
    if sample.size == 1:
        return Estimate(mean, math.nan, math.nan)
    quantile = float(special.stdtrit(sample.size - 1, (1 + confidence) / 2))
    margin = quantile * float(sample.std(ddof=1)) / math.sqrt(sample.size)
    return Estimate(mean, mean - margin, mean + margin)


def trusted_mean_estimate(values: ArrayLike) -> Estimate:
    """Return the mean of independent replications.

    The bounds are NaN where the replications are too few for Student's interval.
    """
    mean = mean_estimate(values)
    return mean if np.size(values) >= replications_for_mean(values) else Estimate(mean.value, math.nan, math.nan)


def fraction_estimate(successes: float, trials: int, *, confidence: float = CONFIDENCE) -> Estimate:
    """Return a fraction with Wilson's score interval, which has a width even if no trial, or every one, succeeded.

    `successes` may be the sum of the trials' probabilities. The interval is then too wide rather than too narrow, as no
    law between 0 and 1 varies more than one of 0 and 1 with the same mean.
    """
    from scipy import special

    z = float(special.ndtri((1 + confidence) / 2))
    fraction = min(successes / trials, 1.0)
    centre = (fraction + z**2 / (2 * trials)) / (1 + z**2 / trials)
    margin = z / (1 + z**2 / trials) * math.sqrt(fraction * (1 - fraction) / trials + (z / (2 * trials)) ** 2)
    return Estimate(fraction, max(0.0, centre - margin), min(1.0, centre + margin))


def quantiles(values: ArrayLike) -> dict[str, float]:
    """Return mean, p50, p90, p99 and max of values pooled over all replications, NaN if there are no values."""
    sample = np.asarray(values, dtype=np.float64)
    if sample.size == 0:
        return dict.fromkeys(("mean", "p50", "p90", "p99", "max"), math.nan)
    p50, p90, p99 = np.quantile(sample, [0.5, 0.9, 0.99]).tolist()
    return {"mean": float(sample.mean()), "p50": p50, "p90": p90, "p99": p99, "max": float(sample.max())}


def paired_difference(first: ArrayLike, second: ArrayLike, *, confidence: float = CONFIDENCE) -> Estimate:
    """Return how much the second mean exceeds the first, where replication k of both met the same random draws.

    Effects common to both cancel in each pair, so the interval is narrower than that of two independent samples.
    """
    return mean_estimate(np.subtract(second, first), confidence=confidence)


def quantile_estimate(values: ArrayLike, probability: float, *, confidence: float = CONFIDENCE) -> Estimate:
    """Return a quantile of independent replications. Each end of the interval lies between two of the values.

    The number of values below the quantile is binomial, with the quantile's probability. An end is infinite if not even
    the least or the greatest value is sure enough to lie beyond the quantile. The other end then has all the error, and
    is placed with caution.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    error = (1 - confidence) / 2
    low, high = _low(ordered, probability, error), _high(ordered, probability, error)
    if math.isinf(low):
        high = _high(ordered, probability, 2 * error, alone=True)
    elif math.isinf(high):
        low = _low(ordered, probability, 2 * error, alone=True)
    return Estimate(float(np.quantile(ordered, probability, method="inverted_cdf")), low, high)


def _high(ordered: NDArray[np.float64], probability: float, error: float, *, alone: bool = False) -> float:
    return -_low(-ordered[::-1], 1 - probability, error, alone=alone)


def _low(ordered: NDArray[np.float64], probability: float, error: float, *, alone: bool = False) -> float:
    """Return what lies above the quantile with this chance: between two of the ordered values, or below all of them.

    How fast the chance grows between the two depends on the law. Nyblom takes the law to be even about the quantile, so
    that the two are nearer to it on the side that has more values. `alone`: they are taken to be as near on either
    side, which makes this end lower. A law that is thinner above the quantile than below it needs that.
    """
    from scipy import special

    n = ordered.size

    def beyond(rank: int) -> float:
        """Return the chance that the value of this rank, from 1, lies above the quantile."""
        return float(special.bdtr(rank - 1, n, probability))

    rank = bisect_right(range(1, n + 1), error, key=beyond)
    if rank in {0, n}:
        return float(ordered[-1]) if rank else -math.inf
    less, more = error - beyond(rank), beyond(rank + 1) - error
    upper, lower = (less, more) if alone else ((n - rank) * probability * less, rank * (1 - probability) * more)
    return _between(float(ordered[rank - 1]), float(ordered[rank]), upper / (lower + upper))


def _between(low: float, high: float, part: float) -> float:
    """Return what lies this part of the way from one value to another in the scale of asinh."""
    if low == high:
        return low
    return math.sinh((1 - part) * math.asinh(low) + part * math.asinh(high))


def sure_quantile_estimate(values: ArrayLike, probability: float, *, confidence: float = CONFIDENCE) -> Estimate:
    """Return a quantile of independent replications, any of which may be infinite. The interval is never short.

    The ends are two of the values, so that it holds at least as often as it says, under any law.
    """
    from scipy import special

    ordered = np.sort(np.asarray(values, dtype=np.float64))
    at_most = special.bdtr(np.arange(ordered.size + 1), ordered.size, probability)
    low, high = np.searchsorted(at_most, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
    ends = np.concatenate(([-math.inf], ordered, [math.inf]))
    value = np.quantile(ordered, probability, method="inverted_cdf")
    return Estimate(float(value), float(ends[low]), float(ends[high + 1]))


def largest_share(values: ArrayLike) -> float:
    """Return the share of the largest value in the sum of non-negative values, 0 if all are 0."""
    sample = np.asarray(values, dtype=np.float64)
    total = float(sample.sum())
    return float(sample.max()) / total if total else 0.0


def replications_for_mean(values: ArrayLike) -> int:
    """Return how many replications Student's interval of a mean needs, from the skewness that these values show."""
    sample = np.asarray(values, dtype=np.float64)
    deviation = float(sample.std())
    if deviation == 0 or np.all(sample == sample[0]):
        return 1
    skewness = float(np.mean(((sample - sample.mean()) / deviation) ** 3))
    return int(_COCHRAN * skewness**2) + 1


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, 95 % quantile and mean of a law that may have a heavy tail, from replications.

    `largest_share`: the largest replication's share of the sum. `needed`: how many replications the mean's interval
    needs. With fewer, the bounds of the mean are NaN.
    """

    p50: Estimate
    p95: Estimate
    mean: Estimate
    largest_share: float
    needed: int


def spread(values: ArrayLike) -> Spread:
    """Return median, 95 % quantile and mean of replications."""
    sample = np.asarray(values, dtype=np.float64)
    return Spread(
        p50=quantile_estimate(sample, 0.5),
        p95=quantile_estimate(sample, 0.95),
        mean=trusted_mean_estimate(sample),
        largest_share=largest_share(sample),
        needed=replications_for_mean(sample),
    )

"""How likely an interval of `quantile_estimate` is to contain the quantile of a bank: exactly, without drawing samples.

An end lies between two order statistics. Where `rank` of the n values are at or below the quantile, the greatest of
these and the least of the others are independent. The laws of both are powers of the bank's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from sim.experiment.statistics import quantile_estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray


def exact_coverage(values: NDArray[np.float64], n: int, probability: float) -> float:
    """Return the chance that the interval of `n` values, each drawn from these, contains their quantile."""
    scale = np.arcsinh(values)
    quantile = float(np.quantile(scale, probability, method="inverted_cdf"))
    # Of values that are even in asinh, the ends tell between which ranks they lie, and where.
    even = quantile_estimate(np.sinh(np.arange(1, n + 1)), probability)
    low, high = np.arcsinh([even.low, even.high]).tolist()
    return 1 - _beyond(scale, quantile, n, low) - _beyond(-scale, -quantile, n, n + 1 - high)


def _beyond(values: NDArray[np.float64], quantile: float, n: int, place: float) -> float:
    """Return the chance that an end at a place from 1 to n, between two of n ordered values, exceeds the quantile."""
    if math.isinf(place):
        return 0.0
    rank = math.floor(place + 1e-9)
    part = max(0.0, place - rank)
    each, counts = np.unique(values, return_counts=True)
    at_most = np.cumsum(counts) / values.size
    last = int(np.searchsorted(each, quantile))
    chance = float(stats.binom.cdf(rank - 1, n, at_most[last]))
    if part < 1e-9:
        return chance
    greatest = np.diff(np.concatenate(([0.0], (at_most[: last + 1] / at_most[last]) ** rank)))
    least_is_at_least = np.append(1 - (at_most[last:-1] - at_most[last]) / (1 - at_most[last]), 0.0) ** (n - rank)
    needed = (quantile - (1 - part) * each[: last + 1]) / part
    exceeds = least_is_at_least[np.searchsorted(each[last + 1 :], needed + 1e-9, side="right")]
    return chance + float(stats.binom.pmf(rank, n, at_most[last])) * float(greatest @ exceeds)

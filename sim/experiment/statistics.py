"""Intervals: Student's t for a mean over replications, Wilson's for a fraction of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its two-sided confidence interval (NaN where one replication gives none)."""

    value: float
    low: float
    high: float


def mean_estimate(values: ArrayLike, *, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate a mean from independent replications: Student's t."""
    from scipy import special

    sample = np.asarray(values, dtype=np.float64)
    mean = float(sample.mean())
    if sample.size == 1:
        return Estimate(mean, math.nan, math.nan)
    quantile = float(special.stdtrit(sample.size - 1, (1 + confidence) / 2))
    margin = quantile * float(sample.std(ddof=1)) / math.sqrt(sample.size)
    return Estimate(mean, mean - margin, mean + margin)


def fraction_estimate(successes: int, trials: int, *, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate a fraction: Wilson's score interval, which has a width even where no trial, or each, succeeded."""
    from scipy import special

    z = float(special.ndtri((1 + confidence) / 2))
    fraction = successes / trials
    centre = (fraction + z**2 / (2 * trials)) / (1 + z**2 / trials)
    margin = z / (1 + z**2 / trials) * math.sqrt(fraction * (1 - fraction) / trials + (z / (2 * trials)) ** 2)
    return Estimate(fraction, max(0.0, centre - margin), min(1.0, centre + margin))


def quantiles(values: ArrayLike) -> dict[str, float]:
    """Return mean, p50, p90, p99 and max of values pooled over all replications; NaN where there are none."""
    sample = np.asarray(values, dtype=np.float64)
    if sample.size == 0:
        return dict.fromkeys(("mean", "p50", "p90", "p99", "max"), math.nan)
    p50, p90, p99 = np.quantile(sample, [0.5, 0.9, 0.99]).tolist()
    return {"mean": float(sample.mean()), "p50": p50, "p90": p90, "p99": p99, "max": float(sample.max())}


def paired_difference(first: ArrayLike, second: ArrayLike, *, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate by how much the second mean exceeds the first; replication k of both met the same random draws.

    What both have in common cancels in each pair, so that the interval is narrower than two independent samples give.
    """
    return mean_estimate(np.subtract(second, first), confidence=confidence)

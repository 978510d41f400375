"""Intervals of what clusters of rows have in common: a bootstrap that draws whole clusters.

Targets of one call share what happened to it, so that many targets of few calls tell little.

Modelled: the interval is the spread of the resamples' logarithms, with Student's t for few clusters.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), §8.6 and §12.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sim.calibration.last_requests import Floats, Ints

N_BOOTSTRAP = 400
ENOUGH_CLUSTERS = 8
CONFIDENCE = 0.95
_LONGEST_REACH = 50.0

Interval = tuple[float, float]

QUANTILES = {"median": 0.5, "p95": 0.95}
"""The quantiles that are measured, by their names."""


def cluster_weights(cluster: Ints, rng: np.random.Generator, resamples: int = N_BOOTSTRAP) -> Floats:
    """Draw how often each row's cluster comes in each resample, shape (resamples, rows)."""
    _, place = np.unique(cluster, return_inverse=True)
    n = int(place.max()) + 1
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples)[:, place].astype(np.float64)


def log_interval(value: float, of_resamples: Floats, n_clusters: int, *, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of a positive value from those of the resamples."""
    from scipy.special import stdtrit

    spread = float(np.std(np.log(np.maximum(of_resamples, 1e-9))))
    widened = spread * math.sqrt(n_clusters / max(n_clusters - 1, 1))
    reach = widened * float(stdtrit(max(n_clusters - 1, 1), (1 + confidence) / 2))
    return value * math.exp(-reach), value * math.exp(min(reach, _LONGEST_REACH))

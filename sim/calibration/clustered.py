"""Intervals of a quantile of values that come in clusters, as targets of one call and calls of one rollout do.

Modelled:
- Values of a cluster are alike, and tell no more than a smaller number of independent ones. How many follows from how
  much the clusters differ in the share of their values up to the quantile, with Student's t for few clusters.
- A high quantile of enough clusters has the interval of so many independent values: both ends lie between values.
- With fewer clusters, or too few values, it has no upper end. The lower end then has all the error, and follows, as the
  median's interval does, from a bootstrap over clusters.

Sources: E. L. Korn and B. I. Graubard, Confidence intervals for proportions with small expected number of positive
counts estimated from survey data, Survey Methodology 24 (1998), 193-201; R. S. Woodruff, Confidence intervals for
medians and other position measures, Journal of the American Statistical Association 47 (1952), 635-646.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sim.calibration.bootstrap import CONFIDENCE, QUANTILES, cluster_weights, log_interval

if TYPE_CHECKING:
    from sim.calibration.bootstrap import Interval
    from sim.calibration.last_requests import Floats, Ints

ENOUGH_FOR_P95 = 73
"""Of so many independent values the greatest is beyond the 95 % quantile, in 97.5 % of cases."""
CLUSTERS_FOR_P95 = 20
"""With fewer clusters it is too uncertain how many independent values they are worth (docs/calibration.md)."""
_ERROR = (1 - CONFIDENCE) / 2


def clustered_quantile_interval(
    values: Floats, cluster: Ints, q: float, *, independent: bool = True, seed: int = 1
) -> Interval:
    """Return the interval of a quantile of values in clusters, of which there are at least two.

    `independent`: whether the clusters are. Calls of a few rollouts are not, and bound no high quantile from above.
    """
    n_clusters = int(np.unique(cluster).size)
    if q <= QUANTILES["median"]:
        return _by_bootstrap(values, cluster, q, seed)
    size = independent_values(values, cluster, q)
    if independent and n_clusters >= CLUSTERS_FOR_P95 and size >= ENOUGH_FOR_P95:
        places = (size + 1 - _rank(size, 1 - q), _rank(size, q))
        low, high = np.quantile(values, [(place - 0.5) / size for place in places], method="hazen").tolist()
        return low, high
    low, _ = _by_bootstrap(values, cluster, q, seed, confidence=1 - 4 * _ERROR)
    return low, math.inf


def independent_values(values: Floats, cluster: Ints, q: float) -> float:
    """Return how many independent values would tell as much of this quantile: no more than there are."""
    from scipy.special import stdtrit

    _, place = np.unique(cluster, return_inverse=True)
    n, n_clusters = values.size, int(place.max()) + 1
    up_to = values <= np.quantile(values, q)
    excess = np.bincount(place, up_to - up_to.mean())
    variance = n_clusters / (n_clusters - 1) * float(np.sum(excess**2)) / n**2
    if variance == 0:
        return float(n)
    few = float(stdtrit(n - 1, 1 - _ERROR) / stdtrit(n_clusters - 1, 1 - _ERROR))
    return min(q * (1 - q) / variance * few**2, float(n))


def _rank(size: float, q: float) -> float:
    """Return the rank, from 1, of a value that is below the quantile in 2.5 % of samples of so many values.

    Where `size` or the rank is no whole number, the binomial law is continued by the incomplete beta function.
    """
    from scipy.optimize import brentq
    from scipy.special import betainc

    return float(brentq(lambda rank: betainc(rank, size - rank + 1, q) - _ERROR, 1e-9, size + 1 - 1e-9))


def _by_bootstrap(values: Floats, cluster: Ints, q: float, seed: int, *, confidence: float = CONFIDENCE) -> Interval:
    order = np.argsort(values)
    weights = np.cumsum(cluster_weights(cluster, np.random.default_rng(seed))[:, order], axis=1)
    place = np.sum(weights < q * weights[:, -1:], axis=1)
    of_resamples = np.maximum(values[order][np.minimum(place, values.size - 1)], 1e-3)
    n_clusters = int(np.unique(cluster).size)
    return log_interval(float(np.quantile(values, q)), of_resamples, n_clusters, confidence=confidence)

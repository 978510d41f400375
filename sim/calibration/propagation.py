"""`target_group.propagation_s` from last requests: a law, its interval, the law without a family, and what is doubtful.

Modelled:
- The interval is that of a bootstrap over rollouts if there are enough of them. Otherwise the bootstrap is over
  DeregisterTargets calls, whose targets may share their delay.
- The bootstrap's interval is the spread of the resamples' logarithms, with Student's t for few clusters.
- The interval is at least as wide as if all pairs were independent. With only one call it is exactly as wide.

Sources: docs/facts/logs.md §4; docs/calibration.md measures how far the intervals can be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.calibration.bootstrap import ENOUGH_CLUSTERS, QUANTILES, Interval, cluster_weights, log_interval
from sim.calibration.families import FAMILIES
from sim.calibration.kernel import grid_of, likelihoods
from sim.calibration.likelihood import (
    Fit,
    any_law,
    any_law_resampled,
    fit,
    quantiles_of,
    resampled,
)
from sim.calibration.suspicions import suspicions

if TYPE_CHECKING:
    from sim.calibration.last_requests import Floats, Ints, LastRequests

FEWEST_ROWS = 5
FEWEST_SEEN = 2
"""A law has two parameters, and pairs without a request after the call bound them from one side only."""
_FAMILY_GAIN = 2.0
"""By how much a gamma law must be likelier (in AIC) than a lognormal one, which can be written by its quantiles."""
_MARGIN = 0.25
"""How far a quantile may be outside an interval, as a part of its width: both rest on the same rows."""

_ONE_CALL = (
    "All targets left in one DeregisterTargets call. If the targets shared a delay, the interval is too narrow: "
    "records of more rollouts would tell."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Propagation:
    """What was found.

    `best`: the likeliest family's fit; `interval` of each of `QUANTILES`.
    `edges_s`, `any_masses`: the law without a family, by cell; `any_interval` of its quantiles.
    `last_s`: the last requests, of the pairs that had one.
    `clusters`: what was resampled, `n_clusters` of them. `warnings`: in words, what makes the interval doubtful.
    """

    best: Fit
    interval: dict[str, Interval]
    edges_s: Floats
    any_masses: Floats
    any_interval: dict[str, Interval]
    last_s: Floats
    n: int
    clusters: str
    n_clusters: int
    warnings: tuple[str, ...]

    def quantile(self, name: str) -> float:
        """Return the fitted law's `median` or `p95`."""
        return self.best.quantile(QUANTILES[name])

    def any_quantile(self, name: str) -> float:
        """Return the same quantile of the law without a family."""
        return float(quantiles_of(self.any_masses[None], self.edges_s, QUANTILES[name])[0])


def measure_propagation(requests: LastRequests, *, seed: int = 1) -> Propagation:
    """Estimate the law. Raises ValueError if there are too few rows."""
    if len(requests) < FEWEST_ROWS:
        raise ValueError(f"at least {FEWEST_ROWS} pairs of an ALB node and a deregistered target (got {len(requests)})")
    n_seen = int(np.isfinite(requests.last_s).sum())
    if n_seen < FEWEST_SEEN:
        raise ValueError(f"at least {FEWEST_SEEN} pairs with a request after DeregisterTargets (got {n_seen})")
    edges_s = grid_of(requests)
    kernel = likelihoods(requests, edges_s)
    start_s = max(float(np.nanmedian(np.append(requests.last_s, 1.0))), 1.0)
    fits = [fit(family, kernel, edges_s, start_s) for family in FAMILIES]
    best = _preferred(fits)
    clusters, cluster = _clusters(requests)
    rng = np.random.default_rng(seed)
    weights = cluster_weights(cluster, rng)
    n_clusters = int(np.unique(cluster).size)
    parameters = resampled(best, kernel, edges_s, weights)
    as_if_apart = resampled(best, kernel, edges_s, cluster_weights(np.arange(len(requests)), rng))
    any_masses = any_law(kernel)
    any_laws = any_law_resampled(any_masses, kernel, weights)
    interval, any_interval = {}, {}
    for name, q in QUANTILES.items():
        of_resamples, of_rows = best.family.quantile(q, parameters), best.family.quantile(q, as_if_apart)
        interval[name] = _wider(
            log_interval(best.quantile(q), of_resamples, n_clusters),
            log_interval(best.quantile(q), of_rows, len(requests)),
        )
        of_any = float(quantiles_of(any_masses[None], edges_s, q)[0])
        any_interval[name] = log_interval(of_any, quantiles_of(any_laws, edges_s, q), n_clusters)
    return Propagation(
        best=best,
        interval=interval,
        edges_s=edges_s,
        any_masses=any_masses,
        any_interval=any_interval,
        last_s=requests.last_s[np.isfinite(requests.last_s)],
        n=len(requests),
        clusters=clusters,
        n_clusters=n_clusters,
        warnings=(
            *_few(clusters, n_clusters),
            *_parted(requests, best, any_interval),
            *suspicions(requests, best, edges_s, seed=seed),
        ),
    )


def _preferred(fits: list[Fit]) -> Fit:
    """Return the fit of the first family, unless another is clearly likelier."""
    likeliest = max(fits, key=lambda one: one.log_likelihood)
    return likeliest if 2 * (likeliest.log_likelihood - fits[0].log_likelihood) > _FAMILY_GAIN else fits[0]


def _clusters(requests: LastRequests) -> tuple[str, Ints]:
    """Return what to resample, in words and as a number for each row."""
    for words, of_rows in (("rollouts", requests.rollout), ("calls", requests.call)):
        if np.unique(of_rows).size >= ENOUGH_CLUSTERS:
            return words, of_rows
    if np.unique(requests.call).size > 1:
        return "calls", requests.call
    return "targets", np.arange(len(requests))


def _few(clusters: str, n_clusters: int) -> tuple[str, ...]:
    if clusters == "targets":
        return (_ONE_CALL,)
    if n_clusters < ENOUGH_CLUSTERS:
        return (f"The interval rests on {n_clusters} {clusters}, which is few: records of more rollouts would help.",)
    return ()


def _parted(requests: LastRequests, best: Fit, any_interval: dict[str, Interval]) -> tuple[str, ...]:
    """Return a warning if observed quantiles of the fitted law are outside the other law's intervals."""
    watched_s = float(np.median(requests.until_s))
    outside = []
    for name, (low, high) in any_interval.items():
        margin = (high / low) ** _MARGIN
        fitted = best.quantile(QUANTILES[name])
        if fitted < watched_s and not low / margin <= fitted <= high * margin:
            outside.append(name)
    if not outside:
        return ()
    named = " and ".join(outside)
    those = "that" if len(outside) == 1 else "those"
    words = f"A {best.family.name} law does not fit: its {named} cannot be {those} of the law without a family."
    return (f"{words} Look at the picture, and take an empirical law.",)


def _wider(first: Interval, second: Interval) -> Interval:
    return min(first[0], second[0]), max(first[1], second[1])

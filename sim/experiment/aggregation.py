"""How the values of a figure, one from each replication, become one result for all replications.

Modelled:
- the mean over replications, alone or with Student's interval;
- the fraction of replications, with Wilson's interval;
- quantiles over replications, with or without intervals;
- quantiles over the pods of all replications;
- means of quantiles within replications.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from sim.data_plane.latency import Latency
from sim.experiment.statistics import Estimate, Spread, fraction_estimate, mean_estimate, quantiles, spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.data_plane.timeline import Times
    from sim.experiment.estimators import Estimator

    Quantiles = dict[str, float]

V_contra = TypeVar("V_contra", contravariant=True)
"""The value of one replication."""
S = TypeVar("S")
"""The result for all replications."""

_QUANTILES = {"mean": "mean", "p50": "median", "p90": "90 % quantile", "p99": "99 % quantile", "max": "longest"}


class Aggregation(Protocol[V_contra, S]):
    """How the values of replications are put together, and how one value fills a row of a sweep.

    `parts`: the columns of one replication's value, by the ends of their names, with their labels. Empty if the value
    is one number.
    """

    parts: Mapping[str, str]

    def row(self, value: V_contra) -> tuple[float, ...]:
        """Return the numbers of one replication: one for each of `parts`, or a single one."""
        ...

    def of_all(self, values: Sequence[V_contra], estimator: Estimator) -> S:
        """Return the result for these replications."""
        ...

    def as_json(self, summarised: S) -> dict[str, Any]:
        """Return the result as `albsim run --format json` prints it. Missing values are null."""
        ...


class _OfNumbers:
    """One number of each replication."""

    parts: Mapping[str, str] = {}

    def row(self, value: float) -> tuple[float, ...]:
        """Return the number."""
        return (float(value),)


class Mean(_OfNumbers):
    """The mean over replications, with Student's interval."""

    def of_all(self, values: Sequence[float], estimator: Estimator) -> Estimate:  # noqa: ARG002 - the protocol's
        """Return the estimate."""
        return mean_estimate(values)

    def as_json(self, summarised: Estimate) -> dict[str, Any]:
        """Return the mean and its interval."""
        return {"mean": summarised.value, "ci95": _interval(summarised)}


class MeanAlone(Mean):
    """The mean over replications, whose interval the JSON leaves out."""

    def as_json(self, summarised: Estimate) -> dict[str, Any]:
        """Return the mean."""
        return {"mean": summarised.value}


class Fraction(_OfNumbers):
    """The fraction of replications in which something happened, from 0 or 1 for each, or from probabilities.

    The interval is Wilson's. Of probabilities it may be too wide. Student's would not hold where a rare rollout has
    502s and none of these rollouts is one.
    """

    def of_all(self, values: Sequence[float], estimator: Estimator) -> Estimate:  # noqa: ARG002 - the protocol's
        """Return the estimate."""
        return fraction_estimate(sum(values), len(values))

    def as_json(self, summarised: Estimate) -> dict[str, Any]:
        """Return the fraction and its interval."""
        return {"fraction": summarised.value, "ci95": _interval(summarised)}


class SpreadOfRollouts(_OfNumbers):
    """Median and 95 % quantile over replications with their intervals, and the mean, with an interval if it has one."""

    def of_all(self, values: Sequence[float], estimator: Estimator) -> Spread:  # noqa: ARG002 - the protocol's
        """Return median, quantile and mean."""
        return spread(values)

    def as_json(self, summarised: Spread) -> dict[str, Any]:
        """Return the spread. An end of an interval is null if there are too few replications to bound it."""
        return {
            "p50": {"value": summarised.p50.value, "ci95": _ends(summarised.p50)},
            "p95": {"value": summarised.p95.value, "ci95": _ends(summarised.p95)},
            "mean": {"value": summarised.mean.value, "ci95": _interval(summarised.mean)},
            "largest_share": summarised.largest_share,
            "replications_for_mean": summarised.needed,
        }


class QuantilesOfRollouts(_OfNumbers):
    """Mean, quantiles and maximum over replications."""

    def of_all(self, values: Sequence[float], estimator: Estimator) -> Quantiles:  # noqa: ARG002 - the protocol's
        """Return mean, quantiles and maximum."""
        return quantiles(values)

    def as_json(self, summarised: Quantiles) -> dict[str, Any]:
        """Return the quantiles by name."""
        return _finite(summarised)


class QuantilesOfPods:
    """Mean, quantiles and maximum over the pods of all replications. Each replication has a number for every pod."""

    parts: Mapping[str, str] = {name: f"{words} over pods" for name, words in _QUANTILES.items()}

    def row(self, value: Times) -> tuple[float, ...]:
        """Return the quantiles over the replication's own pods, NaN if there are none."""
        return tuple(quantiles(value).values())

    def of_all(self, values: Sequence[Times], estimator: Estimator) -> Quantiles:  # noqa: ARG002 - the protocol's
        """Return the quantiles over all pods."""
        return quantiles(np.concatenate(values))

    def as_json(self, summarised: Quantiles) -> dict[str, Any]:
        """Return the quantiles by name."""
        return _finite(summarised)


class MeanLatency:
    """The means over replications of the latency's quantiles within each replication."""

    parts: Mapping[str, str] = {name: name for name in Latency._fields}

    def row(self, value: Latency) -> tuple[float, ...]:
        """Return the quantiles within the replication."""
        return tuple(value)

    def of_all(self, values: Sequence[Latency], estimator: Estimator) -> Quantiles:  # noqa: ARG002 - the protocol's
        """Return the means."""
        return dict(zip(Latency._fields, np.mean(values, axis=0).tolist(), strict=True))

    def as_json(self, summarised: Quantiles) -> dict[str, Any]:
        """Return the quantiles by name."""
        return _finite(summarised)


def _interval(estimate: Estimate) -> list[float] | None:
    return None if math.isnan(estimate.low) else [estimate.low, estimate.high]


def _ends(estimate: Estimate) -> list[float | None]:
    return [end if math.isfinite(end) else None for end in (estimate.low, estimate.high)]


def _finite(values: Quantiles) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}

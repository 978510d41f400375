"""The lognormal distribution, given by its median or its mean.

Source: N. L. Johnson, S. Kotz, N. Balakrishnan, Continuous Univariate Distributions 1 (1994), chapter 14.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from pydantic import Field, ValidationInfo, field_validator, model_validator

from sim.scenario.fields import PositiveSeconds, complaint
from sim.scenario.law import Law, tail_product
from sim.scenario.problems import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_WIDEST_SIGMA = 10.0
_PROBABILITIES = {"p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


class Lognormal(Law):
    """Lognormal: `median` with `sigma` or with one quantile, or `mean` with `sigma`."""

    dist: Literal["lognormal"] = "lognormal"
    median: PositiveSeconds | None = None
    """The median."""
    mean_parameter: PositiveSeconds | None = Field(default=None, alias="mean")
    """The mean of the quantity itself, not of its logarithm."""
    sigma: Annotated[float, Field(ge=0, le=_WIDEST_SIGMA)] | None = None
    """The standard deviation of the logarithm."""
    p75: PositiveSeconds | None = None
    """The value that a quarter exceeds."""
    p90: PositiveSeconds | None = None
    """The value that a tenth exceeds."""
    p95: PositiveSeconds | None = None
    """The value that one in 20 exceeds."""
    p99: PositiveSeconds | None = None
    """The value that one in 100 exceeds."""
    p999: PositiveSeconds | None = None
    """The value that one in 1000 exceeds."""

    @field_validator(*_PROBABILITIES)
    @classmethod
    def _is_above_median(cls, quantile: float | None, info: ValidationInfo) -> float | None:
        median = info.data.get("median")
        if quantile is None or median is None:
            return quantile
        if quantile <= median:
            raise complaint(expected=f"a number above the median, {plain(median)}", found=plain(quantile))
        if _sigma(median, str(info.field_name), quantile) > _WIDEST_SIGMA:
            raise complaint(expected=f"a sigma of at most {plain(_WIDEST_SIGMA)}", found="a larger one")
        return quantile

    @model_validator(mode="after")
    def _is_determined(self) -> Self:
        places = {"median": self.median, "mean": self.mean_parameter}
        spreads = {"sigma": self.sigma} | {name: getattr(self, name) for name in _PROBABILITIES}
        given = [name for name, value in (places | spreads).items() if value is not None]
        spread = [name for name in given if name in spreads]
        if len(given) != 2 or len(spread) != 1 or (given[0] == "mean" and spread != ["sigma"]):  # noqa: PLR2004 - a pair
            wanted = f"median with sigma or with one of {', '.join(_PROBABILITIES)}; or mean with sigma"
            raise complaint(expected=wanted, found=" with ".join(given) or "none of them")
        return self

    @property
    def _log_parameters(self) -> tuple[float, float]:
        """Return mean and standard deviation of the logarithm."""
        if self.mean_parameter is not None and self.sigma is not None:
            return math.log(self.mean_parameter) - self.sigma**2 / 2, self.sigma
        median = self.median or math.nan
        quantiles = ((name, getattr(self, name)) for name in _PROBABILITIES)
        sigma = next((_sigma(median, name, value) for name, value in quantiles if value is not None), self.sigma)
        return math.log(median), sigma if sigma is not None else math.nan

    def _sample(self, rng: np.random.Generator, size: int) -> Floats:
        mu, sigma = self._log_parameters
        values = rng.standard_normal(size)
        values *= sigma
        values += mu
        return np.exp(values, out=values)

    def _score(self, x: Floats) -> Floats:
        """Return how many sigmas log(x) is above its mean; with sigma 0, infinity with the sign of that difference."""
        mu, sigma = self._log_parameters
        with np.errstate(divide="ignore", over="ignore"):
            above = np.log(x) - mu
            return above / sigma if sigma else np.where(above >= 0, np.inf, -np.inf)

    def _limited_mean(self, x: Floats) -> Floats:
        from scipy.special import ndtr

        mu, sigma = self._log_parameters
        score = self._score(x)
        below = np.exp(mu + sigma**2 / 2) * ndtr(score - sigma)
        return np.asarray(below + tail_product(x, ndtr(-score)))

    def _sf(self, x: Floats) -> Floats:
        from scipy.special import ndtr

        return np.asarray(ndtr(-self._score(x)))

    def _ppf(self, q: Floats) -> Floats:
        from scipy.special import ndtri

        mu, sigma = self._log_parameters
        return np.exp(mu + sigma * ndtri(q) if sigma else np.full_like(q, mu))


def _sigma(median: float, quantile_name: str, quantile: float) -> float:
    score = NormalDist().inv_cdf(_PROBABILITIES[quantile_name])
    return (math.log(quantile) - math.log(median)) / score

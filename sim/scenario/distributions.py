"""Random quantities of a scenario: a number, or `{dist: …}` with named parameters.

Modelled: constant, uniform, exponential, lognormal, gamma and empirical laws.
- A parameter is always named for what it is: `median`, `mean` (of the quantity itself, never of its logarithm),
  `sigma` (of the logarithm), `p95`.
- Means and quantiles are exact, for the law and for its cut (`law`).

Left out: every other family. An empirical law from a measurement can stand for any of them.

Sources: the closed forms are those of Klugman, Panjer, Willmot, "Loss Models", appendix A (limited expected values).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from sim.scenario.fields import PositiveSeconds, Seconds, complaint
from sim.scenario.law import Law, tail_product
from sim.scenario.law_as_written import OrNumber, as_law
from sim.scenario.lognormal import Lognormal
from sim.scenario.measured import Empirical
from sim.scenario.problems import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Constant(Law):
    """The same value always."""

    dist: Literal["constant"] = "constant"
    value: Seconds
    """The value."""

    def _sample(self, rng: np.random.Generator, size: int) -> Floats:  # noqa: ARG002 - nothing to draw
        return np.full(size, self.value)

    def _limited_mean(self, x: Floats) -> Floats:
        return np.minimum(x, self.value)

    def _sf(self, x: Floats) -> Floats:
        return np.where(x < self.value, 1.0, 0.0)

    def _ppf(self, q: Floats) -> Floats:
        return np.full_like(q, self.value)


class Uniform(Law):
    """Uniform between two values."""

    dist: Literal["uniform"] = "uniform"
    low: Seconds
    """The smallest value."""
    high: Seconds
    """The largest value, not below `low`."""

    @field_validator("high")
    @classmethod
    def _is_not_below_low(cls, high: float, info: ValidationInfo) -> float:
        low = info.data.get("low", 0.0)
        if high < low:
            raise complaint(expected=f"a number of at least {plain(low)}, which is low", found=plain(high))
        return high

    def _sample(self, rng: np.random.Generator, size: int) -> Floats:
        return self._ppf(rng.random(size))

    def _limited_mean(self, x: Floats) -> Floats:
        below = np.minimum(x, self.low)
        if self.high == self.low:
            return below
        inside = np.clip(x, self.low, self.high) - self.low
        return below + inside * (1 - inside / (self.high - self.low) / 2)

    def _sf(self, x: Floats) -> Floats:
        if self.high == self.low:
            return np.where(x < self.low, 1.0, 0.0)
        return np.clip((self.high - x) / (self.high - self.low), 0.0, 1.0)

    def _ppf(self, q: Floats) -> Floats:
        return self.low + (self.high - self.low) * q


class Exponential(Law):
    """Exponential."""

    dist: Literal["exponential"] = "exponential"
    mean_parameter: PositiveSeconds = Field(alias="mean")
    """The mean."""

    def _sample(self, rng: np.random.Generator, size: int) -> Floats:
        values = rng.standard_exponential(size)
        values *= self.mean_parameter
        return values

    def _limited_mean(self, x: Floats) -> Floats:
        return -self.mean_parameter * np.expm1(-x / self.mean_parameter)

    def _sf(self, x: Floats) -> Floats:
        return np.exp(-x / self.mean_parameter)

    def _ppf(self, q: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return -self.mean_parameter * np.log1p(-q)


class Gamma(Law):
    """Gamma: `shape` with `scale` or with `mean`."""

    dist: Literal["gamma"] = "gamma"
    shape: Annotated[float, Field(ge=1e-3, le=1e6)]
    """The shape (1: exponential; a whole number k: the sum of k exponentials)."""
    scale: PositiveSeconds | None = None
    """The scale: mean / shape."""
    mean_parameter: PositiveSeconds | None = Field(default=None, alias="mean")
    """The mean: shape · scale."""

    @model_validator(mode="after")
    def _is_determined(self) -> Self:
        if (self.scale is None) == (self.mean_parameter is None):
            found = "neither" if self.scale is None else "both"
            raise complaint(expected="shape with scale or shape with mean", found=found)
        return self

    @property
    def _scale(self) -> float:
        return self.scale if self.scale is not None else (self.mean_parameter or math.nan) / self.shape

    def _sample(self, rng: np.random.Generator, size: int) -> Floats:
        return self._scale * rng.standard_gamma(self.shape, size)

    def _limited_mean(self, x: Floats) -> Floats:
        from scipy.special import gammainc

        return self.shape * self._scale * gammainc(self.shape + 1, x / self._scale) + tail_product(x, self._sf(x))

    def _sf(self, x: Floats) -> Floats:
        from scipy.special import gammaincc

        return np.asarray(gammaincc(self.shape, x / self._scale))

    def _ppf(self, q: Floats) -> Floats:
        from scipy.special import gammaincinv

        return np.asarray(self._scale * gammaincinv(self.shape, q))


Distribution = Annotated[
    Constant | Uniform | Exponential | Lognormal | Gamma | Empirical,
    Field(discriminator="dist"),
]
DistributionField = Annotated[Distribution, BeforeValidator(as_law), OrNumber()]

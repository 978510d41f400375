"""Random quantities of a scenario: a number, or `{dist: …}` with named parameters.

What is modelled: constant, uniform, exponential, lognormal, gamma and empirical laws, each of which may be cut with
`max`: a value above it becomes `max` (a cap, not a redraw, so that a cut scenario keeps the draws of the uncut one).
A parameter is always named for what it is: `median`, `mean`, `sigma` (of the logarithm), `p95`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, NonNegativeFloat, PositiveFloat, model_validator

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


class _Law(BaseModel):
    """A non-negative law: subclasses give its uncut sample, survival function, quantile and mean."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    max: PositiveFloat | None = None

    def sample(self, rng: np.random.Generator, size: int) -> Floats:
        """Draw `size` values. Laws of one family consume the generator alike, whatever their parameters."""
        values = self._sample(rng, size)
        return values if self.max is None else np.minimum(values, self.max)

    def _sample(self, rng: np.random.Generator, size: int) -> Floats:
        raise NotImplementedError


class Constant(_Law):
    """The same value always."""

    dist: Literal["constant"] = "constant"
    value: NonNegativeFloat

    def _sample(self, rng: np.random.Generator, size: int) -> Floats:
        return np.full(size, self.value)


class Uniform(_Law):
    """Uniform on [low, high)."""

    dist: Literal["uniform"]
    low: NonNegativeFloat
    high: NonNegativeFloat

    def _sample(self, rng: np.random.Generator, size: int) -> Floats:
        return self.low + (self.high - self.low) * rng.random(size)


class Exponential(_Law):
    """Exponential with this mean."""

    dist: Literal["exponential"]
    mean: PositiveFloat

    def _sample(self, rng: np.random.Generator, size: int) -> Floats:
        return self.mean * rng.standard_exponential(size)


class Lognormal(_Law):
    """Lognormal: `median` with `sigma` or one quantile, or `mean` with `sigma`; sigma is that of the logarithm."""

    dist: Literal["lognormal"]
    median: PositiveFloat | None = None
    mean: PositiveFloat | None = None
    sigma: NonNegativeFloat | None = None
    p90: PositiveFloat | None = None
    p95: PositiveFloat | None = None
    p99: PositiveFloat | None = None

    def _log_parameters(self) -> tuple[float, float]:
        z = {"p90": 1.2815515655446004, "p95": 1.6448536269514722, "p99": 2.3263478740408408}
        sigma = self.sigma
        for name, score in z.items():
            quantile = getattr(self, name)
            if quantile is not None and self.median is not None:
                sigma = math.log(quantile / self.median) / score
        assert sigma is not None
        if self.median is not None:
            return math.log(self.median), sigma
        assert self.mean is not None
        return math.log(self.mean) - sigma**2 / 2, sigma

    def _sample(self, rng: np.random.Generator, size: int) -> Floats:
        mu, sigma = self._log_parameters()
        return np.exp(mu + sigma * rng.standard_normal(size))


def _from_number(value: Any) -> Any:
    return {"dist": "constant", "value": value} if isinstance(value, int | float) else value


Distribution = Annotated[
    Constant | Uniform | Exponential | Lognormal,
    Field(discriminator="dist"),
]
DistributionField = Annotated[Distribution, BeforeValidator(_from_number)]

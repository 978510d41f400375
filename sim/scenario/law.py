"""What every random quantity of a scenario can do: be drawn, and give its exact mean, survival function and quantiles.

Modelled: a law may be cut with `max`: a value above it becomes `max`. This cut is a cap, not a redraw, so that a cut
scenario keeps the draws of the uncut one. The cut is handled here, once; the families are in `distributions`.

Left out: dependence between draws, laws of several values, negative values.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ConfigDict

from sim.scenario.fields import Frozen, PositiveSeconds

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def require_dist(schema: dict[str, Any]) -> None:
    """Mark `dist` as required in a family's JSON Schema, although it has a default in Python."""
    schema["required"] = ["dist", *(key for key in schema.get("required", []) if key != "dist")]


class Law(Frozen, ABC):
    """A law of a non-negative quantity. A family gives the uncut law of itself; `max` cuts it."""

    # A parameter called `mean` would clash with the method of that name, so its attribute has another name.
    model_config = ConfigDict(json_schema_extra=require_dist, serialize_by_alias=True)

    max: PositiveSeconds | None = None
    """A cap: a larger value becomes this one."""

    def model_post_init(self, context: object, /) -> None:  # noqa: ARG002 - pydantic's signature
        """Count `dist` among the given keys. A dump of the given keys could not be read again without it."""
        self.model_fields_set.add("dist")

    def sample(self, rng: np.random.Generator, size: int) -> Floats:
        """Draw `size` values, shape (size,).

        Laws of one family consume the generator alike, whatever their parameters (gamma's `shape` excepted).
        """
        return self._cut(self._sample(rng, size))

    def mean(self) -> float:
        """Return the exact mean of the cut law."""
        return float(self.limited_mean(math.inf))

    def limited_mean(self, x: ArrayLike) -> Floats:
        """Return E[min(X, x)], the integral of `sf` from 0 to x, for x ≥ 0 (infinity: the mean), in the shape of x."""
        return np.asarray(self._limited_mean(self._cut(np.asarray(x, dtype=np.float64))))

    def sf(self, x: ArrayLike) -> Floats:
        """Return P(X > x), in the shape of x."""
        at = np.asarray(x, dtype=np.float64)
        survival = np.where(at < 0, 1.0, self._sf(np.maximum(at, 0.0)))
        return survival if self.max is None else np.where(at < self.max, survival, 0.0)

    def ppf(self, q: ArrayLike) -> Floats:
        """Return the smallest x with P(X ≤ x) ≥ q, for q in [0, 1], in the shape of q."""
        return np.asarray(self._cut(self._ppf(np.asarray(q, dtype=np.float64))))

    def _cut(self, values: Floats) -> Floats:
        return values if self.max is None else np.minimum(values, self.max)

    @abstractmethod
    def _sample(self, rng: np.random.Generator, size: int) -> Floats: ...

    @abstractmethod
    def _limited_mean(self, x: Floats) -> Floats: ...

    @abstractmethod
    def _sf(self, x: Floats) -> Floats: ...

    @abstractmethod
    def _ppf(self, q: Floats) -> Floats: ...


def tail_product(x: Floats, tail: NDArray[np.floating]) -> Floats:
    """Return x · tail, elementwise, and 0 where the tail is 0, even if x is infinite."""
    return np.asarray(np.multiply(x, tail, out=np.zeros(np.shape(x)), where=tail > 0))

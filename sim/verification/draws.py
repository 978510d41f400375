"""What random scenarios are drawn with."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")


def one(rng: np.random.Generator, *choices: T) -> T:
    """Return one of the choices."""
    return choices[rng.integers(len(choices))]


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Return True with this probability."""
    return rng.random() < probability

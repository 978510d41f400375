"""Sobol's indices against Ishigami's function, whose indices are known, and a sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import qmc

from sim.experiment.sobol import Indices, sobol_indices

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FIRST_ORDER, TOTAL = np.array([0.3139, 0.4424, 0]), np.array([0.5576, 0.4424, 0.2437])
"""Of Ishigami's function with a = 7, b = 0.1, from its variance in closed form."""


def ishigami(unit: Floats) -> Floats:
    x, y, z = (np.pi * (2 * unit - 1)).T
    return np.asarray(np.sin(x) + 7 * np.sin(y) ** 2 + 0.1 * z**4 * np.sin(x))


def weighed(*weights: float) -> Callable[[Floats], Floats]:
    return lambda unit: unit @ np.array(weights)


def indices(function: Callable[[Floats], Floats], unknowns: int, points: int, seed: int = 1) -> Indices:
    unit = qmc.Sobol(2 * unknowns, seed=seed).random(points)
    first, second = unit[:, :unknowns], unit[:, unknowns:]
    mixed = [function(np.where(np.arange(unknowns) == place, second, first)) for place in range(unknowns)]
    return sobol_indices(function(first), function(second), np.array(mixed))


def test_the_indices_are_those_in_closed_form() -> None:
    found = indices(ishigami, 3, 4096)
    assert found.first_order == pytest.approx(FIRST_ORDER, abs=0.01)
    assert found.total == pytest.approx(TOTAL, abs=0.01)
    assert found.leads > 0.99


def test_the_intervals_hold() -> None:
    """Evenly spread points are better than the bootstrap knows: of 40 samples at least 36 hold, by each index."""
    found = [indices(ishigami, 3, 128, seed) for seed in range(40)]
    for name, true in (("first_order_ci95", FIRST_ORDER), ("total_ci95", TOTAL)):
        low, high = np.moveaxis([getattr(one, name) for one in found], -1, 0)
        assert np.all(np.sum((low <= true + 1e-4) & (true <= high), axis=0) >= 36)


def test_one_that_decides_all_is_known_from_16_points() -> None:
    """Of a sum of weights 20, 5 and 5 the shares are 8/9 and twice 1/18. The errors are of a few per cent."""
    found = [indices(weighed(20, 5, 5), 3, 16, seed) for seed in range(20)]
    assert np.mean([one.first_order[0] for one in found]) == pytest.approx(8 / 9, abs=0.05)
    assert np.std([one.first_order[0] for one in found]) < 0.08
    assert all(one.leads >= 0.95 for one in found)


def test_of_two_that_are_alike_none_surely_leads() -> None:
    assert all(indices(weighed(10, 10), 2, 64, seed).leads < 0.95 for seed in range(5))


def test_where_nothing_changes_nothing_has_a_share() -> None:
    found = indices(weighed(0, 0), 2, 16)
    assert (found.total.tolist(), found.first_order.tolist(), found.leads) == ([0, 0], [0, 0], 1)


def test_a_single_unknown_decides_all() -> None:
    """A scenario may have one alone."""
    first, second = np.random.default_rng(5).random((2, 64))
    found = sobol_indices(first, second, second[None])

    assert found.first_order.tolist() == [1.0]
    assert found.total.tolist() == pytest.approx([1.0], abs=3 / 64**0.5)

"""Poisson's law against SciPy's own, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sim.scenario.poisson import poisson_isf, poisson_pmf

MEANS = (1e-6, 0.025, 0.7, 1.0, 3.0, 99.5, 1e4)


@pytest.mark.parametrize("mean", MEANS)
def test_the_law_is_scipys(mean: float) -> None:
    numbers = np.arange(300)
    assert poisson_pmf(numbers, mean).tolist() == stats.poisson.pmf(numbers, mean).tolist()
    for chance in (1e-12, 1e-9, 1e-3, 0.5, 0.99):
        assert poisson_isf(chance, mean) == stats.poisson.isf(chance, mean)

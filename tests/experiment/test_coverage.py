"""Of 200 seeds' intervals, how many contain the value of all rollouts, on the very laws that the scenarios have.

The coverage that is seen has a standard deviation of 1.5 points where 95 % is true: four of them are allowed.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.experiment.statistics import quantile_estimate
from tests.experiment.coverage import SEEDS, SIZES, banks, coverage, drawn, exact_table, rollouts, table
from tests.experiment.exact_coverage import exact_coverage

LEAST = 0.95 - 4 * 0.0154


@pytest.mark.parametrize("n", [20, 50, 100, 200])
@pytest.mark.parametrize("name", ["gree-200-pods", "gree-200-pods-4-retries"])
def test_where_one_rollout_makes_the_mean_no_interval_is_given_and_quantiles_hold(name: str, n: int) -> None:
    seen = coverage(name, drawn(rollouts(name)[0].size, n, SEEDS))

    assert seen["mean, always"] < LEAST or n >= 100, "Student's interval alone would do"
    assert seen["given"] <= 0.01
    assert seen["median"] >= LEAST
    assert seen["95 % quantile"] >= LEAST
    assert seen["any 502"] >= LEAST
    assert seen["bounded"] == (n >= 72)


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 50, 100, 200])
@pytest.mark.parametrize("name", ["baseline", "manifest-defaults"])
def test_where_all_rollouts_are_alike_the_mean_has_its_interval(name: str, n: int) -> None:
    seen = coverage(name, drawn(rollouts(name)[0].size, n, SEEDS))

    assert seen["given"] >= 0.85
    assert seen["mean, where given"] >= LEAST
    assert seen["median"] >= LEAST


@pytest.mark.parametrize("name", banks())
def test_no_luck_of_the_draw_hides_how_often_the_quantiles_hold(name: str) -> None:
    """A lower bound alone, below 72 rollouts, claims 95 % at least: no two values of 20 allow more than 98.4 %."""
    n_502 = rollouts(name)[0]
    for n in SIZES:
        assert 0.945 <= exact_coverage(n_502, n, 0.5) <= 0.96
        assert 0.945 <= exact_coverage(n_502, n, 0.95) <= (0.985 if n < 72 else 0.96)
    for n in (30, 40, 60, 71):
        assert 0.945 <= exact_coverage(n_502, n, 0.95) <= 0.985
    for n in (72, 88, 120, 150):
        assert 0.925 <= exact_coverage(n_502, n, 0.95) <= 0.96


def test_the_exact_coverage_is_what_many_samples_show() -> None:
    n_502 = rollouts("gree-200-pods")[0]
    quantile = np.quantile(n_502, 0.95, method="inverted_cdf")
    estimates = [quantile_estimate(n_502[places], 0.95) for places in drawn(n_502.size, 20, 1000)]
    seen = np.mean([one.low <= quantile <= one.high for one in estimates])

    assert seen == pytest.approx(exact_coverage(n_502, 20, 0.95), abs=4 * (0.05 * 0.95 / 1000) ** 0.5)


def test_the_exact_coverage_of_ties_by_hand() -> None:
    """Of values of which 96 % are zero, the 95 % quantile is zero. With n = 20 the end lies between ranks 17 and 18.

    The chance that 17 of 20 are no zeros, or fewer: the end is above zero if the 18th value is.
    """
    zeros = np.concatenate((np.zeros(96), np.arange(1.0, 5.0)))
    eighteenth_is_more = sum(math.comb(20, k) * 0.96**k * 0.04 ** (20 - k) for k in range(18))

    assert exact_coverage(zeros, 20, 0.95) == pytest.approx(1 - eighteenth_is_more)


def test_the_table_has_a_line_for_each_bank_and_number_of_rollouts() -> None:
    assert len(list(table(banks(), seeds=1))) == len(list(exact_table(banks()))) == 2 + 4 * 5

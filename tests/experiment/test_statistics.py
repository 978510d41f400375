from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from sim.experiment.statistics import (
    fraction_estimate,
    largest_share,
    mean_estimate,
    paired_difference,
    quantile_estimate,
    quantiles,
    replications_for_mean,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def test_the_mean_s_interval_is_student_s() -> None:
    sample = [3.0, 5.0, 4.0, 8.0, 1.0]
    estimate = mean_estimate(sample)
    low, high = stats.t.interval(0.95, 4, loc=4.2, scale=stats.sem(sample))
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((4.2, low, high))


def test_one_replication_has_no_interval() -> None:
    estimate = mean_estimate([7.0])
    assert estimate.value == 7.0
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)


@pytest.mark.parametrize(("successes", "trials"), [(0, 50), (50, 50), (7, 40), (1, 1)])
def test_the_fraction_s_interval_is_wilson_s(successes: int, trials: int) -> None:
    estimate = fraction_estimate(successes, trials)
    oracle = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert (estimate.low, estimate.high) == pytest.approx((oracle.low, oracle.high), abs=1e-12)


def test_none_in_fifty_still_has_an_upper_bound() -> None:
    assert 0.05 < fraction_estimate(0, 50).high < 0.1


def test_quantiles() -> None:
    assert quantiles(range(101)) == {"mean": 50, "p50": 50, "p90": 90, "p99": 99, "max": 100}
    assert all(math.isnan(value) for value in quantiles([]).values())


REPEATS = 4000
"""The coverage that is seen then has a standard deviation of 0.34 points: 2 points are almost six of them."""


@pytest.mark.parametrize(
    ("draw", "mean"),
    [
        (lambda rng, n: rng.normal(5, 2, n), 5.0),
        (lambda rng, n: rng.poisson(400, n), 400.0),
        (lambda rng, n: rng.gamma(4.0, 25.0, n), 100.0),
    ],
    ids=["normal", "counts", "skewed"],
)
@pytest.mark.parametrize("n", [20, 50])
def test_the_mean_s_interval_covers_it_as_often_as_it_says(
    draw: Callable[[np.random.Generator, int], np.ndarray], mean: float, n: int
) -> None:
    rng = np.random.default_rng(11)
    estimates = [mean_estimate(draw(rng, n)) for _ in range(REPEATS)]
    assert 0.93 <= np.mean([estimate.low <= mean <= estimate.high for estimate in estimates]) <= 0.97


@pytest.mark.parametrize("n", [30, 50, 100, 500])
def test_the_fraction_s_interval_covers_it_as_often_as_it_says(n: int) -> None:
    """Exactly, not by repeats; over all fractions, as for a single one the interval of any count swings about 95 %."""
    estimates = [fraction_estimate(k, n) for k in range(n + 1)]
    fractions = (np.arange(1000) + 0.5) / 1000
    chances = stats.binom.pmf(np.arange(n + 1), n, fractions[:, None])
    low, high = np.array([(estimate.low, estimate.high) for estimate in estimates]).T
    covered = (chances * ((low <= fractions[:, None]) & (fractions[:, None] <= high))).sum(axis=1)
    assert 0.93 <= covered.mean() <= 0.97
    assert covered[(fractions > 0.1) & (fractions < 0.9)].min() >= 0.91


def test_the_paired_difference_s_interval_covers_it_as_often_as_it_says_and_is_narrow() -> None:
    rng = np.random.default_rng(12)
    covered, narrower = [], []
    for _ in range(REPEATS):
        common = rng.normal(0, 10, 30)
        first, second = common + rng.normal(3, 1, 30), common + rng.normal(5, 1, 30)
        estimate = paired_difference(first, second)
        covered.append(estimate.low <= 2 <= estimate.high)
        narrower.append(estimate.high - estimate.value < mean_estimate(first).high - first.mean())
    assert 0.93 <= np.mean(covered) <= 0.97
    assert all(narrower)


def test_the_paired_difference_is_second_minus_first() -> None:
    first, second = [3.0, 5.0, 4.0], [4.0, 7.0, 4.5]
    estimate = paired_difference(first, second)
    oracle = stats.ttest_rel(second, first).confidence_interval(0.95)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((3.5 / 3, oracle.low, oracle.high))


@pytest.mark.parametrize(
    ("n", "probability", "low", "high"), [(20, 0.5, 6, 15), (100, 0.5, 40, 61), (100, 0.95, 90, 100)]
)
def test_the_quantile_s_interval_has_ranks_of_the_binomial_law(n: int, probability: float, low: int, high: int) -> None:
    """The ranks of the median are those of printed tables (Conover, Practical Nonparametric Statistics)."""
    estimate = quantile_estimate(np.arange(1, n + 1), probability)
    assert (estimate.value, estimate.low, estimate.high) == (math.ceil(n * probability), low, high)
    below, above = stats.binom.cdf(low - 1, n, probability), stats.binom.sf(high - 1, n, probability)
    assert below <= 0.025
    assert above <= 0.025
    assert stats.binom.cdf(low, n, probability) > 0.025
    assert stats.binom.sf(high - 2, n, probability) > 0.025


def test_too_few_replications_do_not_bound_a_quantile() -> None:
    """The greatest of n values lies below the 95 % quantile with the probability 0.95^n: below 2.5 % from 72 on."""
    assert quantile_estimate(range(71), 0.95).high == math.inf
    assert quantile_estimate(range(73), 0.95).high == 72
    assert quantile_estimate([4.0], 0.5).low == -math.inf


@pytest.mark.parametrize("probability", [0.5, 0.95])
@pytest.mark.parametrize("n", [20, 50, 100, 200])
def test_the_quantile_s_interval_covers_it_under_a_heavy_tail(probability: float, n: int) -> None:
    rng = np.random.default_rng(13)
    quantile = stats.pareto(0.8).ppf(probability)
    estimates = [quantile_estimate(rng.pareto(0.8, n) + 1, probability) for _ in range(REPEATS)]
    assert np.mean([estimate.low <= quantile <= estimate.high for estimate in estimates]) >= 0.94


def test_the_largest_share() -> None:
    assert largest_share([1, 2, 3, 4]) == 0.4
    assert largest_share([0, 0]) == 0


def test_a_skewed_mean_needs_more_replications() -> None:
    """One of n that is not zero has the skewness (n - 2) / √(n - 1)."""
    assert replications_for_mean([1, 2, 3]) == 1
    assert replications_for_mean([5, 5]) == 1
    assert replications_for_mean([0] * 99 + [1]) == math.floor(25 * 98**2 / 99) + 1

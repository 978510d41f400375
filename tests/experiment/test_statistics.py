from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from sim.experiment.statistics import (
    Estimate,
    fraction_estimate,
    largest_share,
    mean_estimate,
    paired_difference,
    quantile_estimate,
    quantiles,
    replications_for_mean,
    sure_quantile_estimate,
    trusted_mean_estimate,
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
def test_the_sure_interval_has_ranks_of_the_binomial_law(n: int, probability: float, low: int, high: int) -> None:
    """The ranks of the median are those of printed tables (Conover, Practical Nonparametric Statistics)."""
    estimate = sure_quantile_estimate(np.arange(1, n + 1), probability)
    assert (estimate.value, estimate.low, estimate.high) == (math.ceil(n * probability), low, high)
    below, above = stats.binom.cdf(low - 1, n, probability), stats.binom.sf(high - 1, n, probability)
    assert below <= 0.025
    assert above <= 0.025
    assert stats.binom.cdf(low, n, probability) > 0.025
    assert stats.binom.sf(high - 2, n, probability) > 0.025


def test_too_few_replications_do_not_bound_a_quantile_for_sure() -> None:
    """The greatest of n values lies below the 95 % quantile with the probability 0.95^n: below 2.5 % from 72 on."""
    assert sure_quantile_estimate(range(71), 0.95).high == math.inf
    assert sure_quantile_estimate(range(73), 0.95).high == 72
    assert sure_quantile_estimate([4.0], 0.5).low == -math.inf


@pytest.mark.slow
@pytest.mark.parametrize("probability", [0.5, 0.95])
@pytest.mark.parametrize("n", [20, 50, 100, 200])
def test_the_sure_interval_covers_it_under_a_heavy_tail(probability: float, n: int) -> None:
    rng = np.random.default_rng(13)
    quantile = stats.pareto(0.8).ppf(probability)
    estimates = [sure_quantile_estimate(rng.pareto(0.8, n) + 1, probability) for _ in range(REPEATS)]
    assert np.mean([estimate.low <= quantile <= estimate.high for estimate in estimates]) >= 0.94


def test_the_quantile_s_interval_ends_between_replications() -> None:
    """Twelve values that are even in asinh, by hand. Values 10 and 11 lie above the 95 % quantile with the chances
    0.0196 and 0.1184 (binomial). The quantile has no bound from above, so that all 5 % of error are below. The end is
    as far from 10 to 11 as 0.05 is from the one chance to the other. The median's ends are symmetrical about 6.5,
    between values 3 and 4, which lie above it with the chances 0.0193 and 0.0730: weights 3 · 0.0480 and 9 · 0.0057
    (Nyblom).
    """
    even = np.sinh(np.arange(1, 13))
    p95 = quantile_estimate(even, 0.95)
    assert (p95.value, p95.high) == (even[-1], math.inf)
    assert math.asinh(p95.low) == pytest.approx(10 + (0.05 - 0.0196) / (0.1184 - 0.0196), rel=1e-4)
    p50 = quantile_estimate(even, 0.5)
    low = (3 * 0.1440 + 4 * 0.0513) / (0.1440 + 0.0513)
    assert (p50.value, math.asinh(p50.low)) == (even[5], pytest.approx(low, rel=1e-3))
    assert math.asinh(p50.high) == pytest.approx(13 - low, rel=1e-3)


def test_twenty_values_bound_the_95_percent_quantile_from_below_by_hand() -> None:
    """In powers of ten asinh is the logarithm. At 17 values of 20 below, the chance is 0.0159; at 18, 0.0755."""
    at_most_16 = 1 - sum(math.comb(20, k) * 0.95**k * 0.05 ** (20 - k) for k in range(17, 21))
    at_most_17 = at_most_16 + math.comb(20, 17) * 0.95**17 * 0.05**3
    assert (at_most_16, at_most_17) == (pytest.approx(0.0159, abs=1e-4), pytest.approx(0.0755, abs=1e-4))
    place = 17 + (0.05 - at_most_16) / (at_most_17 - at_most_16)
    assert quantile_estimate(10.0 ** np.arange(1, 21), 0.95).low == pytest.approx(10**place, rel=1e-6)


def test_an_end_among_equal_values_is_that_value() -> None:
    assert quantile_estimate([0.1] * 30 + [402.0] * 70, 0.95) == Estimate(402.0, 402.0, 402.0)
    assert quantile_estimate([0.0] * 19 + [7.0], 0.95).low == 0


@pytest.mark.parametrize("n", [1, 2, 5, 71, 72, 73, 500])
@pytest.mark.parametrize("probability", [0.05, 0.5, 0.95])
def test_it_lies_within_the_sure_interval(n: int, probability: float) -> None:
    values = np.random.default_rng(n).pareto(0.8, n)
    inner, outer = quantile_estimate(values, probability), sure_quantile_estimate(values, probability)
    assert (inner.value, math.isinf(inner.low)) == (outer.value, math.isinf(outer.low))
    assert outer.low <= inner.low <= inner.high <= outer.high
    assert quantile_estimate([7.0] * 100, probability) == Estimate(7, 7, 7)


@pytest.mark.parametrize("index", [0.8, pytest.param(0.2, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("probability", "n"), [(0.5, 20), (0.5, 50), (0.95, 20), (0.95, 50), (0.95, 100), (0.95, 200)])
def test_the_quantile_s_interval_covers_it_as_often_as_it_says(probability: float, n: int, index: float) -> None:
    """The second law has a value in ten that is more than three thousand times the median."""
    rng = np.random.default_rng(13)
    quantile = stats.pareto(index).ppf(probability)
    estimates = [quantile_estimate(rng.pareto(index, n) + 1, probability) for _ in range(REPEATS)]
    assert 0.94 <= np.mean([estimate.low <= quantile <= estimate.high for estimate in estimates]) <= 0.97


def test_probabilities_have_wilson_s_interval_of_their_sum() -> None:
    assert fraction_estimate(sum([0.1] * 10 + [1.0] * 9), 20) == fraction_estimate(10, 20)
    assert fraction_estimate(20 * (1 + 1e-12), 20).high == 1


def test_a_mean_is_trusted_only_where_there_are_replications_enough() -> None:
    assert trusted_mean_estimate([1, 2, 3, 4]) == mean_estimate([1, 2, 3, 4])
    alone = trusted_mean_estimate([0.0] * 9 + [10])
    assert alone.value == 1
    assert math.isnan(alone.low)
    assert math.isnan(alone.high)


def test_the_largest_share() -> None:
    assert largest_share([1, 2, 3, 4]) == 0.4
    assert largest_share([0, 0]) == 0


def test_a_skewed_mean_needs_more_replications() -> None:
    """One of n that is not zero has the skewness (n - 2) / √(n - 1)."""
    assert replications_for_mean([1, 2, 3]) == 1
    assert replications_for_mean([5, 5]) == 1
    assert replications_for_mean([0] * 99 + [1]) == math.floor(25 * 98**2 / 99) + 1

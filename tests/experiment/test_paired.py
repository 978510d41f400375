from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sim.experiment.paired import fraction_difference, paired_spread, probability_difference, sign_test


def pairs_of(both: int, only_first: int, only_second: int, neither: int) -> tuple[list[float], list[float]]:
    first = [1.0] * (both + only_first) + [0.0] * (only_second + neither)
    second = [1.0] * both + [0.0] * only_first + [1.0] * only_second + [0.0] * neither
    return first, second


def test_the_interval_of_paired_fractions_is_newcombe_s() -> None:
    """The R package contingencytables gives 0.0621 (0.0046 to 0.1186) for this table of Fagerland and others (2017)."""
    estimate = fraction_difference(*pairs_of(59, 6, 16, 80))
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((0.0621, 0.0046, 0.1186), abs=5e-5)


def test_swapping_the_two_turns_the_interval_round() -> None:
    one = fraction_difference(*pairs_of(3, 9, 2, 6))
    other = fraction_difference(*pairs_of(3, 2, 9, 6))
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))


def test_all_against_none_still_has_a_width_and_stays_within_one() -> None:
    """Wilson's bounds of 40 of 40 and 0 of 40 are z²/(n + z²) = 0.0876 away from 1 and 0; √2 times that is 0.1239."""
    estimate = fraction_difference([1.0] * 40, [0.0] * 40)
    assert (estimate.low, estimate.high) == pytest.approx((-1, -1 + 0.1239), abs=1e-4)


@pytest.mark.parametrize(
    "chances", [(0.3, 0.3, 0.1, 0.3), (0.05, 0.6, 0.05, 0.3), (0.0, 0.1, 0.0, 0.9), (0.6, 0.1, 0.1, 0.2)]
)
def test_the_interval_of_paired_fractions_covers_as_often_as_it_says(chances: tuple[float, ...]) -> None:
    """Exactly: over every table of 20 pairs, each with its multinomial probability."""
    n, law = 20, stats.multinomial(20, chances)
    covered = 0.0
    for both in range(n + 1):
        for only_first in range(n + 1 - both):
            for only_second in range(n + 1 - both - only_first):
                table = (both, only_first, only_second, n - both - only_first - only_second)
                probability = float(law.pmf(table))
                if probability > 1e-7:
                    estimate = fraction_difference(*pairs_of(*table))
                    covered += probability * (estimate.low <= chances[2] - chances[1] <= estimate.high)
    assert 0.93 <= covered <= 1.0


def test_probabilities_have_student_s_interval_within_one() -> None:
    first, second = [0.9, 0.8, 1.0, 0.95], [0.1, 0.2, 0.05, 0.3]
    oracle = stats.ttest_rel(second, first).confidence_interval(0.95)
    estimate = probability_difference(first, second)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((-0.75, max(-1, oracle.low), oracle.high))
    assert probability_difference([0.9, 1.0], [0.5, 0.0]).low == -1


@pytest.mark.parametrize(("more", "fewer"), [(0, 0), (1, 0), (9, 3), (3, 9), (15, 15), (0, 40), (300, 200)])
def test_the_sign_test_is_the_exact_binomial_one(more: int, fewer: int) -> None:
    oracle = stats.binomtest(more, more + fewer).pvalue if more + fewer else 1.0
    assert sign_test(more, fewer) == pytest.approx(oracle)


def test_the_sign_test_errs_as_seldom_as_it_says() -> None:
    """Where more and fewer are equally likely; 40 pairs, over all their splits."""
    chances = stats.binom.pmf(range(41), 40, 0.5)
    wrong = sum(chance for more, chance in enumerate(chances) if sign_test(more, 40 - more) < 0.05)
    assert 0.02 <= wrong <= 0.05


def test_one_pair_that_makes_the_mean_leaves_it_without_an_interval() -> None:
    """40 pairs: 38 with 10 fewer, one tie, one with 1,620 fewer: 81 % of 2,000. One pair with 1e-9 more is a tie."""
    first = np.array([10.0] * 38 + [5.0, 1620.0])
    second = np.array([0.0] * 38 + [5.0 + 1e-9, 0.0])
    of_pairs = paired_spread(first, second)
    assert (of_pairs.more, of_pairs.fewer) == (0, 39)
    assert of_pairs.p_value == pytest.approx(2 / 2**39)
    assert (of_pairs.median.value, of_pairs.median.low, of_pairs.median.high) == (-10, -10, -10)
    assert of_pairs.mean.value == pytest.approx(-50)
    assert math.isnan(of_pairs.mean.low)
    assert of_pairs.largest_share == pytest.approx(0.81)
    assert of_pairs.needed > 40


def test_pairs_enough_give_the_mean_student_s_interval() -> None:
    rng = np.random.default_rng(21)
    first = rng.normal(100, 5, 30)
    second = first + rng.normal(3, 1, 30)
    oracle = stats.ttest_rel(second, first).confidence_interval(0.95)
    mean = paired_spread(first, second).mean
    assert (mean.low, mean.high) == pytest.approx((oracle.low, oracle.high))


def test_under_a_heavy_tail_the_median_is_covered_and_the_mean_has_no_interval() -> None:
    """Differences of two Paretos without a mean, shifted by 3: their median is 3. Of 400, 4 points are 3.7 standard
    deviations."""
    rng = np.random.default_rng(22)
    repeats, covered, given = 400, 0, 0
    for _ in range(repeats):
        first, second = rng.pareto(0.8, (2, 30))
        of_pairs = paired_spread(first, second + 3)
        covered += of_pairs.median.low <= 3 <= of_pairs.median.high
        given += not math.isnan(of_pairs.mean.low)
    assert covered / repeats >= 0.91
    assert given / repeats < 0.2

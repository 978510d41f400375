from __future__ import annotations

import math

import pytest
from scipy import stats

from sim.experiment.statistics import fraction_estimate, mean_estimate, quantiles


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

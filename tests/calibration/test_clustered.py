"""Intervals of quantiles of values that come in clusters."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from sim.calibration.clustered import clustered_quantile_interval, independent_values
from sim.calibration.measured import empirical_by_cluster
from sim.experiment.statistics import sure_quantile_estimate


def test_a_clusters_values_count_once() -> None:
    """Ten clusters of a hundred like values are no better known than ten values."""
    rng = np.random.default_rng(1)
    values = np.exp(0.5 * rng.standard_normal(10))
    alone = clustered_quantile_interval(values, np.arange(10), 0.5)
    repeated = clustered_quantile_interval(np.repeat(values, 100), np.repeat(np.arange(10), 100), 0.5)
    assert np.log(repeated[1] / repeated[0]) == pytest.approx(np.log(alone[1] / alone[0]), rel=0.3)


@pytest.mark.slow
def test_the_interval_of_clusters_has_the_true_median() -> None:
    """Of 200 samples of nine clusters, 95 % do: at least 180 (three standard errors)."""
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        sizes = rng.integers(1, 8, 9)
        values = np.exp(np.repeat(0.5 * rng.standard_normal(9), sizes))
        low, high = clustered_quantile_interval(values, np.repeat(np.arange(9), sizes), 0.5)
        held += low <= 1 <= high
    assert held >= 180


def test_few_calls_bound_no_upper_end_of_a_high_quantile() -> None:
    values, calls = np.arange(1.0, 41.0), np.repeat(np.arange(10), 4)
    assert clustered_quantile_interval(values, calls, 0.95)[1] == np.inf
    low, high = clustered_quantile_interval(values, calls, 0.5)
    assert low < 20.5 < high < np.inf


def test_many_calls_of_few_rollouts_bound_no_upper_end() -> None:
    values = np.random.default_rng(6).random(300)
    found = empirical_by_cluster(values, np.arange(300) % 60, "calls", "targets")
    assert found.ci95["p95"][1] == np.inf
    assert "The intervals rest on 60 calls" in found.notes[0]


def test_values_by_themselves_have_the_interval_of_order_statistics() -> None:
    """Of 100 independent values, whose ranks the binomial law gives: between the ones inside and those outside."""
    values = np.arange(1.0, 101.0)
    low, high = clustered_quantile_interval(values, np.arange(100), 0.95)
    outside = sure_quantile_estimate(values, 0.95)
    assert outside.low <= low < outside.low + 1
    assert outside.high - 1 < high <= outside.high


def test_alike_values_of_a_cluster_tell_as_much_as_one() -> None:
    values = np.repeat(np.random.default_rng(3).permutation(np.arange(200.0)), 5)
    assert independent_values(values, np.repeat(np.arange(200), 5), 0.95) == pytest.approx(200, rel=0.02)
    assert independent_values(values, np.arange(1000), 0.95) == pytest.approx(1000, rel=0.01)


def test_it_is_said_what_few_rollouts_leave_open() -> None:
    values = np.random.default_rng(4).random(300)
    few, enough = (empirical_by_cluster(values, np.arange(300) % n, "rollouts", "targets") for n in (19, 20))
    assert "The intervals rest on 19 rollouts" in few.notes[0]
    assert few.ci95["p95"][1] == np.inf
    assert enough.notes == ()
    assert enough.ci95["p95"][0] < 0.95 < enough.ci95["p95"][1] < 1


@pytest.mark.slow
def test_the_interval_of_clusters_has_the_true_upper_quantile() -> None:
    """Of 200 samples of 40 clusters, 95 % do: between 180 and 198 (about three standard errors)."""
    rng = np.random.default_rng(5)
    cluster = np.repeat(np.arange(40), 10)
    true = NormalDist(0, np.sqrt(0.5**2 + 1)).inv_cdf(0.95)
    held = 0
    for _ in range(200):
        values = np.exp(0.5 * rng.standard_normal(40)[cluster] + rng.standard_normal(400))
        low, high = clustered_quantile_interval(values, cluster, 0.95)
        held += low <= np.exp(true) <= high
    assert 180 <= held <= 198

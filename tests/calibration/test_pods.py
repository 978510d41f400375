"""What comes before the ALB hears of a pod: from lines by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from albsim_tests.records import call, iso, line, log, log_name, trail

from sim.calibration.bootstrap import clustered_quantile_interval
from sim.calibration.calibrate import calibrate
from sim.calibration.measured import empirical, spread
from sim.records.reading import read

if TYPE_CHECKING:
    from pathlib import Path

NEW = tuple(f"10.0.1.{number}:8080" for number in range(90, 95))


def test_registration_is_the_first_check_that_passed(tmp_path: Path) -> None:
    trail(tmp_path / "trail", call(10, "RegisterTargets", NEW))
    checks = [(9, "PASS"), (12, "FAIL"), (15, "PASS"), (25, "PASS")]
    lines = [
        f'http {iso(second + place / 10)} 0.003 {target} k8s-shop-web {result} 200 "-"'
        for place, target in enumerate(NEW)
        for second, result in checks
    ]
    log(tmp_path / f"health_check_log_{log_name()}", *lines)
    log(tmp_path / log_name(), *(line(second, "10.0.1.72:8080") for second in range(20)))
    found = calibrate(read([tmp_path])).beside["registration"]
    # The trail's second may be any moment in it: its middle counts.
    assert found.value == {"dist": "empirical", "values": [4.5, 4.6, 4.7, 4.8, 4.9]}
    assert "health check" in found.source


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


def test_times_in_milliseconds_have_intervals_between_them() -> None:
    """Two values of 0.050 s, and one of 0.051 s, as they may have been: 0.04975, 0.05025 and 0.051 s."""
    assert spread(np.array([0.051, 0.05, 0.05]), 0.001) == pytest.approx([0.04975, 0.05025, 0.051])


def test_a_constant_service_time_stays_what_it_is() -> None:
    found = empirical(np.full(1000, 0.05), "requests", unit_s=0.001)
    assert found.value == pytest.approx(0.05)
    for low, high in found.ci95.values():
        assert 0.0495 <= low < high <= 0.0505


def test_few_values_bound_no_upper_end_of_a_high_quantile() -> None:
    found = empirical(np.arange(1.0, 21.0), "pods")
    assert found.ci95["p95"][1] == np.inf
    assert np.isfinite(found.ci95["median"]).all()


def test_few_calls_bound_no_upper_end_of_a_high_quantile() -> None:
    values, calls = np.arange(1.0, 41.0), np.repeat(np.arange(10), 4)
    assert clustered_quantile_interval(values, calls, 0.95)[1] == np.inf
    low, high = clustered_quantile_interval(values, calls, 0.5)
    assert low < 20.5 < high < np.inf

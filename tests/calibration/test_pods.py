"""What comes before the ALB hears of a pod: from lines by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from albsim_tests.records import call, iso, line, log, log_name, trail

from sim.calibration.bootstrap import clustered_quantile_interval
from sim.calibration.calibrate import calibrate
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

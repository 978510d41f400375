"""What comes before the ALB hears of a pod: from lines by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from albsim_tests.records import call, iso, line, log, log_name, trail

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

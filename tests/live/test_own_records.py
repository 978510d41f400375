"""`albsim calibrate` on the records of a real load balancer: the law by which its targets leave is found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from albsim_tests.live.load_balancer import HAPROXY
from albsim_tests.live.own_records import NODES, Played, Truth, record
from albsim_tests.live.rig import LATEST_S, MOST_ATTEMPTS, too_busy

from sim.calibration.bootstrap import QUANTILES
from sim.calibration.calibrate import PROPAGATION, calibrate
from sim.records.reading import read

if TYPE_CHECKING:
    from pathlib import Path

    from sim.calibration.measured import Calibration

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(HAPROXY is None, reason="HAProxy is not installed (Debian: apt-get install haproxy)"),
]
TRUTH = Truth()
ERRORS_IN_AN_INTERVAL = 2 * 1.96


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Played, Calibration]:
    for seed in range(MOST_ATTEMPTS):
        directory: Path = tmp_path_factory.mktemp("records")
        played = record(TRUTH, directory, seed)
        if played.latest_s < LATEST_S:
            records = read([directory])
            assert int(records.files["lines_not_read"].sum()) == 0
            return played, calibrate(records)
    return too_busy(f"the machine is too busy: drains {played.latest_s:.3f} s late in {MOST_ATTEMPTS} runs")


@pytest.fixture(scope="module")
def found(both: tuple[Played, Calibration]) -> Calibration:
    return both[1]


@pytest.mark.parametrize(("name", "true_s"), [("median", TRUTH.median_s), ("p95", TRUTH.p95_s)])
def test_the_law_of_the_drains_is_found(found: Calibration, name: str, true_s: float) -> None:
    low, high = found.measured[PROPAGATION].ci95[name]
    error = math.log(high / low) / ERRORS_IN_AN_INTERVAL
    assert found.propagation is not None
    assert abs(math.log(found.propagation.quantile(name) / true_s)) < 3.5 * error
    assert error < 0.2


def test_the_last_requests_are_earlier_by_much(found: Calibration) -> None:
    """At two requests per median delay: else nothing would have been found that a table does not show."""
    assert found.propagation is not None
    assert np.median(found.propagation.last_s) < 0.85 * TRUTH.median_s


def test_what_was_sent_is_found(found: Calibration) -> None:
    rate, service = found.measured["traffic.arrival_rate_rps"], found.measured["traffic.service_time_s"]
    sent_rps = len(NODES) * TRUTH.traffic.arrival_rate_rps
    low, high = rate.ci95[""]
    assert abs(rate.value - sent_rps) < 3.5 * (high - low) / ERRORS_IN_AN_INTERVAL
    law = TRUTH.traffic.service_time_s
    for name, q in QUANTILES.items():
        low, high = service.ci95[name]
        # A process that plays 80 targets answers a few milliseconds late.
        assert -3.5 < ((low + high) / 2 - float(law.ppf(q)) - 0.002) / ((high - low) / ERRORS_IN_AN_INTERVAL) < 3.5
    assert found.measured["target_group.alb_nodes"].value == len(NODES)


@pytest.mark.parametrize(("name", "q"), [("median", 0.5), ("p95", 0.95)])
def test_the_service_time_is_that_by_the_servers_own_clock(
    both: tuple[Played, Calibration], name: str, q: float
) -> None:
    """HAProxy's log has the way to the server and back too, some of a millisecond, and counts quiet minutes only."""
    played, found = both
    low, high = found.measured["traffic.service_time_s"].ci95[name]
    error_s = (high - low) / ERRORS_IN_AN_INTERVAL
    beyond_s = (low + high) / 2 - float(np.quantile(played.served_s, q))
    assert -3.5 * error_s < beyond_s < 3.5 * error_s + 0.002

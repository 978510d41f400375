"""The clock of requests: by hand, and against a rotation that shrinks under a steady stream of requests."""

import numpy as np
import pytest
from albsim_tests.calibration import Truth, drawn

from sim.calibration.kernel import likelihoods
from sim.calibration.last_requests import LastRequests
from sim.calibration.pace import Stay, pace_of
from sim.calibration.propagation import measure_propagation
from sim.calibration.stays import observed_spans, stays_of


def poisson(rate_rps: float, from_s: float, until_s: float, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.uniform(from_s, until_s, rng.poisson(rate_rps * (until_s - from_s))))


def stay(times_s: np.ndarray, until_s: float) -> Stay:
    return Stay(times_s, float(times_s[0]), until_s)


def test_twice_the_requests_make_the_clock_twice_as_fast() -> None:
    rng = np.random.default_rng(1)
    times_s = np.concatenate((poisson(50, 0, 100, rng), poisson(100, 100, 200, rng)))
    pace = pace_of([stay(times_s, 200.0)], 0.0, 200.0)
    slow_s, fast_s = np.diff(pace.at(np.array([5.0, 95.0, 105.0, 195.0])))[[0, 2]]
    # 4,500 and 9,000 requests: their ratio has a standard error of 1.8 %.
    assert fast_s / slow_s == pytest.approx(2, rel=0.06)
    assert pace.at(np.array([200.0]))[0] == pytest.approx(200, abs=2)


def test_targets_that_leave_change_nothing_for_one_that_stays_at_its_rate() -> None:
    rng = np.random.default_rng(2)
    stays = [stay(poisson(20, 0, 100, rng), until_s) for until_s in (20.0, 40.0, 60.0, 100.0)]
    pace = pace_of(stays, 0.0, 100.0)
    assert np.diff(pace.at(np.array([10.0, 50.0, 90.0]))) == pytest.approx([40, 40], rel=0.1)


def test_without_requests_and_beyond_its_ends_it_is_a_usual_clock() -> None:
    pace = pace_of([], 100.0, 200.0)
    assert pace.at(np.array([50.0, 100.0, 150.0, 300.0])) == pytest.approx([-50, 0, 50, 200])


def test_round_robin_does_not_slow_the_clock_where_targets_are_new() -> None:
    """Each stay begins at a request, after which the next comes a whole round later."""
    rng = np.random.default_rng(3)
    old = [stay(np.arange(rng.uniform(0, 10), 200, 10), 100.0) for _ in range(100)]
    new = [stay(np.arange(100 + rng.uniform(0, 10), 200, 10), 200.0) for _ in range(100)]
    pace = pace_of([*old, *new], 0.0, 200.0)
    assert np.diff(pace.at(np.array([20.0, 90.0, 120.0, 190.0])))[[0, 2]] == pytest.approx([70, 70], rel=0.03)


def test_a_stay_is_from_the_first_request_until_whatever_ends_it() -> None:
    sent_s = {"a": np.array([10.0, 20.0, 30.0, 40.0, 110.0, 120.0, 130.0])}
    found = list(stays_of(sent_s, np.array([130.0]), [35.0], [5.0, 100.0], {"a": [(0.0, 200.0)]}))
    assert [(one.from_s, one.until_s, one.requests_s.tolist()) for one in found] == [
        (10.0, 35.0, [10.0, 20.0, 30.0]),
        (110.0, 130.0, [110.0, 120.0]),
    ]


def test_a_missing_file_is_in_no_stay() -> None:
    assert observed_spans(0.0, 100.0, [(60.0, 120.0), (20.0, 30.0)]) == [(0.0, 20.0), (30.0, 60.0)]


def row(last_s: float, readings_per_s: float) -> LastRequests:
    one = np.ones(1)
    return LastRequests(
        last_s=last_s * one,
        until_s=np.inf * one,
        slack_s=0 * one,
        shape=0.5e7 * one,
        rate_s=1e7 * one,
        call=np.zeros(1, int),
        rollout=np.zeros(1, int),
        clock_s=readings_per_s * np.arange(100.0)[None],
    )


@pytest.mark.parametrize("readings_per_s", [0.5, 1.0, 2.0])
def test_an_end_two_seconds_after_the_last_request_is_less_likely_the_more_would_have_come(readings_per_s) -> None:
    found = likelihoods(row(10.0, readings_per_s), np.array([11.99, 12.01]))[0, 0]
    assert found == pytest.approx(0.5 * np.exp(-0.5 * 2 * readings_per_s), rel=1e-3)


def test_a_law_is_found_under_requests_that_quicken_after_the_call() -> None:
    """What is drawn on a clock of requests and told by a usual one: rates known, the clock that of the requests."""
    truth, times_faster = Truth(rate_rps=0.2, calls=10, rate_known=True), 3.0
    seconds = drawn(truth, np.random.default_rng(5))
    told = LastRequests(
        **{name: getattr(seconds, name) for name in seconds.__dataclass_fields__ if name != "clock_s"},
        clock_s=np.tile(np.arange(200.0), (len(seconds), 1)),
    )
    quicker = LastRequests(
        **{name: getattr(seconds, name) for name in seconds.__dataclass_fields__ if name not in ("last_s", "clock_s")},
        last_s=seconds.last_s / times_faster,
        clock_s=np.tile(times_faster * np.arange(200.0), (len(seconds), 1)),
    )
    usual, found = measure_propagation(told), measure_propagation(quicker)
    assert found.quantile("median") * times_faster == pytest.approx(usual.quantile("median"), rel=0.03)
    assert found.quantile("p95") * times_faster == pytest.approx(usual.quantile("p95"), rel=0.03)

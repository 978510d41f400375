import numpy as np
import pytest
from albsim_tests.calibration import Truth, drawn

from sim.calibration.kernel import likelihoods
from sim.calibration.last_requests import LastRequests
from sim.calibration.propagation import measure_propagation


def rows(
    last_s: list[float],
    until_s: float = np.inf,
    *,
    rate_rps: float = 0.5,
    regularity: float = 1.0,
    slack_s: float = 0.0,
) -> LastRequests:
    n = len(last_s)
    return LastRequests(
        last_s=np.array(last_s, float),
        until_s=np.full(n, float(until_s)),
        slack_s=np.full(n, slack_s),
        shape=np.full(n, rate_rps * 1e7),
        rate_s=np.full(n, 1e7),
        call=np.arange(n),
        rollout=np.zeros(n, np.int64),
        regularity=regularity,
    )


NARROW = np.array([11.99, 12.01])


def at_12_s(requests: LastRequests) -> np.ndarray:
    return likelihoods(requests, NARROW)[:, 0]


def test_a_last_request_at_10_s_of_an_end_at_12_s_has_the_density_of_two_seconds_without_one() -> None:
    assert at_12_s(rows([10.0])) == pytest.approx(0.5 * np.exp(-0.5 * 2), rel=1e-3)


def test_no_request_before_an_end_at_12_s_has_the_probability_of_twelve_seconds_without_one() -> None:
    assert at_12_s(rows([np.nan])) == pytest.approx(np.exp(-0.5 * 12), rel=1e-3)


def test_an_end_before_the_last_request_is_impossible() -> None:
    assert at_12_s(rows([12.5])) == 0


def test_what_comes_after_the_observation_says_nothing() -> None:
    assert at_12_s(rows([10.0], until_s=10.5)) == pytest.approx(0.5 * np.exp(-0.5 * 0.5), rel=1e-3)


def test_even_requests_every_two_seconds_leave_at_most_two_seconds() -> None:
    nearly_even = {"rate_rps": 0.5, "regularity": 200.0}
    assert at_12_s(rows([10.5], **nearly_even)) == pytest.approx(0.5, rel=0.01)
    assert at_12_s(rows([9.0], **nearly_even)) < 1e-3


def test_a_call_known_to_a_second_is_averaged_over_it() -> None:
    late_s = (np.arange(16) + 0.5) / 16
    expected = np.mean(0.5 * np.exp(-0.5 * (12 - (10 - late_s))))
    assert at_12_s(rows([10.0], slack_s=1.0)) == pytest.approx(expected, rel=0.01)


def test_an_unknown_rate_is_averaged_over_what_it_may_be() -> None:
    few = rows([10.0])
    few = LastRequests(
        **{name: getattr(few, name) for name in few.__dataclass_fields__ if name not in ("shape", "rate_s")},
        shape=np.array([4.0]),
        rate_s=np.array([8.0]),
    )
    # Of a gamma law with shape a and rate b, the mean of λ exp(-λx) is a b^a / (b + x)^(a + 1).
    assert at_12_s(few) == pytest.approx(4 * 8**4 / 10**5, rel=0.03)


@pytest.mark.parametrize("rate_rps", [0.2, 5.0])
def test_the_law_is_found_where_taking_the_last_request_for_the_end_finds_another(rate_rps) -> None:
    requests = drawn(Truth(rate_rps=rate_rps, calls=100), np.random.default_rng(7))
    found = measure_propagation(requests)
    # Of 400 pairs: the standard deviations of 100 (docs/facts/logs.md §4) halved, three of them.
    assert found.quantile("median") == pytest.approx(10, abs=0.9)
    assert found.quantile("p95") == pytest.approx(20, abs=2.3)
    if rate_rps < 1:
        assert np.median(np.nan_to_num(requests.last_s)) < 8
    assert found.any_quantile("median") == pytest.approx(10, abs=1.5)


def test_calls_that_share_their_delay_widen_the_interval_and_are_told() -> None:
    alone, shared = (
        measure_propagation(
            drawn(Truth(rate_rps=1.0, calls=40, calls_per_rollout=40, shared=one), np.random.default_rng(3))
        )
        for one in (False, True)
    )
    width_alone, width_shared = (
        np.log(found.interval["median"][1] / found.interval["median"][0]) for found in (alone, shared)
    )
    # Four pairs of a call count as one: the interval should be twice as wide.
    assert width_shared > 1.4 * width_alone
    assert any("Targets of one DeregisterTargets call" in warning for warning in shared.warnings)
    assert not alone.warnings


def test_two_kinds_of_nodes_are_told_from_a_law_with_one_hump() -> None:
    found = measure_propagation(drawn(Truth(rate_rps=1.0, law="two kinds"), np.random.default_rng(2)))
    assert any("does not fit" in warning for warning in found.warnings)


def test_round_robin_is_noticed_and_allowed_for() -> None:
    requests = drawn(Truth(rate_rps=0.1, round_robin=10, calls=50), np.random.default_rng(1))
    assert requests.regularity == pytest.approx(10, rel=0.35)
    found = measure_propagation(requests)
    assert any("more evenly" in warning for warning in found.warnings)
    assert found.quantile("median") == pytest.approx(10, abs=2)


def test_one_call_is_not_enough_to_know_what_calls_share() -> None:
    found = measure_propagation(drawn(Truth(rate_rps=1.0, calls=1, targets=30), np.random.default_rng(1)))
    assert found.clusters == "targets"
    assert any("one DeregisterTargets call" in warning for warning in found.warnings)


def test_few_requests_are_told() -> None:
    found = measure_propagation(drawn(Truth(rate_rps=0.05), np.random.default_rng(1)))
    assert any("few requests" in warning for warning in found.warnings)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 5"):
        measure_propagation(rows([1.0, 2.0]))


def test_the_same_records_give_the_same_interval() -> None:
    requests = drawn(Truth(rate_rps=1.0), np.random.default_rng(1))
    assert measure_propagation(requests).interval == measure_propagation(requests).interval

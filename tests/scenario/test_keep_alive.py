"""The race of a quiet day: the closed form by hand, against drawn requests, and against what users report."""

from __future__ import annotations

import math
from typing import Any

import pytest
from albsim_tests.data_plane import run, timeline
from scipy import stats

from sim.data_plane.outcomes import Outcome
from sim.scenario.keep_alive import raced_per_million
from sim.scenario.specs import Scenario


def _scenario(rps: float, *, targets: int, keep_alive_s: float | None, **changes: object) -> Scenario:
    base = {
        "name": "quiet",
        "traffic": {"arrival_rate_rps": rps, "service_time_s": 0},
        "deployment": {"replicas": targets},
        "pod": {"keep_alive_timeout_s": keep_alive_s},
        "target_group": {"alb_nodes": 1, "connection_reuse": True, "routing": "random", "health_check": None},
    }
    return Scenario.model_validate(base).with_overrides(changes)


def test_random_routing_by_hand() -> None:
    """0.2 requests per second to each of 5 targets: a million times 0.2 x 1 ms x exp(-1)."""
    assert raced_per_million(_scenario(1, targets=5, keep_alive_s=5)) == pytest.approx(200 * math.exp(-1))


def test_no_race_without_a_pool_or_with_a_long_keep_alive() -> None:
    assert raced_per_million(_scenario(1, targets=5, keep_alive_s=75)) == 0
    assert raced_per_million(_scenario(1, targets=5, keep_alive_s=None)) == 0
    alone = {"target_group.connection_reuse": False}
    assert raced_per_million(_scenario(1, targets=5, keep_alive_s=5, **alone)) == 0


def test_what_users_report_is_within_reach() -> None:
    """0.001 % behind Node's 5 s (shuheikagawa.com, 2019): so it is at 0.9 requests per second and connection."""
    assert raced_per_million(_scenario(0.9, targets=1, keep_alive_s=5)) == pytest.approx(10, rel=0.01)
    most = max(raced_per_million(_scenario(rps / 20, targets=1, keep_alive_s=5)) for rps in range(1, 40))
    assert most == pytest.approx(1e6 * 0.001 / (5 * math.e)), "never more than 74 in a million, or 1 in 13,600"


def test_one_request_in_service_by_hand() -> None:
    """As long as two are never in service: the square of the chance of one, times a sum of two exponentials.

    With λ = 1 and μ = 10 the process on 0 and 1 has the matrix ((-1, 1), (10, -11)). The return density to 1 is a
    rational function of the matrix. So the density is exp(-0.1) (exp(-5) + 0.1 g(5)), but for more than one in service.
    """
    at_once = math.sqrt(35)
    slow, fast = -6 + at_once, -6 - at_once
    returns = ((slow + 1) * math.exp(5 * slow) - (fast + 1) * math.exp(5 * fast)) / (slow - fast)
    low = 1000 * math.exp(-0.1) * (math.exp(-5) + 0.1 * returns)
    found = raced_per_million(_scenario(1, targets=1, keep_alive_s=5, **{"traffic.service_time_s": 0.1}))
    assert low < found < low + 1000 * 0.0047, "the chance of two or more in service, whatever they do"


@pytest.mark.slow
@pytest.mark.parametrize(("rps", "mean_s", "keep_alive_s"), [(20.0, 0.1, 0.3), (5.0, 0.07, 1.0), (100.0, 0.08, 0.2)])
def test_a_stack_s_idle_times_are_those_of_drawn_requests(rps: float, mean_s: float, keep_alive_s: float) -> None:
    """All connections of a stack count, those too that are taken while others are in service: 400,000 requests."""
    at: dict[str, Any] = {"routing": "random", "connection_reuse": True, "keep_alive_timeout_s": keep_alive_s}
    service = {"dist": "exponential", "mean": mean_s}
    drawn = run(timeline(complete_s=400_000 / rps), arrival_rate_rps=rps, service_time_s=service, **at)
    form = raced_per_million(
        _scenario(rps, targets=1, keep_alive_s=keep_alive_s, **{"traffic.service_time_s": service})
    )
    expected = form * drawn.counts.sum() / 1e6
    raced = int(drawn.counts[Outcome.KEEP_ALIVE_RACE])
    assert expected > 25
    assert 0.001 < stats.poisson(expected).cdf(raced) < 0.999


@pytest.mark.slow
@pytest.mark.parametrize(
    ("targets", "rps", "mean_s", "keep_alive_s"), [(4, 20.0, 0.1, 0.3), (12, 5.0, 0.3, 0.5), (20, 1.0, 0.3, 1.3)]
)
def test_the_form_in_turn_is_what_drawn_requests_give(
    targets: int, rps: float, mean_s: float, keep_alive_s: float
) -> None:
    """Round robin sends a pool one request of so many: random routing would lose more."""
    at: dict[str, Any] = {"routing": "round_robin", "connection_reuse": True, "keep_alive_timeout_s": keep_alive_s}
    service = {"dist": "exponential", "mean": mean_s}
    drawn = run(
        timeline(targets, complete_s=600_000 / rps / targets),
        arrival_rate_rps=rps * targets,
        service_time_s=service,
        **at,
    )
    changes = {"traffic.service_time_s": service}
    scenario = _scenario(rps * targets, targets=targets, keep_alive_s=keep_alive_s, **changes)
    in_turn = scenario.with_overrides({"target_group.routing": "round_robin"})
    expected = raced_per_million(in_turn) * drawn.counts.sum() / 1e6
    raced = int(drawn.counts[Outcome.KEEP_ALIVE_RACE])
    assert raced_per_million(scenario) > raced_per_million(in_turn)
    assert expected > 25
    assert 0.001 < stats.poisson(expected).cdf(raced) < 0.999


def test_two_in_turn_by_hand() -> None:
    """With services of no length a pool of two targets has the sum of two exponential gaps."""
    in_turn = _scenario(2, targets=2, keep_alive_s=3, **{"target_group.routing": "round_robin"})
    assert raced_per_million(in_turn) == pytest.approx(1000 * 4 * 3 * math.exp(-6))
    short = in_turn.with_overrides({"traffic.service_time_s": 2e-3})
    assert raced_per_million(short) == pytest.approx(raced_per_million(in_turn), rel=0.01)


def test_a_busy_pool_loses_requests_too() -> None:
    """Published: some ten in a million behind Node's 5 s. So it is from one request a second on to twenty."""
    service = {"traffic.service_time_s": {"dist": "exponential", "mean": 0.3}}
    found = [
        raced_per_million(_scenario(rps, targets=1, keep_alive_s=5, **service)) for rps in (1.0, 2.0, 5.0, 10.0, 20.0)
    ]
    assert found == sorted(found, reverse=True)
    assert 3 < found[-1] < found[0] < 20


@pytest.mark.parametrize("routing", ["random", "round_robin"])
@pytest.mark.parametrize("targets", [1, 3])
def test_the_form_is_what_drawn_requests_give(routing: str, targets: int) -> None:
    """20 requests per second and target, whose connections are closed after 40 ms: some 180 of 20,000 meet that."""
    rps, until_s = 20.0 * targets, 1000.0 / targets
    at: dict[str, Any] = {
        "routing": routing,
        "connection_reuse": True,
        "keep_alive_timeout_s": 0.04,
        "idle_timeout_s": 9,
    }
    drawn = run(timeline(targets, complete_s=until_s), arrival_rate_rps=rps, service_time_s=0, **at)
    expected = (
        rps
        * until_s
        / 1e6
        * raced_per_million(_scenario(rps, targets=targets, keep_alive_s=0.04, **{"target_group.routing": routing}))
    )
    raced = int(drawn.counts[Outcome.KEEP_ALIVE_RACE])
    assert expected > 100
    assert 0.001 < stats.poisson(expected).cdf(raced) < 0.999

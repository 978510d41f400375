from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.experiment.recommend import Goal, Recommendation, _least, recommend, try_rules
from sim.experiment.replication import simulate
from sim.experiment.rules import RULES
from sim.experiment.trial import needed_s, try_out
from tests.experiment.executors import InOrder

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario

BUSY = {"traffic.arrival_rate_rps": 100, "replications": 5, "pod.on_sigterm": "drain"}


def recommended(scenario: Scenario, goal: Goal | None = None) -> Recommendation:
    return recommend(scenario, goal or Goal(), executor=InOrder(), say=lambda _: None)


@given(st.integers(0, 200), st.integers(0, 150), st.integers(0, 60))
def test_the_search_finds_the_least_that_is_enough(least: int, start: int, further: int) -> None:
    most = start + further
    found = _least(lambda number: number >= least, start=start, most=most)

    assert found == (least if least <= most else None)


def test_the_search_looks_near_its_start() -> None:
    asked: list[int] = []
    _least(lambda number: asked.append(number) or number >= 40, start=40, most=1000)

    assert asked == [40, 39]


def test_a_lag_of_10_s_needs_a_sleep_of_10_s(fixed_lag: Scenario) -> None:
    found = recommended(fixed_lag.with_overrides(BUSY))

    assert found.is_met
    assert found.settings == {"pod.pre_stop_sleep_s": 10}
    assert found.needed_s == pytest.approx(10)
    assert found.best.mean_502() == 0
    assert found.given.mean_502() > 100


def test_what_was_found_is_tried_in_rollouts_that_the_search_has_not_seen(fixed_lag: Scenario) -> None:
    startup = {"pod.startup_s": {"dist": "uniform", "low": 10, "high": 20}}
    found = recommended(fixed_lag.with_overrides(BUSY | startup))

    seen = {rollout.rollout_s for rollout in found.best.rollouts}
    assert len(found.confirmed.rollouts) == len(found.best.rollouts)
    assert seen.isdisjoint(rollout.rollout_s for rollout in found.confirmed.rollouts)
    assert found.confirmed.scenario == found.best.scenario


def test_a_process_that_cuts_its_requests_needs_their_time_too(fixed_lag: Scenario) -> None:
    busy = BUSY | {"pod.on_sigterm": "exit", "traffic.service_time_s": 3}

    assert recommended(fixed_lag.with_overrides(busy)).settings["pod.pre_stop_sleep_s"] == pytest.approx(13, abs=1)


@pytest.mark.parametrize("confidence", [0.5, 0.9])
def test_a_random_lag_needs_its_quantile(fixed_lag: Scenario, confidence: float) -> None:
    lag = {"controller.deregistration_lag_s": {"dist": "uniform", "low": 5, "high": 45}, "replications": 40}
    scenario = fixed_lag.with_overrides(BUSY | lag)
    found = recommended(scenario, Goal(confidence=confidence))

    # The slowest of two pods: its distribution is that of one, squared. The quantile of 40 rollouts is that of the law
    # at a probability with the deviation √(p (1 - p) / 40), of which four are taken; the sleep is whole seconds, and a
    # pod that is late by less than a tenth of a second may meet no request.
    spread = 4 * math.sqrt(confidence * (1 - confidence) / 40)
    low, high = (5 + 40 * math.sqrt(np.clip(confidence + sign * spread, 0, 1)) for sign in (-1, 1))
    assert low - 1 <= found.settings["pod.pre_stop_sleep_s"] <= high + 1
    slowest_s = [
        max(lag for lag in simulate(scenario, replication=k).deregistration_lag_s() if lag < math.inf)
        for k in range(40)
    ]
    enough = sorted(slowest_s)[math.ceil(confidence * 40) - 1]
    assert found.needed_s == pytest.approx(enough)
    assert found.settings["pod.pre_stop_sleep_s"] == pytest.approx(math.ceil(enough), abs=1)


def test_a_higher_target_allows_a_shorter_sleep(fixed_lag: Scenario) -> None:
    scenario = fixed_lag.with_overrides(BUSY)
    found = recommended(scenario, Goal(target_502=150))
    sleep_s = found.settings["pod.pre_stop_sleep_s"]

    # Two pods, each with a third of 100 requests per second, or 33: 150 in about 2.2 s of both.
    assert sleep_s == pytest.approx(8, abs=1)
    one_less = found.best.scenario.with_overrides({"pod.pre_stop_sleep_s": sleep_s - 1})
    assert try_out(one_less, InOrder()).below(150).value < 0.95


def test_what_goes_with_the_sleep_is_raised_and_never_lowered(fixed_lag: Scenario) -> None:
    short = {"pod.termination_grace_period_s": 5, "target_group.deregistration_delay_s": 1}
    found = recommended(fixed_lag.with_overrides(BUSY | short | {"traffic.service_time_s": 4}))

    assert found.is_met
    assert found.settings == {
        "pod.pre_stop_sleep_s": 10,
        "pod.termination_grace_period_s": 10 + 4 + 2,
        "target_group.deregistration_delay_s": 4,
    }


def test_a_sleep_that_is_longer_than_needed_is_shortened(fixed_lag: Scenario) -> None:
    assert recommended(fixed_lag.with_overrides(BUSY | {"pod.pre_stop_sleep_s": 30})).settings == {
        "pod.pre_stop_sleep_s": 10
    }
    assert recommended(fixed_lag.with_overrides(BUSY | {"pod.pre_stop_sleep_s": 10})).settings == {}


def test_no_sleep_is_needed_if_targets_leave_at_once(fixed_lag: Scenario) -> None:
    assert recommended(fixed_lag.with_overrides(BUSY | {"controller.deregistration_lag_s": 0})).settings == {}


def test_more_than_an_hour_is_not_recommended(fixed_lag: Scenario) -> None:
    late = {"controller.deregistration_lag_s": 4000, "traffic.arrival_rate_rps": 5, "replications": 2}
    found = recommended(fixed_lag.with_overrides(BUSY | late))

    assert not found.is_met
    assert found.best.scenario.pod.pre_stop_sleep_s == 3600
    assert set(found.best.mean_causes()) <= {"connect_refused", "host_unreachable"}
    assert found.needed_s == pytest.approx(4000)


@pytest.mark.slow
def test_fewer_retries_are_recommended_where_they_bound_the_wait(make_scenario: type) -> None:
    others = [{"ingresses": 10, "churn_per_s": 0.5, "controller": {"version": "v1.1.4"}}] * 3
    scenario = make_scenario(controller__version="v1.1.4", aws_api__other_clusters=others, replications=3)
    found = recommended(scenario)

    assert found.settings["controller.aws_max_retries"] < 10
    assert found.is_met
    fewer = scenario.with_overrides({"controller.aws_max_retries": found.settings["controller.aws_max_retries"]})
    assert needed_s(fewer, InOrder()).max() < needed_s(scenario, InOrder()).max() - 1


def test_the_needed_time_does_not_depend_on_the_sleep(make_scenario: type) -> None:
    times_s = [
        needed_s(make_scenario(pod__pre_stop_sleep_s=sleep_s, replications=3), InOrder()) for sleep_s in (0, 25, 60)
    ]

    assert times_s[0].tolist() == times_s[1].tolist() == times_s[2].tolist()


def test_the_rollout_s_costs_by_hand(fixed_lag: Scenario) -> None:
    rollout = try_out(fixed_lag.with_overrides({"pod.pre_stop_sleep_s": 20}), InOrder()).rollouts[0]

    # Two pods, one more at a time: a new one after 15 s, an old one deleted then, and again. The first old one still
    # sleeps when the second new one is ready: 2 + 2 pods, until 20 s after the second one's deletion.
    assert rollout.most_pods == 4
    assert rollout.over_s == pytest.approx(2 * 15 + 20, abs=1)
    assert rollout.rollout_s == pytest.approx(2 * 15, abs=1)


def test_every_rule_that_applies_is_tried(fixed_lag: Scenario) -> None:
    scenario = fixed_lag.with_overrides(BUSY | {"replications": 2})
    tried = try_rules(scenario, executor=InOrder(), say=lambda _: None)

    assert [rule.words for rule, _ in tried] == [rule.words for rule in RULES if "health" not in rule.words]
    pods = [trial.scenario.pod for _, trial in tried]
    assert [pod.pre_stop_sleep_s for pod in pods] == [0, 5, 10, 18, 40, 180, 301, 311]
    assert all(pod.termination_grace_period_s > pod.pre_stop_sleep_s for pod in pods)
    assert [trial.mean_502() > 0 for _, trial in tried] == [True, True] + [False] * 6


def test_the_rule_of_health_checks(make_scenario: type) -> None:
    check = {"interval_s": 10, "unhealthy_threshold": 3}
    rule = next(rule for rule in RULES if "health" in rule.words)

    assert rule.settings(make_scenario(target_group__health_check=check)) == {
        "pod.pre_stop_sleep_s": 45,
        "pod.termination_grace_period_s": 90,
    }

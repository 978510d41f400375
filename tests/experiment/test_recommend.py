from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from albsim_tests.executors import InOrder
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.experiment.goal import Goal, Precision
from sim.experiment.least_sleep import Need, OneRollout, Slowest, least
from sim.experiment.recommend import _advised_s, _needs, recommend, try_rules
from sim.experiment.replication import simulate
from sim.experiment.rules import RULES
from sim.experiment.trial import needed_s, try_out
from sim.experiment.with_sleep import WithSleep
from sim.scenario.loading import load_scenario
from tests.experiment.promise import MISS, SEEDS, misses, searches

if TYPE_CHECKING:
    from sim.experiment.recommendation import Recommendation
    from sim.scenario.specs import Scenario

BUSY = {"traffic.arrival_rate_rps": 100, "replications": 5, "pod.on_sigterm": "drain"}


def recommended(scenario: Scenario, goal: Goal | None = None, *, at_most: int = 8) -> Recommendation:
    return recommend(
        scenario, goal or Goal(), executor=InOrder(), say=lambda _: None, precision=Precision(at_most=at_most)
    )


@given(st.integers(0, 200), st.integers(0, 150), st.integers(0, 60))
def test_the_search_finds_the_least_that_is_enough(enough: int, start: int, further: int) -> None:
    most = start + further
    found = least(lambda number: number >= enough, start=start, most=most)

    assert found == (enough if enough <= most else None)


def test_the_search_looks_near_its_start() -> None:
    asked: list[int] = []
    least(lambda number: asked.append(number) or number >= 40, start=40, most=1000)

    assert asked == [40, 39]


def test_a_lag_of_10_s_needs_a_sleep_of_10_s(fixed_lag: Scenario) -> None:
    found = recommended(fixed_lag.with_overrides(BUSY))

    assert found.is_met
    assert found.settings == {"pod.pre_stop_sleep_s": 10}
    assert found.needed_s == pytest.approx(10)
    assert found.best.mean(502) == 0
    assert found.given.mean(502) > 100


def test_what_was_found_is_tried_in_rollouts_that_the_search_has_not_seen(fixed_lag: Scenario) -> None:
    startup = {"pod.startup_s": {"dist": "uniform", "low": 10, "high": 20}}
    found = recommended(fixed_lag.with_overrides(BUSY | startup))

    fresh = [*range(5 + len(found.needs), 5 + 2 * len(found.needs))]
    rollout_s = [
        simulate(found.best.scenario, replication=number).timeline.rollout_complete_s
        for number in (fresh[0], fresh[-1])
    ]
    assert len(found.best.rollouts) == len(found.needs) > 5
    assert rollout_s == [found.best.rollouts[0].rollout_s, found.best.rollouts[-1].rollout_s]


def test_a_process_that_cuts_its_requests_needs_their_time_too(fixed_lag: Scenario) -> None:
    busy = BUSY | {"pod.on_sigterm": "exit", "traffic.service_time_s": 3}

    assert recommended(fixed_lag.with_overrides(busy)).settings["pod.pre_stop_sleep_s"] == pytest.approx(13, abs=1)


@pytest.mark.slow
@pytest.mark.parametrize("confidence", [0.5, 0.9])
def test_a_random_lag_needs_its_quantile(fixed_lag: Scenario, confidence: float) -> None:
    lag = {"controller.deregistration_lag_s": {"dist": "uniform", "low": 5, "high": 45}, "replications": 40}
    scenario = fixed_lag.with_overrides(BUSY | lag)
    found = recommended(scenario, Goal(confidence=confidence), at_most=40)

    # The slowest of two pods: its distribution is that of one, squared. The quantile of 40 rollouts is that of the law
    # at a probability with the deviation √(p (1 - p) / 40), of which four are taken; the sleep is whole seconds, and a
    # pod that is late by less than a tenth of a second may meet no request.
    spread = 4 * math.sqrt(confidence * (1 - confidence) / 40)
    low, high = (5 + 40 * math.sqrt(np.clip(confidence + sign * spread, 0, 1)) for sign in (-1, 1))
    assert low - 1 <= found.least.value <= high + 1
    slowest_s = [
        max(lag for lag in simulate(scenario, replication=k).deregistration_lag_s() if lag < math.inf)
        for k in range(40, 80)
    ]
    enough = sorted(slowest_s)[math.ceil(confidence * 40) - 1]
    assert found.needed_s == pytest.approx(enough)
    assert found.least.value == pytest.approx(math.ceil(enough), abs=1)
    assert found.settings["pod.pre_stop_sleep_s"] == found.least.high > found.least.value


def test_a_higher_target_allows_a_shorter_sleep(fixed_lag: Scenario) -> None:
    scenario = fixed_lag.with_overrides(BUSY)
    found = recommended(scenario, Goal(target_502=150))
    sleep_s = found.settings["pod.pre_stop_sleep_s"]

    # Two pods, each with a third of 100 requests per second, or 33: 150 in about 2.2 s of both.
    assert sleep_s == pytest.approx(8, abs=1)
    shorter = found.best.scenario.with_overrides({"pod.pre_stop_sleep_s": sleep_s - 2})
    assert try_out(shorter, InOrder()).with_at_most(149).value < 0.95


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
    found = recommended(fixed_lag.with_overrides(BUSY | late), at_most=3)

    assert not found.is_met
    assert found.best.scenario.pod.pre_stop_sleep_s == 3600
    assert set(found.best.mean_failures()) <= {"connect_refused", "host_unreachable"}
    assert found.needed_s == pytest.approx(4000)


@pytest.mark.slow
def test_fewer_retries_are_recommended_where_they_bound_the_wait(make_scenario: type) -> None:
    others = [{"ingresses": 10, "churn_per_s": 0.5, "controller": {"version": "v1.1.4"}}] * 3
    scenario = make_scenario(controller__version="v1.1.4", aws_api__other_clusters=others, replications=3)
    found = recommended(scenario, at_most=10)

    assert found.settings["controller.aws_max_retries"] < 10
    assert found.is_met
    fewer = scenario.with_overrides({"controller.aws_max_retries": found.settings["controller.aws_max_retries"]})
    assert needed_s(fewer, InOrder()).max() < needed_s(scenario, InOrder()).max() - 1


def test_a_pod_that_was_never_ready_needs_no_sleep(fixed_lag: Scenario) -> None:
    """ReplicaSet deletes it first, and no request was ever sent to it."""
    scale_in = {"disruption": "scale_in", "scale_in": {"to_replicas": 2, "unready": 1}, "deployment.replicas": 3}

    assert needed_s(fixed_lag.with_overrides(scale_in), InOrder()).tolist() == [0] * fixed_lag.replications


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
    assert [trial.mean(502) > 0 for _, trial in tried] == [True, True] + [False] * 6


def test_the_rule_of_health_checks(make_scenario: type) -> None:
    check = {"interval_s": 10, "unhealthy_threshold": 3}
    rule = next(rule for rule in RULES if "health" in rule.words)

    assert rule.settings(make_scenario(target_group__health_check=check)) == {
        "pod.pre_stop_sleep_s": 45,
        "pod.termination_grace_period_s": 90,
    }


@pytest.mark.parametrize("target_502", [0, 0.5, 1])
def test_none_is_none_however_it_is_said(target_502: float) -> None:
    assert Goal(target_502).most_failed == 0
    assert Goal(150).most_failed == 149
    assert Goal(2.5).most_failed == 2


def test_each_sleep_of_one_control_plane_is_what_a_simulation_of_its_own_gives(make_scenario: type) -> None:
    for version in ("v1.1.4", "v2.7"):
        with_sleep = WithSleep(make_scenario(controller__version=version, deployment__replicas=6))
        rollout = OneRollout(with_sleep, 3)
        numbers = {sleep_s: rollout.n_failed(sleep_s) for sleep_s in (60, 20, 8)}

        for sleep_s, n_failed in numbers.items():
            counts = simulate(with_sleep(sleep_s), replication=3).requests.counts
            assert n_failed == counts[1:].sum()
        assert numbers[8] > numbers[60] == 0


def test_targets_that_join_after_the_last_pod_s_end_take_requests_as_in_a_simulation() -> None:
    """In this rollout a new target is registered after the last old pod's end, while old targets are sent requests."""
    with_sleep = WithSleep(load_scenario("scenarios/baseline.yaml"))
    rollout = OneRollout(with_sleep, 0)
    rollout.n_failed(60)
    counts = simulate(with_sleep(0), replication=0, estimator="sampled").requests.counts
    assert rollout.n_failed(0) == counts[1:].sum()


def test_requests_that_are_longer_than_the_alb_holds_them_are_failures_that_no_sleep_saves(fixed_lag: Scenario) -> None:
    long = {"traffic.service_time_s": 12, "target_group.idle_timeout_s": 10}
    found = recommended(fixed_lag.with_overrides(BUSY | long))

    assert not found.is_met
    assert next(iter(found.best.mean_failures())) == "idle_timeout"
    assert found.best.mean(504) > 100


def test_what_aws_refuses_is_not_advised(fixed_lag: Scenario) -> None:
    long = {"traffic.service_time_s": 3900, "target_group.idle_timeout_s": 4000, "traffic.arrival_rate_rps": 0.5}
    found = recommended(fixed_lag.with_overrides(BUSY | long | {"replications": 1}), at_most=1)

    assert found.best.scenario.target_group.deregistration_delay_s == 3600


def test_a_v1_control_plane_is_simulated_once_for_all_sleeps(make_scenario: type) -> None:
    rollout = OneRollout(WithSleep(make_scenario(controller__version="v1.1.4")), 0)
    for sleep_s in (30, 10, 20):
        rollout.n_failed(sleep_s)

    assert len(rollout._control_planes) == 1


@pytest.mark.slow
def test_more_rollouts_are_simulated_until_the_sleep_is_known(fixed_lag: Scenario) -> None:
    lag = {"controller.deregistration_lag_s": {"dist": "uniform", "low": 5, "high": 25}, "replications": 5}
    found = recommended(fixed_lag.with_overrides(BUSY | lag), Goal(confidence=0.5), at_most=2000)

    # At the median of the slowest of two the density is √2 / 20: an interval of 4 s takes some
    # (2 * 1.96 * 0.5 / 4 / 0.0707)² = 48 rollouts.
    assert found.is_known
    assert 5 < len(found.needs) < 150
    assert found.least.high - found.least.low <= 4


class Drawn(InOrder):
    """Rollouts whose slowest pod needs the longest of 60 lognormal times: a law with known quantiles."""

    LAW = stats.lognorm(s=0.42, scale=10)

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def map(self, _: object, numbers: range) -> list[Need]:
        slowest_s = self.LAW.ppf(self._rng.random(len(numbers)) ** (1 / 60))
        return [Need(math.ceil(stays_s), Slowest(stays_s, stays_s)) for stays_s in slowest_s]

    @classmethod
    def meets(cls, sleep_s: float) -> float:
        """Return the chance that a rollout needs no more."""
        return float(cls.LAW.cdf(sleep_s)) ** 60


@pytest.mark.parametrize(
    ("replications", "confidence"),
    [(50, 0.95), *(pytest.param(*case, marks=pytest.mark.slow) for case in ((20, 0.95), (200, 0.95), (50, 0.8)))],
)
def test_over_200_seeds_the_advised_sleep_keeps_the_promise(
    fixed_lag: Scenario, replications: int, confidence: float
) -> None:
    goal, precision = Goal(confidence=confidence), Precision()
    with_sleep = WithSleep(fixed_lag.with_overrides({"replications": replications}))
    chances, least_s, is_inside = [], [], []
    true_s = next(s for s in range(100) if Drawn.meets(s) >= confidence)
    for seed in range(200):
        needs, sleep = _needs(with_sleep, goal, precision, Drawn(seed), lambda _: None)
        advised_s = _advised_s(needs, sleep, goal)
        chances.append(Drawn.meets(advised_s))
        least_s.append(advised_s - true_s)
        is_inside.append(sleep.low <= true_s <= sleep.high)

    # The interval's upper end is too short in at most 2.5 % of seeds, a few more since its width decides when to stop:
    # of 200 that is 5, with a deviation of 2.2.
    assert np.mean(chances) >= confidence
    assert np.mean(np.array(chances) < confidence) <= 0.06
    assert np.mean(is_inside) >= 0.9
    assert np.mean(least_s) <= 4


@pytest.mark.slow
def test_over_200_seeds_thirty_pods_are_advised_a_sleep_that_keeps_the_promise() -> None:
    """What gave 35, 43 and 36 s for three seeds, of which 35 s fail in one rollout of eleven."""
    found = searches(SEEDS)
    miss = misses([one.advised_s for one in found])

    # Too short in at most 2.5 % of seeds, a few more since the width decides when to stop: 5 of 200, deviation 2.2.
    assert np.mean(miss) <= MISS
    assert np.mean(miss > MISS) <= 0.06
    assert all(one.high_s - one.low_s <= 4 for one in found)

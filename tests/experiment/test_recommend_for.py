"""One sleep for several disruptions, by hand: with constant lags each need is arithmetic."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from sim.data_plane.outcomes import Outcome
from sim.experiment.goal import Goal, Precision
from sim.experiment.least_sleep import need_of
from sim.experiment.recommend import recommend
from sim.experiment.recommend_for import ForAll, recommend_for
from sim.experiment.replication import simulate
from sim.experiment.with_sleep import WithDelay
from sim.report.recommendation import render as render_one
from sim.report.recommendation_for import render
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario

SCENARIO = Scenario.model_validate(
    {
        "name": "by-hand",
        "replications": 20,
        "traffic": {"arrival_rate_rps": 40, "service_time_s": 0, "arrivals": "even"},
        "deployment": {"replicas": 4},
        "pod": {"startup_s": 5},
        "endpoints": {"propagation_s": 0},
        "controller": {"version": "fixed_lag", "deregistration_lag_s": 20, "registration_lag_s": 0},
        "target_group": {"alb_nodes": 1, "propagation_s": 10, "health_check": None},
        "blue_green": {"scale_down_delay_s": 12},
    }
)


def _found(*kinds: str) -> ForAll:
    with ThreadPoolExecutor(1) as executor:
        goal, precision = Goal(), Precision(within_s=1, at_most=20)
        return recommend_for(SCENARIO, kinds, goal, executor=executor, say=lambda _: None, precision=precision)


@pytest.mark.slow
def test_the_longest_need_decides() -> None:
    """A target leaves 30 s after its pod's deletion, or after the switch, which is 12 s before the deletion."""
    found = _found("blue_green", "rollout", "scale_in")
    sleeps = {kind: of_kind.least.value for kind, of_kind in found.by_kind.items()}
    assert sleeps == {"blue_green": 18, "rollout": 30, "scale_in": 30}
    assert found.decided_by == "rollout"
    assert found.sleep_s == found.settings["pod.pre_stop_sleep_s"] == 30
    assert found.settings["pod.termination_grace_period_s"] >= 32
    assert found.unmet == []
    assert "The rollout decides: it needs 30 s" in render(found, "table")
    record = json.loads(render(found, "json"))
    assert record["decided_by"] == "rollout"
    assert list(record["for"]) == ["blue_green", "rollout", "scale_in"]


def test_what_no_sleep_helps_against_is_refused() -> None:
    with pytest.raises(ScenarioError, match="no preStop sleep helps") as caught:
        _found("rollout", "crash", "eviction")
    assert len(caught.value.problems) == 2


def test_the_delay_is_the_answer_where_old_pods_have_one() -> None:
    """A target leaves 30 s after the switch. The pods' own sleep of 7 s covers a part, and the delay the rest."""
    scenario = SCENARIO.with_overrides({"disruption": "blue_green", "pod.pre_stop_sleep_s": 7})
    with ThreadPoolExecutor(1) as executor:
        found = recommend(scenario, executor=executor, precision=Precision(within_s=1, at_most=20))
    assert found.settings == {"blue_green.scale_down_delay_s": 23}
    assert (found.least.value, found.advised_s) == (23, 23)
    assert (found.miss(22).value, found.miss(23).value) == (1, 0)
    assert found.best.with_at_most(0).value == 1
    told = " ".join(render_one(found, (), "table").split())
    assert "23 s of scaleDownDelaySeconds would do for 20 simulated blue/green rollouts" in told
    assert "add up, to 30 s. With the delay as it is, 12 s, a preStop sleep of 18 s does it too" in told
    record = json.loads(render_one(found, (), "json"))
    assert record["least_delay_s"]["value"] == 23
    assert record["set"] == {"blue_green.scale_down_delay_s": 23.0}


@pytest.mark.parametrize("at_s", [22, 23])
def test_a_delay_of_so_much_does_what_was_found_with_a_sleep(at_s: int) -> None:
    delay = {"blue_green.scale_down_delay_s": at_s, "pod.pre_stop_sleep_s": 7, "disruption": "blue_green"}
    counts = simulate(SCENARIO.with_overrides(delay), estimator="sampled").requests.counts
    assert (counts.sum() == counts[Outcome.OK]) == (at_s == 23)


CANARY = {
    "disruption": "canary",
    "pod.pre_stop_sleep_s": 4,
    "deployment.sync_latency_s": 0,
    "controller.rule_lag_s": 7,
    "target_group.rule_propagation_s": 6,
}


@pytest.mark.slow
@pytest.mark.parametrize(("ping_pong", "needs_s"), [(True, 7 + 6), (False, 20 + 10)])
def test_a_canary_s_delay_outlasts_the_rule_and_without_ping_pong_the_deregistration(
    *, ping_pong: bool, needs_s: int
) -> None:
    """The old pods sleep for 4 s of it. One second less than the answer loses requests, the answer loses none."""
    steps = {"canary": {"steps": [{"weight": 50, "pause_s": 20}], "ping_pong": ping_pong}}
    scenario = SCENARIO.with_overrides(CANARY | steps)
    with ThreadPoolExecutor(1) as executor:
        found = recommend(scenario, executor=executor, precision=Precision(within_s=1, at_most=20))
    assert found.settings == {"canary.scale_down_delay_s": needs_s - 4}
    assert (found.miss(needs_s - 5).value, found.miss(needs_s - 4).value) == (1, 0)
    told = " ".join(render_one(found, (), "table").split())
    assert ("No preStop sleep replaces the delay." in told) == ping_pong
    assert ("Delay and preStop sleep add up, to 30 s." in told) != ping_pong
    for at_s, lost in ((needs_s - 5, True), (needs_s - 4, False)):
        tried = simulate(scenario.with_overrides({"canary.scale_down_delay_s": at_s}), estimator="sampled")
        assert bool(tried.requests.n_status(502)) == lost


@pytest.mark.slow
def test_the_delay_alone_keeps_targets_registered_until_the_rule_is_there() -> None:
    """A deleted pod's target leaves after 1 + 2 s, sleeping or not, and the rule is there after 7 + 6 s."""
    soon = {"controller.deregistration_lag_s": 1, "target_group.propagation_s": 2, "pod.pre_stop_sleep_s": 20}
    steps = {"canary": {"steps": [{"weight": 50, "pause_s": 20}], "ping_pong": True}}
    with ThreadPoolExecutor(1) as executor:
        found = recommend(
            SCENARIO.with_overrides(CANARY | steps | soon),
            executor=executor,
            precision=Precision(within_s=1, at_most=20),
        )
    assert found.is_met
    assert found.settings == {"canary.scale_down_delay_s": 13 - 3}
    assert found.needed_s == pytest.approx(13)
    assert found.best.with_at_most(0).value == 1


LAGS = {
    "controller.rule_lag_s": {"dist": "uniform", "low": 0, "high": 10},
    "controller.deregistration_lag_s": {"dist": "uniform", "low": 0, "high": 12},
    "target_group.rule_propagation_s": {"dist": "uniform", "low": 0, "high": 8},
    "target_group.propagation_s": {"dist": "uniform", "low": 0, "high": 8},
    "pod.pre_stop_sleep_s": 5,
}
DELAYED = {
    "blue/green": {"disruption": "blue_green"},
    "ping-pong": {"canary": {"steps": [{"weight": 50}], "ping_pong": True}},
    "without ping-pong": {"canary": {"steps": [{"weight": 50}]}},
    "listener's rule": {"canary": {"steps": [], "ping_pong": True}},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", DELAYED)
def test_each_rollout_s_delay_is_the_least_of_all_that_lose_nothing(kind: str) -> None:
    """Every delay is tried, each in a simulation of its own."""
    scenario = SCENARIO.with_overrides(CANARY | DELAYED[kind] | LAGS)
    key = f"{scenario.disruption}.scale_down_delay_s"
    need = partial(need_of, WithDelay(scenario, key), 0, 0.0, 60)
    needed_s = [need(number).least_s for number in range(6)]

    def loses(delay_s: int, number: int) -> bool:
        counts = simulate(scenario.with_overrides({key: delay_s}), replication=number, estimator="sampled")
        return counts.requests.counts.sum() > counts.requests.counts[Outcome.OK]

    lost = [[loses(delay_s, number) for delay_s in range(31)] for number in range(6)]
    assert needed_s == [by_delay.index(False) for by_delay in lost]
    assert all(sorted(by_delay, reverse=True) == by_delay for by_delay in lost), "more delay loses no more"
    assert len(set(needed_s)) > 2


@pytest.mark.slow
def test_a_canary_without_a_delay_is_answered_with_a_sleep() -> None:
    """With dynamicStableScale half of the old pods are deleted with the first weight.

    Deleted pods stay in their target group, which has the other half of the requests, until they are deregistered 20 +
    10 s later.
    """
    steps = {"canary": {"steps": [{"weight": 50, "pause_s": 20}], "ping_pong": True, "dynamic_stable_scale": True}}
    with ThreadPoolExecutor(1) as executor:
        found = recommend(
            SCENARIO.with_overrides(CANARY | steps), executor=executor, precision=Precision(within_s=1, at_most=20)
        )
    assert not found.delay_key
    assert found.settings["pod.pre_stop_sleep_s"] == 30


def test_a_scale_out_has_no_answer() -> None:
    with pytest.raises(ScenarioError, match="no pod ends in a scale-out"):
        recommend(SCENARIO.with_overrides({"disruption": "scale_out"}))

"""One sleep for several disruptions, by hand: with constant lags each need is arithmetic."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from sim.experiment.goal import Goal, Precision
from sim.experiment.recommend_for import ForAll, recommend_for
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


def test_the_longest_need_decides() -> None:
    """A target leaves 30 s after its pod's deletion, or after the switch, which is 12 s before the deletion."""
    found = _found("blue_green", "rollout", "scale_in")
    sleeps = {kind: of_kind.sleep.value for kind, of_kind in found.by_kind.items()}
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

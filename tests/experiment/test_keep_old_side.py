"""How long the old side of a switch is kept: against arithmetic by hand, and against simulated switches."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from albsim_tests.executors import InOrder
from scipy.stats import poisson

from sim.experiment.goal import Goal
from sim.experiment.keep_old_side import Keep, n_lost, recommend_keeping
from sim.report.keeping import render, span
from sim.scenario.specs import Scenario


def scenario(**switch: Any) -> Scenario:
    """Return a switch: a tenth of 100 requests a second hold the old address for 1,000 s on average, without memory."""
    law = {"record_ttl_s": 0, "stale_fraction": 0.1, "stale_s": {"dist": "exponential", "mean": 1000}}
    return Scenario.model_validate(
        {
            "name": "switch",
            "replications": 4,
            "traffic": {"arrival_rate_rps": 100},
            "deployment": {"replicas": 2},
            "controller": {"version": "fixed_lag", "deregistration_lag_s": 0},
            "target_group": {"propagation_s": 0, "health_check": None},
            "disruption": "cluster_switch",
            "cluster_switch": law | switch,
        }
    )


def test_what_is_lost_is_the_integral_of_the_share() -> None:
    """100 x 0.1 x 1,000 x exp(-t / 1,000)."""
    keep = Keep(scenario())
    assert keep.lost(0).tolist() == pytest.approx([10_000])
    assert keep.lost(3000).tolist() == pytest.approx([10_000 * math.exp(-3)])


def test_a_later_change_of_the_record_costs_as_much_later() -> None:
    assert Keep(scenario(record_change_s=500)).lost(3500).tolist() == pytest.approx([10_000 * math.exp(-3)])


def test_the_least_time_is_the_first_minute_with_few_enough() -> None:
    """The 95 % quantile of a Poisson number of that mean is at most 100."""
    minutes = round(Keep(scenario()).least_s(100, 0.95) / 60)
    chance = [poisson.cdf(100, 10_000 * math.exp(-60 * minute / 1000)) for minute in (minutes - 1, minutes)]
    assert chance[0] < 0.95 <= chance[1]


def test_nothing_is_enough_for_clients_that_never_look_up_again() -> None:
    keep = Keep(scenario(pinned_fraction=0.01))
    assert keep.least_s(100, 0.95) == math.inf
    assert keep.lost(60).tolist() == [math.inf]


def test_the_advised_time_holds_in_simulated_switches() -> None:
    found = recommend_keeping(scenario(), Goal(101), executor=InOrder(), say=lambda _: None)
    assert set(found.settings) == {"cluster_switch.old_pods_removed_at_s", "cluster_switch.old_alb_deleted_at_s"}
    (lost,) = {round(sum(n_lost(figures).values()), 6) for figures in found.best}
    (reckoned,) = found.keep.lost(found.least_s)
    # The pods take no request after they are deleted, of the last requests 1 % of 100 may come after the count.
    assert reckoned - 1.1 <= lost <= reckoned
    assert found.goals[101] == found.least_s
    assert json.loads(render(found, "json"))["set"] == found.settings
    assert f"Keep the old pods for {span(found.least_s)}" in render(found, "table")


@pytest.mark.parametrize(("time_s", "words"), [(0, "0 min"), (2100, "35 min"), (16_200, "4.5 h"), (432_000, "5 days")])
def test_times_have_the_unit_that_suits_them(time_s: float, words: str) -> None:
    assert span(time_s) == words

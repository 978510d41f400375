from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sim.experiment.recommend import Goal, Recommendation
from sim.experiment.rules import RULES
from sim.experiment.trial import Rollout, Trial
from sim.report.recommendation import render, sentence

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario


def trial(scenario: Scenario, *numbers_502: int, cause: str = "connect_refused") -> Trial:
    return Trial(scenario, tuple(Rollout({cause: n, "closed_in_flight": 0}, 60.0, 90.0, 8) for n in numbers_502))


def found(
    make_scenario: type, best: Trial, *, confirmed: Trial | None = None, is_met: bool = True, **settings: float
) -> Recommendation:
    return Recommendation(
        goal=Goal(),
        given=trial(make_scenario(), 100, 200),
        best=best,
        confirmed=best if confirmed is None else confirmed,
        settings={key.replace("__", "."): value for key, value in settings.items()},
        is_met=is_met,
        needed_s=30.5,
    )


def rendered(make_scenario: type, best: Trial, form: str, **settings: float) -> str:
    rules = [(RULES[2], trial(make_scenario(pod__pre_stop_sleep_s=10), 4, 0))]
    return render(found(make_scenario, best, **settings), rules, form)


def test_it_says_what_to_set(make_scenario: type) -> None:
    best = trial(make_scenario(pod__pre_stop_sleep_s=31), *[0] * 19, 5)
    said = sentence(found(make_scenario, best, pod__pre_stop_sleep_s=31, controller__aws_max_retries=2))

    assert said == (
        "Set pod.pre_stop_sleep_s to 31 and controller.aws_max_retries to 2 for under 1 502s per rollout in 95 % of "
        "rollouts: 19 of 20 simulated rollouts have so few (95 % interval 76.4 % to 99.1 %), and no shorter preStop "
        "sleep gives that. In as many other rollouts: 19 of 20 simulated rollouts have so few (95 % interval 76.4 % to "
        "99.1 %)."
    )


def test_it_says_if_other_rollouts_do_worse_than_those_it_was_chosen_for(make_scenario: type) -> None:
    best, confirmed = trial(make_scenario(), 0, 0), trial(make_scenario(), 0, 3)
    assert sentence(found(make_scenario, best, confirmed=confirmed)).endswith(
        "1 of 2 simulated rollouts have so few (95 % interval 9.45 % to 90.5 %). That is less than was asked for: more "
        "--replications would find a safer sleep."
    )


def test_it_says_that_nothing_need_change(make_scenario: type) -> None:
    assert sentence(found(make_scenario, trial(make_scenario(), 0, 0))).startswith(
        "Nothing need change for under 1 502s"
    )


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        ("keep_alive_race", "pod.keep_alive_timeout_s should be above target_group.idle_timeout_s"),
        ("connect_refused", "pods that end before their targets have left the ALB"),
    ],
)
def test_it_says_what_stands_in_the_way(make_scenario: type, cause: str, said: str) -> None:
    best = trial(make_scenario(pod__pre_stop_sleep_s=45), 3, 9, cause=cause)
    told = sentence(found(make_scenario, best, is_met=False))

    assert told.startswith("No preStop sleep gives under 1 502s per rollout in 95 % of rollouts. With 45 s, 0 of 2 ")
    assert "in 502s per rollout: 6.00 by " in told
    assert said in told
    assert "needs 30.5 s" in told


def test_the_tables_show_costs_and_rules(make_scenario: type) -> None:
    text = rendered(make_scenario, trial(make_scenario(pod__pre_stop_sleep_s=31), 0, 0), "table")
    lines = [" ".join(line.split()) for line in text.splitlines()]

    assert "preStop sleep (s) 0 31" in lines
    assert "502s per rollout, mean 150 0" in lines
    assert "most pods at once 8 8" in lines
    assert "sleep 10 10 30 300 2.00 50.0 % EKS Best Practices, current" in lines


def test_json_has_all_of_it(make_scenario: type) -> None:
    told = json.loads(rendered(make_scenario, trial(make_scenario(), 0, 4), "json", pod__pre_stop_sleep_s=31))

    assert told["set"] == {"pod.pre_stop_sleep_s": 31}
    assert told["recommended"]["responses.502"] == 2
    assert told["recommended"]["causes"] == {"connect_refused": 2}
    assert told["recommended"]["below_target"]["fraction"] == 0.5
    assert told["rules"][0]["rule"] == "sleep 10"

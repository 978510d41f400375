from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sim.experiment.goal import Goal
from sim.experiment.least_sleep import Need, Slowest
from sim.experiment.recommendation import Recommendation
from sim.experiment.rules import RULES
from sim.experiment.statistics import Estimate
from sim.experiment.trial import Rollout, Trial
from sim.report.pictures.sleep_curve import sleep_curve
from sim.report.recommendation import render
from sim.report.recommendation_words import sentences

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario

MEASURED = {"target_group__propagation_s": 5}


def trial(scenario: Scenario, *numbers: int, cause: str = "connect_refused") -> Trial:
    return Trial(scenario, tuple(Rollout({cause: n, "closed_in_flight": 0}, 60.0, 90.0, 8) for n in numbers))


def found(
    make_scenario: type,
    best: Trial,
    *,
    least: Estimate | None = None,
    is_met: bool = True,
    is_known: bool = True,
    goal: Goal | None = None,
    **settings: float,
) -> Recommendation:
    return Recommendation(
        goal=goal or Goal(),
        given=trial(make_scenario(), 100, 200),
        best=best,
        needs=tuple(Need(float(sleep_s), Slowest(sleep_s - 0.5, 24.0)) for sleep_s in range(12, 32)),
        least=least or Estimate(30, 28, 31),
        settings={key.replace("__", "."): value for key, value in settings.items()},
        is_met=is_met,
        is_known=is_known,
    )


def said(make_scenario: type, best: Trial, **changes: object) -> str:
    return " ".join(sentences(found(make_scenario, best, **changes)))


def rendered(make_scenario: type, best: Trial, form: str, **settings: float) -> str:
    rules = [
        (RULES[2], trial(make_scenario(pod__pre_stop_sleep_s=10), 4, 0)),
        (RULES[1], trial(make_scenario(pod__pre_stop_sleep_s=5), 9, 9)),
    ]
    return render(found(make_scenario, best, **settings), rules, form)


def test_it_says_what_to_set_and_how_sure_that_is(make_scenario: type) -> None:
    best = trial(make_scenario(pod__pre_stop_sleep_s=31, **MEASURED), *[0] * 19, 5)

    assert said(make_scenario, best, pod__pre_stop_sleep_s=31, controller__aws_max_retries=2) == (
        "Set pod.pre_stop_sleep_s to 31 and controller.aws_max_retries to 2 for no failed request in 95 % of rollouts. "
        "The least preStop sleep that does it is 30 s (95 % interval 28 to 31 s, 20 simulated rollouts); its upper end "
        "is advised. In fresh rollouts with these settings, 19 of 20 have none (95.0 %, 95 % interval 76.4 % to 99.1 "
        "%)."
    )


def test_it_says_if_fresh_rollouts_do_worse(make_scenario: type) -> None:
    assert said(make_scenario, trial(make_scenario(**MEASURED), 0, 3)).endswith("That is less than was asked for.")


def test_it_says_how_far_it_got(make_scenario: type) -> None:
    best = trial(make_scenario(**MEASURED), 0, 0)

    assert "its upper end is advised, though it is wider than was wanted" in said(make_scenario, best, is_known=False)
    assert "20 simulated rollouts, which are too few to bound it from above" in said(
        make_scenario, best, least=Estimate(30, 28, math.inf)
    )


def test_it_says_that_nothing_need_change(make_scenario: type) -> None:
    assert said(make_scenario, trial(make_scenario(), 0, 0)).startswith("Nothing need change for no failed request in")


@pytest.mark.parametrize(("target_502", "words"), [(0, "no failed"), (1, "no failed"), (150, "at most 149 failed")])
def test_it_says_the_target_as_a_sentence(make_scenario: type, target_502: float, words: str) -> None:
    assert f" for {words} request" in said(make_scenario, trial(make_scenario(), 0), goal=Goal(target_502))


def test_it_says_what_part_of_the_answer_is_an_assumption(make_scenario: type) -> None:
    """Unless the user has given the law, or nothing rests on it."""
    assumed = "Of the 29.5 s that the slowest pod of such a rollout stays in rotation, 24.0 s are an assumption"
    sleeping = {"pod__pre_stop_sleep_s": 31}

    assert assumed in said(make_scenario, trial(make_scenario(**sleeping), 0))
    assert "assumption" not in said(make_scenario, trial(make_scenario(**sleeping, **MEASURED), 0))
    assert "assumption" not in said(make_scenario, trial(make_scenario(), 0))


def test_it_warns_of_a_grace_period_of_67_minutes(make_scenario: type) -> None:
    long = trial(make_scenario(pod__termination_grace_period_s=67 * 60), 0)

    assert "A grace period of 67 minutes is longer than some drains wait" in said(make_scenario, long)
    assert "minutes" not in said(make_scenario, trial(make_scenario(), 0))


@pytest.mark.parametrize(
    ("cause", "start", "reason"),
    [
        ("keep_alive_race", "No preStop sleep attains", "pod.keep_alive_timeout_s should be above target_group.idle_"),
        ("connect_refused", "No preStop sleep attains", "pods that end before their targets have left the ALB"),
        ("idle_timeout", "No setting attains", "requests that are longer than the ALB holds them"),
        ("old_address_unreachable", "No preStop sleep attains", "requests that end as old_address_unreachable"),
    ],
)
def test_it_says_what_stands_in_the_way(make_scenario: type, cause: str, start: str, reason: str) -> None:
    best = trial(make_scenario(pod__pre_stop_sleep_s=45), 3, 9, cause=cause)
    told = said(make_scenario, best, is_met=False, least=Estimate(math.inf, math.inf, math.inf))

    assert told.startswith(f"{start} no failed request in 95 % of rollouts")
    assert "With 45 s, 0 of 2 have none" in told
    assert "in failed requests per rollout: 6.00 by " in told
    assert reason in told
    assert "needs 29.5 s" in told


def test_it_says_nothing_of_obstacles_where_none_was_met(make_scenario: type) -> None:
    """No sleep was enough for the rollouts of the search, and the fresh ones have no failed request."""
    never = {"is_met": False, "least": Estimate(math.inf, math.inf, math.inf)}
    told = said(make_scenario, trial(make_scenario(pod__pre_stop_sleep_s=45), 0, 0), **never)
    assert told == (
        "No preStop sleep attains no failed request in 95 % of rollouts. With 45 s, 2 of 2 have none (100 %, 95 % "
        "interval 34.2 % to 100 %). The slowest pod of a rollout needs 29.5 s."
    )


def test_the_tables_show_costs_the_curve_and_rules(make_scenario: type) -> None:
    text = rendered(make_scenario, trial(make_scenario(pod__pre_stop_sleep_s=31), 0, 0), "table")
    lines = [" ".join(line.split()) for line in text.splitlines()]

    assert "preStop sleep (s) 0 31" in lines
    assert "502s per rollout, mean 150 0" in lines
    assert "503s and 504s per rollout, mean 0 0" in lines
    assert "most pods at once 8 8" in lines
    assert "21 50.0 % 29.9 % to 70.1 %" in lines
    assert "31 0 % 0 % to 16.1 %" in lines
    first = lines.index("sleep 5 5 30 300 9.00 0 %")
    assert lines[first + 1 : first + 4] == ["cloudpilot.ai", "sleep 10 10 30 300 2.00 50.0 %", RULES[2].source]
    assert first > lines.index("31 0 % 0 % to 16.1 %"), "the rules come last"


def test_an_assumption_is_said_in_the_second_sentence(make_scenario: type) -> None:
    """Nothing is known of `propagation_s` but its default; the slowest pods' share of it is 24 s in each rollout."""
    best = trial(make_scenario(pod__pre_stop_sleep_s=31), 0, 0)
    first, second, *_ = sentences(found(make_scenario, best, pod__pre_stop_sleep_s=31))
    assert first == "Set pod.pre_stop_sleep_s to 31 for no failed request in 95 % of rollouts."
    assert "24.0 s are an assumption. This target_group.propagation_s is" in second


def test_of_a_node_drain_it_says_so(make_scenario: type) -> None:
    drain = make_scenario(disruption="node_drain", node_drain__nodes=1, node_drain__pods_per_node=2)
    given = replace(found(make_scenario, trial(drain, 0, 0)), given=trial(drain, 100, 200))
    assert "95 % of node drains" in render(given, [], "table")
    assert "rollout" not in render(given, [], "table")


def test_json_has_all_of_it(make_scenario: type) -> None:
    told = json.loads(rendered(make_scenario, trial(make_scenario(), 0, 4), "json", pod__pre_stop_sleep_s=31))

    assert told["set"] == {"pod.pre_stop_sleep_s": 31}
    assert told["least_sleep_s"] == {"value": 30, "ci95": [28, 31], "rollouts": 20}
    assert told["curve"][0] == {
        "pod.pre_stop_sleep_s": 0,
        "miss": {"fraction": 1, "ci95": pytest.approx([0.839, 1], abs=1e-3)},
    }
    assert told["recommended"]["responses.502"] == 2
    assert told["recommended"]["causes"] == {"connect_refused": 2}
    assert told["recommended"]["below_target"]["fraction"] == 0.5
    assert [rule["rule"] for rule in told["rules"]] == ["sleep 5", "sleep 10"]


def test_the_picture_falls_from_every_rollout_to_none(make_scenario: type) -> None:
    (axes,) = sleep_curve(found(make_scenario, trial(make_scenario(pod__pre_stop_sleep_s=31), 0))).axes
    curve, allowed, advised = axes.get_lines()

    assert dict(zip(curve.get_xdata(), curve.get_ydata(), strict=True)) == pytest.approx(
        {sleep_s: 100 * min(20, 31 - sleep_s) / 20 for sleep_s in range(32)} | {32: 0}
    )
    assert list(allowed.get_ydata()) == pytest.approx([5, 5])
    assert list(advised.get_xdata()) == [31, 31]

from __future__ import annotations

import math

import pytest
from albsim_tests.reports import summary

from sim.experiment.figures import ANY_502, RATE_502, RESPONSES, SPREAD_502, Figures
from sim.experiment.statistics import Estimate, Spread, spread
from sim.report.answer import headline, so_far

SOME = {
    SPREAD_502: Spread(Estimate(8, 0, 11), Estimate(31, 20, 60), Estimate(12.0, -3.0, 27.0), 0.1, 5),
    RATE_502: Estimate(0.012, 0.0, 0.03),
    ANY_502: Estimate(0.25, 0.09, 0.53),
}


def test_it_says_how_often_then_how_many_then_the_mean() -> None:
    assert headline(summary(SOME)) == (
        "Of 12 rollouts, 25.0 % (95 % interval: 9.00 to 53.0 %) had a 502. The median rollout has 8.00 (95 % interval: "
        "0 to 11.0), and one of 20 more than 31.0 (95 % interval: 20.0 to 60.0). On average a rollout has 12.0 (95 % "
        "interval: 0 to 27.0), 1.20 % of all requests."
    )


def test_what_is_expected_is_a_probability() -> None:
    said = headline(summary(SOME, estimator="expected"))
    assert said.startswith("A rollout has a 502 with a probability of 25.0 % (95 % interval: 9.00 to 53.0 %). The ")


def test_a_mean_that_one_rollout_makes_is_said_to_be_one() -> None:
    said = headline(summary(SOME | {SPREAD_502: spread([0.0] * 8 + [10, 20, 30, 940])}))
    assert said.endswith(
        "one of 20 more than 940 (95 % interval: from 22.7 on; more rollouts would bound it). On average a rollout has "
        "83.3, 1.20 % of all requests. 12 rollouts are too few for an interval: one of them makes 94.0 % of the mean, "
        "and an interval takes some 227."
    )


def test_none_seen_is_not_none_ever() -> None:
    assert headline(summary()) == (
        "No request ended in a 502 in 12 rollouts: with 95 % confidence at most 24.2 % of rollouts have any."
    )


@pytest.mark.parametrize("any_502", [0.0, 5e-7])
def test_what_is_negligible_is_not_expected(any_502: float) -> None:
    said = headline(summary({ANY_502: Estimate(any_502, 0.0, 0.25)}, estimator="expected"))
    assert said == (
        "No 502 is to be expected in 12 rollouts: with 95 % confidence at most 25.0 % of rollouts have any."
    )


def test_what_fails_otherwise_is_told_beside_no_502() -> None:
    others = {RESPONSES[503]: Estimate(0.4, 0.0, 1.0), RESPONSES[504]: Estimate(2940.0, 2900.0, 2980.0)}
    assert headline(summary(others)).endswith(
        "of rollouts have any. Of the other requests 2,940 get a 504, on average."
    )


def test_one_rollout_has_no_interval() -> None:
    one = {SPREAD_502: spread([3.0]), ANY_502: Estimate(1.0, math.nan, math.nan)}
    assert headline(summary(SOME | one, replications=1)) == (
        "Of 1 rollout, 100 % had a 502. The rollout has 3.00. Of all requests 1.20 % ended so."
    )


@pytest.mark.parametrize(
    ("had_any", "said"),
    [
        ([], "mine"),
        ([1.0, 0.0], "mine: 502s in 50.0 % of rollouts"),
        ([1.0] * 5 + [0.0] * 15, "mine: 502s in 25.0 % of rollouts (11.2 % to 46.9 %)"),
    ],
)
def test_what_is_known_so_far_has_an_interval_from_20_rollouts_on(had_any: list[float], said: str) -> None:
    """Wilson's interval of 5 of 20, by hand: (5 + 1.92) / 23.84 ± 1.96 · sqrt(3.75 + 0.96) / 23.84."""
    assert so_far("mine", [Figures({ANY_502.name: value}, "sampled") for value in had_any], "rollout") == said

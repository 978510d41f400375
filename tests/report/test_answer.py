from __future__ import annotations

import math

import pytest

from sim.experiment.figures import ANY_502, RATE_502, RESPONSES
from sim.experiment.statistics import Estimate
from sim.report.answer import headline
from tests.report.making import summary

SOME = {
    RESPONSES[502]: Estimate(12.0, -3.0, 27.0),
    RATE_502: Estimate(0.012, 0.0, 0.03),
    ANY_502: Estimate(0.25, 0.09, 0.53),
}


def test_it_says_how_many_and_how_often() -> None:
    assert headline(summary(SOME)) == (
        "12.0 502s per rollout (95 % interval: 0 to 27.0), 1.20 % of its requests; "
        "25.0 % of 12 rollouts had any (95 % interval: 9.00 to 53.0 %)."
    )


def test_what_is_expected_is_a_probability() -> None:
    said = headline(summary(SOME, estimator="expected"))
    assert said.endswith("; a rollout has any with a probability of 25.0 % (95 % interval: 9.00 to 53.0 %).")


def test_none_seen_is_not_none_ever() -> None:
    assert headline(summary()) == (
        "No request ended in a 502 in 12 rollouts: with 95 % confidence at most 24.2 % of rollouts have any."
    )


@pytest.mark.parametrize("any_502", [0.0, 5e-7])
def test_what_is_negligible_is_not_expected(any_502: float) -> None:
    said = headline(summary({ANY_502: Estimate(any_502, 0.0, 1e-6)}, estimator="expected"))
    assert said == "No 502 is to be expected: a rollout has any with a probability below 0.0001 %."


def test_one_rollout_has_no_interval() -> None:
    one = Estimate(3.0, math.nan, math.nan)
    said = headline(summary(SOME | {RESPONSES[502]: one}, replications=1))
    assert said.startswith("3.00 502s per rollout, 1.20 % of its requests; ")

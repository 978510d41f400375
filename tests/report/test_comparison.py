from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sim.experiment.compare import Comparison, Difference
from sim.experiment.paired import PairedSpread
from sim.experiment.statistics import Estimate
from sim.report.comparison import render, sentence

if TYPE_CHECKING:
    from sim.experiment.estimators import Estimator

NAN = float("nan")


def difference(
    figure: str, first: float, second: float, low: float, high: float, *, needed: int = 1, is_identical: bool = False
) -> Difference:
    estimate = Estimate(second - first, low, high)
    return Difference(
        figure=figure, first=first, second=second, difference=estimate, needed=needed, is_identical=is_identical
    )


SAME = difference("any_502", 1, 1, 0, 0, is_identical=True)
SELDOMER = difference("any_502", 0.975, 0.1, -0.945, -0.733)
FEWER = difference("responses.502", 5590, 1710, -3950, -3800)
PAIRS = PairedSpread(
    median=Estimate(-3890, -3960, -3810),
    more=0,
    fewer=40,
    p_value=2 / 2**40,
    mean=Estimate(-3880, -3950, -3800),
    largest_share=0.03,
    needed=3,
)


def comparison(
    any_502: Difference = SELDOMER,
    of_502: Difference = FEWER,
    pairs: PairedSpread = PAIRS,
    *,
    estimator: Estimator = "expected",
    replications: int = 40,
) -> Comparison:
    others = (
        difference("outcomes.idle_timeout", 0, 0, 0, 0, is_identical=True),
        difference("rollout_s", 60, 60, 0, 0, is_identical=True),
    )
    return Comparison(
        first="one",
        second="two",
        disruptions=("rollout", "rollout"),
        seed=7,
        replications=replications,
        estimator=estimator,
        of_502=pairs,
        differences=(any_502, of_502, *others),
    )


def test_first_comes_the_chance_then_the_median_pair_then_the_mean() -> None:
    names, how_often, in_pairs, on_average, counted = sentence(comparison()).splitlines()
    assert names == "A is one, B is two: 40 pairs of rollouts with the same draws, seed 7."
    assert how_often == (
        "A rollout of A has a 502 with a probability of 97.5 %, one of B with 10.0 %: 87.5 points fewer, and that is "
        "real (95 % interval: 73.3 to 94.5 fewer)."
    )
    assert in_pairs == (
        "In the median pair B - A is -3,890 502s (95 % interval: -3,960 to -3,810); B has more in 0 of 40 pairs and "
        "fewer in 40, which is real (sign test: p below 1e-06)."
    )
    assert on_average == (
        "On average A has 5,590 502s per rollout, B 1,710: 3,880 fewer (95 % interval of B - A: -3,950 to -3,800)."
    )
    assert counted == "Requests: expected values, given the control plane's acts (estimator: expected)."


@pytest.mark.parametrize(
    ("any_502", "said"),
    [
        (SELDOMER, "Of A's rollouts 97.5 % had a 502, of B's 10.0 %: 87.5 points fewer, and that is real"),
        (
            difference("any_502", 0.1, 0.5, 0.1, 0.6),
            "40.0 points more, and that is real (95 % interval: 10.0 to 60.0 more)",
        ),
        (
            difference("any_502", 0.4, 0.5, -0.1, 0.3),
            "that may be chance (95 % interval of B - A: -10.0 to 30.0 points). More replications would tell.",
        ),
        (SAME, "Of A's rollouts 100 % had a 502, of B's 100 %: the same in every pair of rollouts."),
        (difference("any_502", 1 - 1e-13, 1, 1e-13, 1e-13), "of B's 100 %: no difference worth naming."),
        (difference("any_502", 0, 1, NAN, NAN), "that may be chance (95 % interval of B - A: unknown points)."),
    ],
)
def test_how_often_of_drawn_requests(any_502: Difference, said: str) -> None:
    assert said in sentence(comparison(any_502, estimator="sampled")).splitlines()[1]


def test_a_mean_that_one_pair_makes_has_no_interval() -> None:
    heavy = replace(
        PAIRS, more=22, fewer=18, p_value=0.636, mean=Estimate(-3880, NAN, NAN), largest_share=0.81, needed=950
    )
    _, _, in_pairs, on_average, *_ = sentence(comparison(SAME, pairs=heavy)).splitlines()
    assert "B has more in 22 of 40 pairs and fewer in 18, which may be chance (sign test: p = 0.636)." in in_pairs
    assert on_average.endswith(
        "3,880 fewer. 40 pairs are too few for an interval: one of them makes 81.0 % of the whole difference, and it "
        "takes some 950 pairs."
    )


def test_the_same_502s_in_each_pair_need_one_sentence() -> None:
    lines = sentence(comparison(SAME, difference("responses.502", 4, 4, 0, 0, is_identical=True))).splitlines()
    assert lines[1].endswith(": the same in every pair of rollouts.")
    assert len(lines) == 3


def test_one_pair_gives_no_intervals() -> None:
    one = PairedSpread(
        median=Estimate(1, -math.inf, math.inf),
        more=1,
        fewer=0,
        p_value=1.0,
        mean=Estimate(1, NAN, NAN),
        largest_share=1.0,
        needed=1,
    )
    _, _, in_pairs, on_average, *_ = sentence(
        comparison(SAME, difference("responses.502", 4, 5, NAN, NAN), one, replications=1)
    ).splitlines()
    assert in_pairs == "In the only pair B - A is 1.00 502s. One pair cannot tell whether that is chance."
    assert on_average == "On average A has 4.00 502s per rollout, B 5.00: 1.00 more."


def test_the_table() -> None:
    assert render(comparison(), "table").splitlines()[-5:] == [
        "figure             A      B   B - A  95 % interval",
        "any_502        0.975  0.100  -0.875  -0.945 to -0.733, real",
        "responses.502  5,590  1,710  -3,880  -3,950 to -3,800, real",
        "",
        "The same in every pair: rollout_s.",
    ]


def test_scenarios_with_different_disruptions_are_named_by_their_own() -> None:
    drained = replace(comparison(), disruptions=("rollout", "node_drain"))
    names, how_often, *_ = sentence(drained).splitlines()
    assert "40 pairs of disruptions" in names
    assert how_often.startswith("A rollout of A has a 502 with a probability of 97.5 %, a node drain of B with 10.0 %")
    drawn = sentence(replace(drained, estimator="sampled")).splitlines()[1]
    assert drawn.startswith("Of A's rollouts 97.5 % had a 502, of B's node drains 10.0 %")


def test_the_table_gives_no_interval_that_is_not_to_be_trusted() -> None:
    heavy = difference("responses.502", 5590, 1710, -3950, -3800, needed=950)
    assert render(comparison(of_502=heavy), "table").splitlines()[-3].endswith("-3,880  it takes some 950 pairs")


def test_markdown_has_the_same_rows() -> None:
    lines = render(comparison(), "markdown").splitlines()
    assert lines[6:8] == ["| figure | A | B | B - A | 95 % interval |  |", "| :-- | --: | --: | --: | --: | :-- |"]
    assert lines[9] == "| responses.502 | 5,590 | 1,710 | -3,880 | -3,950 to -3,800 | real |"


def test_json_and_csv_carry_every_figure() -> None:
    told = json.loads(render(comparison(of_502=difference("responses.502", 4, 5, NAN, NAN)), "json"))
    rows = list(csv.DictReader(render(comparison(), "csv").splitlines()))

    assert (told["a"], told["b"], told["seed"], told["replications"], told["estimator"]) == (
        "one",
        "two",
        7,
        40,
        "expected",
    )
    assert told["figures"][1] == {
        "figure": "responses.502",
        "a": 4,
        "b": 5,
        "difference": 1,
        "low": None,
        "high": None,
        "verdict": "open",
        "replications_for_mean": 1,
    }
    assert told["responses_502"] == {
        "median": {"difference": -3890, "low": -3960, "high": -3810},
        "sign_test": {"more": 0, "fewer": 40, "p_value": 2 / 2**40},
        "mean": {"difference": -3880, "low": -3950, "high": -3800},
        "largest_share": 0.03,
        "replications_for_mean": 3,
    }
    assert [row["figure"] for row in rows] == ["any_502", "responses.502", "outcomes.idle_timeout", "rollout_s"]
    assert rows[1]["difference"] == "-3880"

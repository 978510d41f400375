from __future__ import annotations

import csv
import json

import pytest

from sim.experiment.compare import Comparison, Difference
from sim.experiment.statistics import Estimate
from sim.report.comparison import render, sentence

NAN = float("nan")


def difference(
    figure: str, first: float, second: float, low: float, high: float, *, is_identical: bool = False
) -> Difference:
    estimate = Estimate(second - first, low, high)
    return Difference(figure=figure, first=first, second=second, difference=estimate, is_identical=is_identical)


def comparison(of_502: Difference) -> Comparison:
    others = (
        difference("outcomes.idle_timeout", 0, 0, 0, 0, is_identical=True),
        difference("rollout_s", 60, 60, 0, 0, is_identical=True),
    )
    return Comparison(
        first="one", second="two", seed=7, replications=40, estimator="expected", differences=(of_502, *others)
    )


FEWER = difference("responses.502", 5590, 1710, -3950, -3800)


@pytest.mark.parametrize(
    ("of_502", "said"),
    [
        (
            FEWER,
            (
                "A has 5,590 502s per rollout, B 1,710: 3,880 fewer, and that is real (95 % interval 3,800 to 3,950 "
                "fewer)."
            ),
        ),
        (difference("responses.502", 1, 5, 3, 5), "4.00 more, and that is real (95 % interval 3.00 to 5.00 more)."),
        (
            difference("responses.502", 4, 5, -1, 3),
            "that may be chance (B - A -1.00 to 3.00). More replications would tell.",
        ),
        (difference("responses.502", 4, 5, NAN, NAN), "that may be chance (B - A unknown)."),
        (difference("responses.502", 4, 4, 0, 0, is_identical=True), "no difference, in no pair of rollouts."),
    ],
)
def test_the_sentence(of_502: Difference, said: str) -> None:
    assert said in sentence(comparison(of_502))
    assert sentence(comparison(of_502)).endswith(
        "A is one, B is two; 40 pairs of rollouts with the same draws, seed 7.\n"
        "Requests: expected values, given what the control plane did (estimator: expected)."
    )


def test_the_table() -> None:
    assert render(comparison(FEWER), "table").splitlines()[4:] == [
        "figure             A      B   B - A     95 % interval",
        "responses.502  5,590  1,710  -3,880  -3,950 to -3,800  real",
        "rollout_s       60.0   60.0       0            0 to 0  no difference at all",
    ]


def test_markdown_has_the_same_rows() -> None:
    lines = render(comparison(FEWER), "markdown").splitlines()
    assert lines[4:6] == ["| figure | A | B | B - A | 95 % interval |  |", "| :-- | --: | --: | --: | --: | :-- |"]
    assert lines[6] == "| responses.502 | 5,590 | 1,710 | -3,880 | -3,950 to -3,800 | real |"


def test_json_and_csv_carry_every_figure() -> None:
    told = json.loads(render(comparison(difference("responses.502", 4, 5, NAN, NAN)), "json"))
    rows = list(csv.DictReader(render(comparison(FEWER), "csv").splitlines()))

    assert (told["a"], told["b"], told["seed"], told["replications"], told["estimator"]) == (
        "one",
        "two",
        7,
        40,
        "expected",
    )
    assert told["figures"][0] == {
        "figure": "responses.502",
        "a": 4,
        "b": 5,
        "difference": 1,
        "low": None,
        "high": None,
        "verdict": "open",
    }
    assert [row["figure"] for row in rows] == ["responses.502", "outcomes.idle_timeout", "rollout_s"]
    assert rows[0]["difference"] == "-3880"

"""The table of waits."""

from __future__ import annotations

import csv
import io
import json

import pytest

from sim.control_plane.aws.retryers import RETRYERS
from sim.report.backoff import FORMATS, backoff_rows, render


def test_a_schedule_without_jitter_has_one_column_for_the_wait() -> None:
    rows = backoff_rows(RETRYERS["published"], 7)
    assert [list(row.values()) for row in rows] == [
        [1, 1, 1],
        [2, 1, 2],
        [3, 2, 4],
        [4, 7, 11],
        [5, 15, 26],
        [6, 30, 56],
        [7, 61, 117],
    ]
    assert list(rows[0]) == ["retry", "wait_s", "cumulative_s"]


def test_a_jittered_policy_has_the_ends_and_the_mean_of_each() -> None:
    last = backoff_rows(RETRYERS["aws-sdk-go-1.12"], 7)[-1]
    assert last == {
        "retry": 7,
        "wait_low_s": 32,
        "wait_mean_s": 48,
        "wait_high_s": 64,
        "cumulative_low_s": 63.5,
        "cumulative_mean_s": 95.25,
        "cumulative_high_s": 127,
    }


@pytest.mark.parametrize("name", RETRYERS)
def test_the_sums_are_the_sums_of_the_waits(name: str) -> None:
    rows = backoff_rows(RETRYERS[name], 7)
    for column in (column for column in rows[0] if column.startswith("wait")):
        summed = column.replace("wait", "cumulative")
        assert rows[-1][summed] == pytest.approx(sum(row[column] for row in rows))


def test_every_format_says_the_same() -> None:
    rows = backoff_rows(RETRYERS["aws-sdk-go-v2"], 3)
    text = {form: render(rows, form) for form in FORMATS}
    assert json.loads(text["json"]) == rows
    cells = [[f"{value:g}" for value in row.values()] for row in rows]
    assert list(csv.reader(io.StringIO(text["csv"])))[1:] == cells
    assert [line.split() for line in text["table"].splitlines()][1:] == cells
    assert [line.strip("| ").split(" | ") for line in text["markdown"].splitlines()][2:] == cells


def test_the_table_of_the_talk_as_printed() -> None:
    assert render(backoff_rows(RETRYERS["published"], 7), "table").splitlines() == [
        "retry  wait_s  cumulative_s",
        "    1       1             1",
        "    2       1             2",
        "    3       2             4",
        "    4       7            11",
        "    5      15            26",
        "    6      30            56",
        "    7      61           117",
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_no_retries_give_an_empty_table(form: str) -> None:
    text = render(backoff_rows(RETRYERS["published"], 0), form)
    assert text == "[]" if form == "json" else text.startswith(("retry", "| retry"))

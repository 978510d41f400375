from __future__ import annotations

import pytest

from sim.scenario.problems import ScenarioError
from sim.scenario.variations import parse_variation


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("k=0,10,20", [0, 10, 20]),
        ("k=40", [40]),
        ("k = 1.5, 2e1", [1.5, 20.0]),
        ("k=v1.1.4,v1.1.9", ["v1.1.4", "v1.1.9"]),
        ("k=25%,3", ["25%", 3]),
        ("k=null,8,true", [None, 8, True]),
        ("k={dist: uniform, low: 1, high: 2},5", [{"dist": "uniform", "low": 1, "high": 2}, 5]),
        ("k=0:20:10", [0, 10, 20]),
        ("k=0:25:10", [0, 10, 20]),
        ("k=5:5:1", [5]),
        ("k=0:0.3:0.1", [0, 0.1, 0.2, 0.3]),
        ("k=-1:1:1", [-1, 0, 1]),
    ],
)
def test_values(text: str, values: list[object]) -> None:
    assert parse_variation(text) == ("k", values)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a,b=0/20,20/40", [[0, 20], [20, 40]]),
        ("a,b=[0,20],[20,40]", [[0, 20], [20, 40]]),
        ("a,b=0:20:10/20:40:10", [[0, 20], [10, 30], [20, 40]]),
        ("a,b=v1.1.4/null", [["v1.1.4", None]]),
        ("a,b,c=1/2.5/x", [[1, 2.5, "x"]]),
    ],
)
def test_values_of_keys_that_move_together(text: str, values: list[object]) -> None:
    assert parse_variation(text) == (text.partition("=")[0], values)


def test_whole_steps_are_whole_numbers() -> None:
    assert [type(value) for value in parse_variation("k=0:1:0.5")[1]] == [int, float, int]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("k", "no key"),
        ("=1", "no key"),
        ("k=", "no values"),
        ("k=1:5:0", "a STEP above 0"),
        ("k=5:1:1", "a STOP from START on"),
        ("k=0:1e9:1", "at most 100000 values"),
        ("k=0:1000000000:1", "at most 100000 values"),
        ("a,b=0:20:10/0:40:10", "ranges with as many values each (got 3 and 5)"),
        ("k={dist: uniform", "values in YAML"),
        ("k=1]", "values in YAML"),
    ],
)
def test_what_is_no_variation_is_refused(text: str, said: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        parse_variation(text)

    assert str(raised.value).startswith(f"--vary {text}: ")
    assert said in str(raised.value)

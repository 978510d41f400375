from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sim.experiment.grid import cells, grid
from sim.scenario.distributions import Exponential
from sim.scenario.problems import ScenarioError

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario


def test_every_combination_is_a_point_and_the_last_key_changes_fastest(fixed_lag: Scenario) -> None:
    whole = grid(fixed_lag, {"deployment.replicas": [2, 4], "pod.pre_stop_sleep_s": [0, 10, 20]})

    given = [(point.deployment.replicas, point.pod.pre_stop_sleep_s) for point in whole.points]
    assert given == [(2, 0), (2, 10), (2, 20), (4, 0), (4, 10), (4, 20)]
    assert whole.columns == {
        "deployment.replicas": (2, 2, 2, 4, 4, 4),
        "pod.pre_stop_sleep_s": (0, 10, 20, 0, 10, 20),
    }


def test_without_keys_the_scenario_is_the_one_point(fixed_lag: Scenario) -> None:
    whole = grid(fixed_lag, {})

    assert whole.points == (fixed_lag,)
    assert whole.columns == {}


def test_any_key_can_be_varied(make_scenario: type) -> None:
    laws = [3, {"dist": "lognormal", "median": 10, "p95": 20}, Exponential(mean=4)]
    whole = grid(make_scenario(), {"controller.version": ["v1.1.4", "v1.1.9"], "target_group.propagation_s": laws})

    assert [point.controller.version for point in whole.points[::3]] == ["v1.1.4", "v1.1.9"]
    means = [point.target_group.propagation_s.mean() for point in whole.points[:3]]
    assert means == pytest.approx([3, 10 * np.exp((np.log(2) / 1.6448536269514722) ** 2 / 2), 4])


def test_values_of_numpy_are_plain_ones(fixed_lag: Scenario) -> None:
    whole = grid(fixed_lag, {"pod.pre_stop_sleep_s": np.arange(0, 3)})

    assert [type(cell) for cell in whole.columns["pod.pre_stop_sleep_s"]] == [int, int, int]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2.5], [1, 2.5]),
        ([True, False], [True, False]),
        (["v1.1.4", "v1.1.9"], ["v1.1.4", "v1.1.9"]),
        ([1, "25%"], ["1", "25%"]),
        ([None, 8], ["null", "8"]),
        ([True, 1], ["true", "1"]),
        ([2, {"dist": "exponential", "mean": 3}], ["2", '{"dist": "exponential", "mean": 3}']),
    ],
)
def test_a_column_is_of_one_type(values: list[object], expected: list[object]) -> None:
    assert cells(values) == expected


def test_every_problem_of_every_point_is_said_at_once(fixed_lag: Scenario) -> None:
    with pytest.raises(ScenarioError) as raised:
        grid(fixed_lag, {"deployment.replicas": [0, 2, -1], "pod.pre_stop_slep_s": [1]})

    said = str(raised.value)
    assert "did you mean 'pod.pre_stop_sleep_s'?" in said
    assert "(got 0)" in said
    assert "(got -1)" in said


def test_a_problem_of_every_point_is_said_once(fixed_lag: Scenario) -> None:
    with pytest.raises(ScenarioError) as raised:
        grid(fixed_lag, {"typo": [0, 10, 20], "deployment.replicas": [2, 4]})

    assert [str(problem) for problem in raised.value.problems] == [str(raised.value)]
    assert str(raised.value).startswith("typo: unknown key")


def test_keys_that_move_together_are_one_dimension(fixed_lag: Scenario) -> None:
    together = "pod.pre_stop_sleep_s, pod.termination_grace_period_s"
    whole = grid(fixed_lag, {together: [[0, 20], (40, 60)], "deployment.replicas": [2, 4]})

    assert [(point.pod.pre_stop_sleep_s, point.pod.termination_grace_period_s) for point in whole.points] == [
        (0, 20),
        (0, 20),
        (40, 60),
        (40, 60),
    ]
    assert whole.columns == {
        "pod.pre_stop_sleep_s": (0, 0, 40, 40),
        "pod.termination_grace_period_s": (20, 20, 60, 60),
        "deployment.replicas": (2, 4, 2, 4),
    }


@pytest.mark.parametrize(
    ("key", "values", "said"),
    [
        ("seed, pod.pre_stop_sleep_s", [[1, 2], [3]], "expected 2 values, one for each of these keys (got 1 values)"),
        ("seed, pod.pre_stop_sleep_s", [1], "expected 2 values, one for each of these keys (got 1)"),
        ("seed, seed", [[1, 2]], "seed: varied twice"),
        ("replications, seed", [[1, 2]], "use --replications"),
        ("replications", [1, 2], "use --replications"),
        ("sweep", [{}], "a point of a sweep is no sweep"),
        ("pod.pre_stop_sleep_s", [1, 2, 1], "different values (got 1 twice)"),
        ("pod.pre_stop_sleep_s", [], "one or more different values (got none)"),
    ],
)
def test_what_cannot_be_varied_is_refused(fixed_lag: Scenario, key: str, values: list[object], said: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        grid(fixed_lag, {key: values})

    assert said in str(raised.value)

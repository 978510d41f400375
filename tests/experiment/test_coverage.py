"""Of 200 seeds' intervals, how many contain the value of all rollouts, on the very laws that the scenarios have.

The coverage that is seen has a standard deviation of 1.5 points where 95 % is true: four of them are allowed.
"""

from __future__ import annotations

import pytest

from tests.experiment.coverage import SEEDS, banks, coverage, drawn, rollouts, table

LEAST = 0.95 - 4 * 0.0154


@pytest.mark.parametrize("n", [20, 50, 100, 200])
@pytest.mark.parametrize("name", ["gree-200-pods", "gree-200-pods-4-retries"])
def test_where_one_rollout_makes_the_mean_no_interval_is_given_and_quantiles_hold(name: str, n: int) -> None:
    seen = coverage(name, drawn(rollouts(name)[0].size, n, SEEDS))

    assert seen["mean, always"] < LEAST or n >= 100, "Student's interval alone would do"
    assert seen["given"] <= 0.01
    assert seen["median"] >= LEAST
    assert seen["95 % quantile"] >= LEAST
    assert seen["any 502"] >= LEAST
    assert seen["bounded"] == (n >= 72)


@pytest.mark.parametrize("n", [20, 50, 100, 200])
@pytest.mark.parametrize("name", ["baseline", "manifest-defaults"])
def test_where_all_rollouts_are_alike_the_mean_has_its_interval(name: str, n: int) -> None:
    seen = coverage(name, drawn(rollouts(name)[0].size, n, SEEDS))

    assert seen["given"] >= 0.85
    assert seen["mean, where given"] >= LEAST
    assert seen["median"] >= LEAST


def test_the_table_has_a_line_for_each_bank_and_number_of_rollouts() -> None:
    assert len(list(table(banks(), seeds=1))) == 2 + 4 * 5

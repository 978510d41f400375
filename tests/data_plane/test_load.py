from __future__ import annotations

import numpy as np
import pytest
from albsim_tests.data_plane import EVER, NEVER

from sim.data_plane import load as module
from sim.data_plane.load import Load, load_of
from sim.data_plane.rotation import Rotation
from sim.scenario.distributions import Exponential, Uniform

STEPS = Load(np.array([-4.0, 0, 3, 10]), np.array([1.0, 5, 2]))


def test_requests_between_two_times_are_the_area_under_the_steps() -> None:
    assert STEPS.requests([-4, 0, -1, 2, EVER], [0, 3, 1, 5, NEVER]).tolist() == [4, 15, 6, 9, 33]


def test_an_empty_interval_has_none() -> None:
    assert STEPS.requests([5, 3], [5, 1]).tolist() == [0, 0]


def by_hand(law: Exponential | Uniform, from_s: float, until_s: float, end_s: float) -> float:
    """Return the load by the midpoint rule over the definition.

    Rate times the probability that a service outlasts the end.
    """
    at_s = np.linspace(from_s, until_s, 400_001)
    middle_s = (at_s[1:] + at_s[:-1]) / 2
    rps = np.select([middle_s < -4, middle_s < 0, middle_s < 3, middle_s < 10], [0, 1, 5, 2], 0)
    return float(np.sum(rps * law.sf(end_s - middle_s)) * (at_s[1] - at_s[0]))


@pytest.mark.parametrize(
    "law", [Exponential(dist="exponential", mean=2), Uniform(dist="uniform", low=1, high=5)], ids=["exp", "uniform"]
)
def test_outliving_is_the_integral_of_the_survival_function(law: Exponential | Uniform) -> None:
    from_s, until_s = np.array([-9.0, 0.5, 2, 4, 9]), np.array([12.0, 2.5, 9, 4, 1])
    end_s = np.array([12.0, 6, 9, 5, 9])
    got = STEPS.outliving(law, 1e3, from_s, until_s, end_s)
    expected = [by_hand(law, *row) for row in zip(from_s[:3], until_s[:3], end_s[:3], strict=True)]
    assert got == pytest.approx([*expected, 0, 0], rel=1e-5)


def test_the_parts_in_which_it_is_added_up_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    law = Exponential(dist="exponential", mean=2)
    from_s = np.linspace(-5, 9, 57)
    whole = STEPS.outliving(law, 30, from_s, from_s + 1, from_s + 1.5)
    monkeypatch.setattr(module, "_MOST_PAIRS", 3)
    assert STEPS.outliving(law, 30, from_s, from_s + 1, from_s + 1.5).tolist() == whole.tolist()


def test_each_of_n_targets_gets_an_nth_and_nobody_what_has_no_target() -> None:
    rotation = Rotation(np.array([0, 1, 1], np.int32), np.array([EVER, 2, 6]), np.array([4, 5, 8.0]))
    edge_s = np.array([0.0, 2, 4, 5, 6, 8, 9])
    to_each, nowhere = load_of(rotation, 10.0, edge_s, np.array([1, 1, 1, 1, 0.5, 1]))
    assert Load(edge_s, to_each).requests(edge_s[:-1], edge_s[1:]).tolist() == [20, 10, 10, 0, 10, 0]
    assert nowhere.tolist() == [0, 0, 0, 10, 0, 10]

"""A check passes if and only if its interval holds the theory."""

from __future__ import annotations

import math

import pytest

from sim.experiment.statistics import Estimate
from sim.verification.checks import Check, of_fraction, of_mean, of_value, of_violations


def check(theory: float, value: float, low: float, high: float) -> Check:
    return Check("claim", "settings", theory, Estimate(value, low, high))


@pytest.mark.parametrize(
    ("theory", "interval", "passed"),
    [
        (5.0, (4.0, 6.0), True),
        (4.0, (4.0, 6.0), True),
        (6.0, (4.0, 6.0), True),
        (3.999, (4.0, 6.0), False),
        (6.001, (4.0, 6.0), False),
        (5.0, (math.nan, math.nan), False),
        (math.nan, (4.0, 6.0), False),
    ],
)
def test_the_interval_decides(theory: float, interval: tuple[float, float], *, passed: bool) -> None:
    assert check(theory, 5.0, *interval).passed is passed


def test_how_far_off_it_is() -> None:
    assert check(7.0, 5.0, 4.0, 6.0).off == -2
    assert check(7.0, 5.0, 4.0, 6.0).off_halfwidths == -2
    assert check(4.5, 5.0, 4.0, 8.0).off_halfwidths == 0.5
    assert check(5.0, 5.0, 5.0, 5.0).off_halfwidths == 0
    assert check(0.0, 3.0, 3.0, 3.0).off_halfwidths == math.inf


def test_a_mean_s_interval_is_student_s() -> None:
    """Four values with mean 2.5, standard error 0.6455; t with 3 degrees of freedom at 99.99 % is 28.00 (tables)."""
    made = of_mean("claim", "settings", 2.5, [1, 2, 3, 4])
    assert made.measured.high == pytest.approx(2.5 + 28.000 * 0.645497, rel=1e-4)
    assert not of_mean("claim", "settings", 117.0, [118.0, 118.0]).passed
    assert of_mean("claim", "settings", 117.0, [117.0, 117.0 + 1e-10]).passed


def test_one_draw_is_no_evidence() -> None:
    assert not of_mean("claim", "settings", 1.0, [1.0]).passed


def test_a_fraction_that_never_happens_in_a_thousand_trials() -> None:
    assert of_fraction("claim", "settings", 0.001, [False] * 1000).passed
    assert not of_fraction("claim", "settings", 0.02, [False] * 1000).passed


def test_what_is_not_drawn_must_be_equal() -> None:
    assert of_value("claim", "settings", 30.9, 30.9 + 1e-9).passed
    assert not of_value("claim", "settings", 30.9, 30.9 + 1e-6).passed


def test_one_violation_fails_and_so_does_to_have_looked_at_nothing() -> None:
    assert of_violations("claim", "settings", [True] * 9).passed
    assert of_violations("claim", "settings", [True] * 9 + [False]).off == 1
    assert not of_violations("claim", "settings", [True] * 9 + [False]).passed
    assert not of_violations("claim", "settings", []).passed

"""Observed counts against simulated ones: ranks by hand, and how often a true and a false model are called false."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sim.records.against import CLASSES, _compared, _repetition, holm, rank_p
from sim.records.fit import WIDTH, Fit, read_fit
from sim.scenario.problems import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from sim.scenario.specs import Scenario

    MakeScenario = Callable[..., Scenario]


def test_ranks_by_hand() -> None:
    simulated = np.array([1.0, 2.0, 2.0, 3.0])
    assert rank_p(0, simulated) == pytest.approx(2 * 0.5 / 5)  # the lowest of five; it ties with itself
    assert rank_p(2, simulated) == 1.0
    assert rank_p(3, simulated) == pytest.approx(2 * 1 / 5)
    assert rank_p(0, np.zeros(239)) == 1.0
    assert rank_p(1, np.zeros(239)) == pytest.approx(1 / 240)


def test_ranks_of_the_same_law_are_uniform() -> None:
    rng = np.random.default_rng(1)
    ps = np.array([rank_p(one[0], one[1:]) for one in rng.standard_normal((2000, 100))])
    for level in (0.05, 0.2, 0.5):
        assert np.mean(ps <= level) == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 2000) + 0.01)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_what_never_occurs_is_no_class_to_correct_for() -> None:
    counts, simulated = np.zeros(len(CLASSES)), np.zeros((239, len(CLASSES)))
    counts[0] = 7
    found = _compared(counts, simulated)
    assert found["reset"].p_holm == found["reset"].p == pytest.approx(1 / 240)
    assert found["idle_timeout"].p_holm == 1.0


def test_parameters_are_drawn_as_wide_as_their_intervals(make_scenario: MakeScenario) -> None:
    law = {"dist": "lognormal", "median": 10.0, "p95": 20.0}
    fit = Fit(
        {
            "target_group.propagation_s": {"value": law, "ci95": {"median": [9.0, 11.1], "p95": [17.0, 23.5]}},
            "traffic.arrival_rate_rps": {"value": 100.0, "ci95": [96.0, 104.0]},
            "target_group.alb_nodes": {"value": 3, "ci95": None},
        }
    )
    drawn = [fit.drawn_for(make_scenario(), replication) for replication in range(400)]
    rates = np.array([one.traffic.arrival_rate_rps for one in drawn])
    assert rates.mean() == pytest.approx(100, abs=4 * 8 / WIDTH / 20)
    assert rates.std() == pytest.approx(8 / WIDTH, rel=0.2)
    laws = [one.target_group.propagation_s.model_dump() for one in drawn]
    medians, p95s = (np.log([law[name] for law in laws]) for name in ("median", "p95"))
    assert medians.std() == pytest.approx(np.log(11.1 / 9) / WIDTH, rel=0.2)
    assert p95s.std() == pytest.approx(np.log(23.5 / 17) / WIDTH, rel=0.2)
    assert {one.target_group.alb_nodes for one in drawn} == {3}


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"measured": 1}', '{"measured": {"a": {}}}', "\x00"])
def test_a_fit_that_is_none(content: str, tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    path.write_text(content)
    with pytest.raises(ScenarioError, match="albsim calibrate --format json"):
        read_fit(path)


def test_a_measured_value_of_no_scenario(tmp_path: Path, make_scenario: MakeScenario) -> None:
    path = tmp_path / "fit.json"
    path.write_text(json.dumps({"measured": {"traffic.arrival_rate": {"value": 3}}}))
    with pytest.raises(ScenarioError, match="arrival_rate_rps"):
        read_fit(path).drawn_for(make_scenario(), 0)


def called_false(observed: NDArray[np.float64], simulated: NDArray[np.float64]) -> float:
    """Return how often a model is called false, of many observations of one rollout each."""
    found = (_compared(counts, simulated) for counts in observed)
    return float(np.mean([any(one.p_holm < 0.05 for one in classes.values()) for classes in found]))


@pytest.mark.slow
def test_a_true_model_is_seldom_called_false_and_a_false_one_mostly(make_scenario: MakeScenario) -> None:
    """200 rollouts of 20 pods: at 5 % some 10 are called false, 20 at most but once in a thousand (binomial)."""
    truth = make_scenario(deployment__replicas=20, pod__pre_stop_sleep_s=10, controller__version="v2.8")
    too_short = {"dist": "lognormal", "median": 10 / 1.5, "p95": 20 / 1.5}
    false = truth.with_overrides({"target_group.propagation_s": too_short})
    observed = np.array([_repetition(truth, None, 1, number) for number in range(1000, 1200)])
    by_truth, by_false = (
        np.array([_repetition(model, None, 1, number) for number in range(239)]) for model in (truth, false)
    )
    assert called_false(observed, by_truth) <= 0.1
    assert called_false(observed, by_false) > 0.5

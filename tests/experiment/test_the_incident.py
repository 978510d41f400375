"""What the talk tells, out of the mechanism, over enough rollouts: `pytest -m thorough`."""

from __future__ import annotations

import pytest

from sim.experiment.figures import ANY_502, RESPONSES
from sim.experiment.replications import replicate
from sim.experiment.summary import Summary, summarise
from sim.scenario.loading import load_scenario

pytestmark = pytest.mark.thorough


def summary_of(name: str) -> Summary:
    scenario = load_scenario(f"scenarios/{name}.yaml").with_overrides({"replications": 200})
    return summarise(scenario, list(replicate(scenario, None, estimator="expected")))


def test_502s_become_likelier_with_the_pods() -> None:
    any_502 = [summary_of(f"gree-{pods}-pods")[ANY_502] for pods in (10, 50, 200, 400)]
    assert [estimate.value for estimate in any_502] == sorted(estimate.value for estimate in any_502)
    assert any_502[0].high < any_502[-1].low


def test_four_retries_take_away_nine_tenths_of_them() -> None:
    ten, four = summary_of("gree-200-pods"), summary_of("gree-200-pods-4-retries")
    assert four[RESPONSES[502]].value <= 0.1 * ten[RESPONSES[502]].value

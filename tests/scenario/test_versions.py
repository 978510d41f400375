"""Oracle: docs/facts/controller.md §2 and §4, and the SDK's own words: 0 attempts are any number."""

from __future__ import annotations

import pytest

from sim.scenario.problems import ScenarioError
from sim.scenario.versions import release, retries


@pytest.mark.parametrize(
    ("version", "flag", "expected"),
    [
        ("v1.1.4", 10, 10),
        ("v1.1.9", 0, 0),
        ("v2.8.0", 10, 10),
        ("v2.8.3", 0, 0),
        ("v2.9", 10, 9),
        ("v2.9.0", 1, 0),
        ("v3.0.0", 2, 1),
        ("v2.9.0", 0, None),
        ("v3.2", 0, None),
    ],
)
def test_the_flag_counts_retries_and_since_2_9_attempts(version: str, flag: int, expected: int | None) -> None:
    assert retries(version, flag) == expected


def test_a_first_release_may_be_named_without_its_patch() -> None:
    assert release("v2.4") == release("v2.4.0") == (2, 4, 0)
    assert release("v2.13.4") > release("v2.9.1")


def test_with_fixed_lags_nothing_is_retried(make_scenario) -> None:
    assert make_scenario(controller__version="fixed_lag", controller__deregistration_lag_s=1).controller.retries == 0


def test_published_has_waits_for_eight_attempts_but_not_for_any_number(make_scenario) -> None:
    published = {"aws_api__retryer": "published", "controller__version": "v2.9"}
    assert make_scenario(**published, controller__aws_max_retries=8).controller.retries == 7
    with pytest.raises(ScenarioError, match="waits for 8 retries"):
        make_scenario(**published, controller__aws_max_retries=9)
    with pytest.raises(ScenarioError, match="waits for retries without end"):
        make_scenario(**published, controller__aws_max_retries=0)

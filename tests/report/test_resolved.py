from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from sim.report.resolved import LONGEST, as_yaml, differences
from sim.scenario.loading import load_scenario
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_what_is_written_loads_as_an_equal_scenario(path: Path) -> None:
    scenario = load_scenario(path)
    assert Scenario.model_validate(yaml.safe_load(as_yaml(scenario))) == scenario


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_differences_are_all_there_is_to_say(path: Path) -> None:
    scenario = load_scenario(path)
    bare = {"name": scenario.name, "traffic": {"arrival_rate_rps": 1}, "deployment": {"replicas": 1}}
    changes = {difference.key: yaml.safe_load(difference.value) for difference in differences(scenario)}
    about = {"description", "seed", "replications", "sweep"}
    rebuilt = Scenario.model_validate(bare).with_overrides(changes)
    assert rebuilt.model_dump(exclude=about) == scenario.model_dump(exclude=about)


def test_a_key_with_its_default_is_no_difference(make_scenario: Callable[..., Scenario]) -> None:
    given = make_scenario(pod__pre_stop_sleep_s=0, controller__aws_max_retries=4, pod__startup_s=20)
    assert differences(given) == [
        ("traffic.arrival_rate_rps", "100", "required"),
        ("deployment.replicas", "4", "required"),
        ("controller.aws_max_retries", "4", "10"),
    ]


def test_distributions_are_as_one_writes_them(make_scenario: Callable[..., Scenario]) -> None:
    law = {"dist": "lognormal", "median": 10.0, "p95": 20.0, "max": 60.0}
    scenario = make_scenario(pod__startup_s={"dist": "constant", "value": 5}, endpoints__propagation_s=law)
    assert differences(scenario)[2:] == [
        ("pod.startup_s", "5", "20"),
        (
            "endpoints.propagation_s",
            "{dist: lognormal, max: 60, median: 10, p95: 20}",
            "{dist: lognormal, median: 0.05, p99: 0.5}",
        ),
    ]


def test_a_long_value_is_cut_in_the_differences_only(make_scenario: Callable[..., Scenario]) -> None:
    scenario = make_scenario(pod__startup_s={"dist": "empirical", "values": [1.25] * 100})
    (difference,) = differences(scenario)[2:]
    assert len(difference.value) == LONGEST + 1
    assert as_yaml(scenario).count("1.25") == 100


def test_a_key_that_the_default_has_not_and_a_null(make_scenario: Callable[..., Scenario]) -> None:
    scenario = make_scenario(aws_api__background_calls_per_s={"elbv2_describe": 3}, target_group__health_check=None)
    background, check = differences(scenario)[2:]
    assert background == ("aws_api.background_calls_per_s.elbv2_describe", "3", "none")
    assert check[:2] == ("target_group.health_check", "null")

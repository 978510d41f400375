"""Changes from the command line are made before a file is validated, and messages say where a value is from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.scenario.loading import load_scenario
from sim.scenario.problems import ScenarioError

if TYPE_CHECKING:
    from pathlib import Path

MINIMAL = "name: x\ntraffic: {arrival_rate_rps: 100}\ndeployment: {replicas: 4}\n"
SEVERAL = (
    "name: x\ntraffic: {arrival_rate_rps: 100}\ndeployment: {replicas: 4, rolled_at_once: 3}\n"
    "controller: {ingresses: 1}\n"
)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("name: x\ndeployment: {replicas: 4}\n", {"traffic.arrival_rate_rps": 100}),
        (f"{MINIMAL}pod: {{pre_stop_sleep_s: -1}}\n", {"pod.pre_stop_sleep_s": 3}),
        (f"{MINIMAL}controller: {{version: fixed_lag}}\n", {"controller.deregistration_lag_s": 3}),
        (f"{MINIMAL}aws_api: {{other_clusters: [{{ingresses: 0}}]}}\n", {"aws_api.other_clusters.0.ingresses": 1}),
        (SEVERAL, {"controller.ingresses": 3}),
    ],
)
def test_a_change_repairs_what_is_wrong_or_missing(tmp_path: Path, text: str, changes: dict[str, object]) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError):
        load_scenario(path)

    assert load_scenario(path, changes).name == "x"


@pytest.mark.parametrize(
    ("text", "changes", "said"),
    [
        (SEVERAL, {"controller.ingresses": 2}, "the command line: controller.ingresses: expected at least 3"),
        (MINIMAL, {"pod.pre_stop_sleep_s": -1}, "the command line: pod.pre_stop_sleep_s: expected a number"),
        (MINIMAL, {"pod.typo": 1}, "the command line: pod.typo: unknown key"),
        (MINIMAL, {"seed.x": 1}, "the command line: seed: expected a whole number"),
        (MINIMAL, {"aws_api.other_clusters.0.x": 3}, "the command line: aws_api.other_clusters: expected a list"),
        (f"{MINIMAL}pod: {{startup_s: -1}}\n", {"pod.pre_stop_sleep_s": 1}, "x.yaml:4: pod.startup_s: expected"),
    ],
)
def test_messages_show_the_value_in_force_and_where_it_is_from(
    tmp_path: Path, text: str, changes: dict[str, object], said: str
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"{text}seed: 1\n")
    with pytest.raises(ScenarioError) as raised:
        load_scenario(path, changes)

    (message,) = str(raised.value).splitlines()
    assert said in message


def test_a_file_s_own_problems_are_said_beside_the_changes(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"{MINIMAL}pod: {{startup_s: -1}}\n")
    with pytest.raises(ScenarioError) as raised:
        load_scenario(path, {"pod.pre_stop_sleep_s": -2})

    assert [problem.file for problem in raised.value.problems] == [str(path), "the command line"]

"""The files that a scenario names: measured values as a stranger writes them, and nothing from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.scenario.loading import load_scenario
from sim.scenario.problems import ScenarioError

if TYPE_CHECKING:
    from pathlib import Path

MINIMAL = "name: x\ntraffic: {arrival_rate_rps: 100}\ndeployment: {replicas: 4}\n"
LINE = "root:x:0:0"


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """Name a scenario in a directory of its own, with measured lags beside it and a secret above it."""
    (tmp_path / "secret").write_text(f"{LINE}\n")
    (tmp_path / "above.yaml").write_text(MINIMAL)
    directory = tmp_path / "here"
    directory.mkdir()
    (directory / "plain.csv").write_text("3\n5\n")
    (directory / "headed.CSV").write_text("lag_s\n3\n5\n")
    (directory / "table.csv").write_text('pod,"lag, s",node\na,3,n1\n"b, too",5,n2\n')
    return directory / "x.yaml"


@pytest.mark.parametrize(
    "law",
    [
        "plain.csv",
        "headed.CSV",
        "{csv: plain.csv}",
        "{file: plain.csv}",
        "{path: headed.CSV}",
        "{dist: empirical, file: plain.csv}",
        "{file: table.csv, column: 'lag, s'}",
        "{dist: empirical, csv: table.csv, column: 'lag, s'}",
    ],
)
def test_measured_lags_as_they_are_written_by_a_stranger(scenario: Path, law: str) -> None:
    scenario.write_text(f"{MINIMAL}controller: {{version: fixed_lag, deregistration_lag_s: {law}}}\n")

    lag = load_scenario(scenario).controller.deregistration_lag_s
    assert lag is not None
    assert lag.mean() == 4


@pytest.mark.parametrize(
    ("law", "said"),
    [
        ("{file: table.csv}", "one of 'pod', 'lag, s', 'node' (got none); the file has several columns"),
        ("table.csv", "write {file: table.csv, column: 'node'}, or another of them"),
        ("{dist: empirical, values: plain.csv}", "expected a list of values (got 'plain.csv'); write file: plain.csv"),
        ("{file: table.csv, column: lags}", "deregistration_lag_s.column: expected a column of"),
        ("{file: table.csv, column: pod}", "table.csv:2: 'a')"),
        ("{file: table.csv, column: 3}", "expected the name of a column (got 3)"),
        ("{file: plain.csv, csv: plain.csv}", "expected values or csv (got csv and file)"),
        ("{file: [plain.csv]}", "expected the name of a CSV file (got a list)"),
        ("{file: plain.csv, colum: x}", "unknown key; did you mean"),
        ("none.csv", "none.csv: No such file or directory"),
    ],
)
def test_what_is_wrong_with_measured_lags_is_said(scenario: Path, law: str, said: str) -> None:
    scenario.write_text(f"{MINIMAL}controller: {{version: fixed_lag, deregistration_lag_s: {law}}}\n")

    with pytest.raises(ScenarioError) as raised:
        load_scenario(scenario)
    assert said in str(raised.value)
    assert "x.yaml:4" in str(raised.value)


@pytest.mark.parametrize("name", ["../secret", "{absolute}", "link"])
@pytest.mark.parametrize(
    "line", ["extends: {name}", "pod: {{startup_s: {{csv: {name}}}}}", "sweep: {{pod.startup_s: [{{file: {name}}}]}}"]
)
def test_a_file_from_elsewhere_is_not_read(scenario: Path, line: str, name: str) -> None:
    secret = scenario.parents[1] / "secret"
    (scenario.parent / "link").symlink_to(secret)
    scenario.write_text(MINIMAL + line.format(name=name.format(absolute=secret)) + "\n")

    with pytest.raises(ScenarioError) as raised:
        load_scenario(scenario)
    assert "expected a file below" in str(raised.value)
    assert LINE not in str(raised.value)


def test_a_root_allows_what_is_below_it(scenario: Path) -> None:
    scenario.write_text("extends: ../above.yaml\nseed: 3\n")
    with pytest.raises(ScenarioError, match="--root"):
        load_scenario(scenario)

    assert load_scenario(scenario, root=scenario.parents[1]).seed == 3


def test_a_manifest_of_kubernetes_is_called_one(scenario: Path) -> None:
    scenario.write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n")

    with pytest.raises(ScenarioError) as raised:
        load_scenario(scenario)
    (problem,) = raised.value.problems
    assert (problem.line, problem.found) == (2, "a Kubernetes manifest, kind 'Deployment'")

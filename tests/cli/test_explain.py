"""The command `explain`: a story, a picture, a trace; nothing written if the input was wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sim.cli import main
from sim.experiment.replication import simulate
from sim.scenario.loading import load_scenario

SCENARIOS = Path(__file__).parents[2] / "scenarios"
FIXED_LAG = str(SCENARIOS / "fixed-lag.yaml")


def _explain(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["explain", FIXED_LAG, *arguments])


def test_the_story_of_a_pod_dead_for_ten_seconds() -> None:
    told = _explain().stdout
    assert "10.0 s exposed" in told
    assert "fixed-lag, seed 3, replication 0" in told


def test_pictures_and_traces(tmp_path: Path) -> None:
    files = [tmp_path / "story.png", tmp_path / "trace.json"]
    result = _explain("--gantt", str(files[0]), "--perfetto", str(files[1]))
    assert result.exit_code == 0
    assert files[0].read_bytes().startswith(b"\x89PNG")
    assert json.loads(files[1].read_text())["traceEvents"]


def test_the_worst_replication_has_the_most_502s_as_run_counts_them() -> None:
    lags = ("--set", "controller.deregistration_lag_s={dist: uniform, low: 1, high: 60}")
    scenario = load_scenario(FIXED_LAG, {"controller.deregistration_lag_s": {"dist": "uniform", "low": 1, "high": 60}})
    every = [simulate(scenario, replication=number).figures().responses(502) for number in range(5)]
    told = json.loads(_explain("--replications", "5", "--format", "json", *lags, "--worst", "--workers", "1").stdout)
    assert told["replication"] == every.index(max(every))
    assert every.index(max(every)) > 0
    assert len(set(every)) == 5


@pytest.mark.parametrize("arguments", [("--replication", "-1"), ("--gantt", "story.bmp"), ("--format", "xml")])
def test_wrong_input(arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = _explain(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert not list(tmp_path.iterdir())

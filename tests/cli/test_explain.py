"""The command `explain`: a story, a picture, a trace; nothing written if the input was wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sim.cli import main

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


def test_the_worst_replication_has_the_most_502s() -> None:
    few = ("--replications", "5", "--format", "json")

    def n_502(*arguments: str) -> int:
        outcomes = json.loads(_explain(*few, *arguments).stdout)["outcomes"]
        return outcomes["connect_refused"] + outcomes["closed_in_flight"]

    every = [n_502("--replication", str(number)) for number in range(5)]
    assert n_502("--worst", "--workers", "1") == max(every)
    assert len(set(every)) > 1


@pytest.mark.parametrize("arguments", [("--replication", "-1"), ("--gantt", "story.bmp"), ("--format", "xml")])
def test_wrong_input(arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = _explain(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert not list(tmp_path.iterdir())

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sim.cli import main
from sim.diagnosis.findings import findings
from sim.experiment.replication import simulate
from sim.report.answer import answer
from sim.scenario.loading import load_scenario

SCENARIOS = Path(__file__).parents[2] / "scenarios"
FIGURES = ("causes", "deregistration-lag", "responses-502")
_STORY = re.compile(
    r"^(?P<name>\S+)\n.*The worst, replication (?P<worst>\d+), with drawn requests: (?P<told>[^\n]*)", re.DOTALL
)
FILES = ["results.md", *(f"figures/{name}.{suffix}" for name in FIGURES for suffix in ("csv", "svg"))]


def albsim(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["results", *map(str, arguments)])


def _write(directory: Path) -> dict[str, bytes]:
    """Write a directory's results; give all that was written."""
    before = set(directory.rglob("*"))
    assert albsim(directory, "--replications", "3", "--workers", "1").exit_code == 0
    written = [path for path in directory.rglob("*") if path.is_file() and path not in before]
    return {str(path.relative_to(directory)): path.read_bytes() for path in written}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """Return a directory with two scenarios and their results, and what was written into it."""
    directory = tmp_path_factory.mktemp("results")
    for name in ("fixed-lag.yaml", "black-hole.yaml"):
        shutil.copy(SCENARIOS / name, directory)
    return directory, _write(directory)


@pytest.fixture
def written(results: tuple[Path, dict[str, bytes]], tmp_path: Path) -> Path:
    return shutil.copytree(results[0], tmp_path / "written")


@pytest.mark.slow
@pytest.mark.parametrize("directory", [SCENARIOS, SCENARIOS / "field"], ids=lambda path: path.name)
def test_the_committed_results_are_what_the_code_gives(directory: Path) -> None:
    """If this fails, behaviour changed: rewrite them with `albsim results DIR` and review the difference."""
    result = albsim(directory, "--check")
    assert result.exit_code == 0, result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("directory", ["capacity", "progressive", "scaling", "switch"])
def test_each_committed_story_is_what_the_code_tells_of_its_replication(directory: str) -> None:
    """All replications of these would take minutes: one of each scenario is simulated anew."""
    page = (SCENARIOS / directory / "results.md").read_text(encoding="utf-8")
    told = [_STORY.search(section) for section in page.split("\n### ")[1:]]
    scenarios = {one.name: one for one in map(load_scenario, (SCENARIOS / directory).glob("*.yaml"))}
    assert sorted(story["name"] for story in told if story) == sorted(scenarios)
    for story in told:
        assert story
        result = simulate(scenarios[story["name"]], replication=int(story["worst"]), estimator="sampled")
        assert answer(findings(result)) == story["told"], story["name"]


@pytest.mark.slow
def test_every_scenario_is_on_the_page(results: tuple[Path, dict[str, bytes]]) -> None:
    files = results[1]
    assert sorted(files) == sorted(FILES)
    page = files["results.md"].decode()
    assert "### black-hole" in page
    assert "3 rollouts, seed 11, requests sampled" in page  # it has no expectation
    assert "3 rollouts, seed 3, requests expected" in page
    lags = list(csv.DictReader(files["figures/deregistration-lag.csv"].decode().splitlines()))
    assert [lag["scenario"] for lag in lags] == ["black-hole", "fixed-lag"]
    assert lags[1] == {"scenario": "fixed-lag", "pre_stop_sleep_s": "0"} | dict.fromkeys(
        ("p50", "p90", "p99", "max"), "10"
    )


@pytest.mark.slow
def test_the_same_scenarios_give_the_same_bytes(results: tuple[Path, dict[str, bytes]], written: Path) -> None:
    for name in results[1]:
        (written / name).unlink()
    assert _write(written) == results[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("results.md", "10.0 | 10.0 |", "10.0 | 10.1 |"),
        ("figures/deregistration-lag.csv", "fixed-lag,0,10", "fixed-lag,0,9"),
    ],
)
def test_a_number_that_differs_is_shown(written: Path, name: str, old: str, new: str) -> None:
    text = (written / name).read_text(encoding="utf-8")
    assert old in text
    (written / name).write_text(text.replace(old, new), encoding="utf-8")
    result = albsim(written, "--check", "--replications", "3", "--workers", "1")
    assert result.exit_code == 2
    assert f"`albsim results {written}` rewrites them" in result.stderr
    removed, added = (
        next(line for line in result.stderr.splitlines() if line[0:2] == start) for start in _starts(name)
    )
    assert (new in removed, old in added) == (True, True)


def _starts(name: str) -> tuple[str, str]:
    return ("-|", "+|") if name.endswith(".md") else ("-f", "+f")


@pytest.mark.slow
def test_a_changed_scenario_and_a_missing_picture_are_found_and_nothing_is_written(written: Path) -> None:
    (written / "figures" / "causes.svg").unlink()
    scenario = written / "fixed-lag.yaml"
    scenario.write_text(
        scenario.read_text(encoding="utf-8").replace("registration_lag_s: 10", "registration_lag_s: 12"),
        encoding="utf-8",
    )
    before = {path: path.read_bytes() for path in written.rglob("*") if path.is_file()}
    result = albsim(written, "--check", "--replications", "3", "--workers", "1")
    assert result.exit_code == 2
    assert "causes.svg is missing" in result.stderr
    assert "+fixed-lag,0,12,12,12,12" in result.stderr
    assert {path: path.read_bytes() for path in written.rglob("*") if path.is_file()} == before


def test_a_directory_without_scenarios_is_refused(tmp_path: Path) -> None:
    result = albsim(tmp_path)
    assert result.exit_code == 2
    assert "expected a directory with scenarios" in result.stderr
    assert list(tmp_path.iterdir()) == []

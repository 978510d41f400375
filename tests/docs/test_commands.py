"""Every `albsim …` that stands in a fenced block of a page is one that albsim takes. Nothing is simulated.

Options and commands are parsed by click itself; a scenario's file must be there, and keys of --set and --vary must be
ones of a scenario. A reader's own files are stood in for by `scenarios/manifest-defaults.yaml` and empty directories.
"""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path

import click
import pytest

from sim.cli import main
from sim.experiment.grid import grid
from sim.scenario.loading import load_scenario
from sim.scenario.problems import ScenarioError
from sim.scenario.variations import parse_assignment, parse_variation

PAGES = [*sorted(Path("docs").glob("*.md")), Path("README.md"), Path("scenarios/README.md"), Path("CONTRIBUTING.md")]
SYNOPSES = Path("docs/interface.md")
OWN_DIRECTORIES = ("records", "logs")
STAND_IN = Path("scenarios/manifest-defaults.yaml")
WRONG = (click.ClickException, KeyError, ScenarioError)


def commands(text: str) -> list[list[str]]:
    """Return the words of each albsim command in the fenced blocks of a page, `albsim` itself left out."""
    found = []
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            words = shlex.shlex(_unfolded(line.removeprefix("$ ")), posix=True, punctuation_chars=True)
            words.whitespace_split = True
            for is_operator, part in itertools.groupby(words, key=lambda word: set(word) <= set("|&;<>")):
                program, *arguments = part
                if not is_operator and Path(program).name == "albsim":
                    found.append(arguments)
    return found


def _unfolded(line: str) -> str:
    """Return a line in which `a-{b,c}.yaml` is `a-b.yaml a-c.yaml`, as a shell reads it."""
    return re.sub(
        r"(\S*)\{([^{}\s]*,[^{}\s]*)\}(\S*)",
        lambda folded: " ".join(f"{folded[1]}{one}{folded[3]}" for one in folded[2].split(",")),
        line,
    )


WRITTEN = [(page, words) for page in PAGES if page != SYNOPSES for words in commands(page.read_text(encoding="utf-8"))]


def check(words: list[str]) -> None:
    """Parse a command, and the keys that it changes, in the directory of the pages."""
    name, *arguments = words
    with main.commands[name].make_context(name, arguments) as context:
        given = context.params
    files = [file for file in given.get("scenario_files", ()) if file != "-"]
    changes = dict(map(parse_assignment, given.get("assignments", ())))
    for file in files:
        scenario = load_scenario(file if file.startswith("scenarios/") else STAND_IN, changes)
        grid(scenario, dict(map(parse_variation, given.get("variations") or ())) or {"seed": [1]})


@pytest.fixture
def beside_the_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "scenarios").symlink_to(Path("scenarios").resolve())
    for name in OWN_DIRECTORIES:
        (tmp_path / name).mkdir()
    for _, words in WRITTEN:
        for word in words:
            if re.fullmatch(r"\w+\.(yaml|parquet)", word):
                (tmp_path / word).touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("beside_the_pages")
def test_every_command_of_the_pages_is_one_that_albsim_takes() -> None:
    wrong = {}
    for page, words in WRITTEN:
        try:
            check(words)
        except WRONG as error:
            wrong[f"{page}: albsim {shlex.join(words)}"] = repr(error)
    assert wrong == {}
    assert len(WRITTEN) > 20


@pytest.mark.usefixtures("beside_the_pages")
@pytest.mark.parametrize(
    "written",
    [
        "albsim runs scenarios/baseline.yaml",
        "albsim run scenarios/baseline.yaml --replication 5",
        "albsim run scenarios/no-such.yaml",
        "albsim run mine.yaml --set pod.pre_stop_slep_s=4",
        "albsim sweep mine.yaml --out r.csv --vary deployment.replica=1,2",
        "cat x | albsim import - --rsp 5 | albsim run -",
        "albsim run scenarios/{baseline,no-such}.yaml",
        "albsim run mine.yaml \\\n  --format pdf",
    ],
)
def test_a_command_that_albsim_does_not_take_is_noticed(written: str) -> None:
    found = commands(f"```\n{written}\n```\n")
    with pytest.raises(WRONG):
        check(found[0])

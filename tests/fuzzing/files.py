"""Fuzz what reads a file, guided by coverage, for as long as you like.

    pip install atheris                      # not in CI: CI's share is the hypothesis tests called test_fuzz.py
    python tests/fuzzing/files.py scenario corpus/scenario -max_total_time=600

The first argument is a name of `READERS`. The second is a directory which keeps the inputs that reached something new,
so that the next run goes on there. The rest are libFuzzer's options. A find ends the run, and libFuzzer leaves it in
`crash-*`. Finds are an exception that is no refusal, a refusal that nobody can read, more than ten seconds, or 2 GB. A
find is repeated with the file instead of the directory. Fix it, and add what it was to the test of the module that read
it.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import atheris

with atheris.instrument_imports(include=["sim", "yaml"]):
    from sim.experiment import figures, journal, sweep, sweep_file
    from sim.manifests import importing, writing
    from sim.manifests import sources as manifest_sources
    from sim.records import observation, reading
    from sim.report import observed
    from sim.scenario import advice, loading, measured, problems, variations
    from sim.scenario.specs import Scenario

import click
from pydantic import ValidationError

from sim.cli.plot import _of_sweeps
from sim.scenario.schema import schema_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MANIFESTS = Path(__file__).parents[1] / "manifests" / "examples"
SCENARIOS = Path(__file__).parents[2] / "scenarios"
RECORDS = Path(__file__).parents[1] / "records" / "data"
SCENARIO = loading.load_scenario(SCENARIOS / "baseline.yaml")
FILES = {
    "scenario": sorted(SCENARIOS.glob("*.yaml")),
    "manifests": [path for path in sorted(MANIFESTS.iterdir()) if ".expected." not in path.name],
}
LONGEST_LINE = 2000
"""A refusal is for people."""
REFUSALS = (
    problems.ScenarioError,
    ValidationError,
    sweep_file.NotASweepError,
    reading.NoRecordsError,
    click.ClickException,
)


def scenario(path: Path) -> None:
    for loaded in loading.load_scenarios(path):
        advice.advise(loaded)
        if loaded.with_overrides({}) != loaded:
            raise AssertionError(loaded)


def manifests(path: Path) -> None:
    found = importing.import_sources(manifest_sources.read_sources([str(path)]), importing.Asked())
    path.write_text(writing.as_yaml(found), encoding="utf-8")
    if loading.load_scenarios(path) != [one.scenario for one in found.workloads]:
        raise AssertionError(path)


def lags(path: Path) -> None:
    measured.Empirical.model_validate({"dist": "empirical", "csv": str(path)})


def assignment(path: Path) -> None:
    key, value = variations.parse_assignment(path.read_text(encoding="utf-8", errors="replace"))
    advice.advise(SCENARIO.with_overrides({key: value}))


def variation(path: Path) -> None:
    variations.parse_variation(path.read_text(encoding="utf-8", errors="replace"))


def results(path: Path) -> None:
    sweep_file.read_sweep(path)


def picture(path: Path) -> None:
    """`albsim plot` of it."""
    import matplotlib.pyplot as plt

    try:
        _of_sweeps([path], None, x=None, y=None, hue=None, heatmap=None, chosen=())
    finally:
        plt.close("all")


def observe(path: Path) -> None:
    """`albsim observe` of it."""
    observed.render(observation.observe(reading.read([path])), "table")


def unfinished(path: Path) -> None:
    """The journal of an interrupted sweep: opened again, it takes a line, and has it when opened once more."""
    row = tuple(float(number) for number in range(len(figures.COLUMNS)))
    kept = journal.Journal(path)
    kept["key"] = row
    kept.close()
    again = journal.Journal(path)
    if again["key"] != row or len(again) != len(kept):
        raise AssertionError(path)
    again.close()


READERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "scenario": (".yaml", scenario),
    "manifests": (".yaml", manifests),
    "lags": (".csv", lags),
    "assignment": (".txt", assignment),
    "variation": (".txt", variation),
    "sweep-csv": (".csv", results),
    "sweep-parquet": (".parquet", results),
    "picture": (".csv", picture),
    "journal": (".partial", unfinished),
    "observe": (".log", observe),
}
"""What reads a file, by name, with the ending of the file's name."""


def seeds(name: str) -> Iterable[bytes]:
    """Return something right to begin with."""
    if name in FILES:
        return [path.read_bytes() for path in FILES[name]]
    if name == "lags":
        return [b"lag_s\n1.5\n0\n 2e3 \n", b"1\r\n2\r\n"]
    if name in ("assignment", "variation"):
        return [b"pod.startup_s={dist: lognormal, median: 3, p99: 9}", b"seed=0:1:0.1", b"pod.on_sigterm=drain,exit"]
    if name == "observe":
        return [_unzipped(path) for path in RECORDS.iterdir()]
    if name == "journal":
        return [b'["key", [' + b", ".join([b"0.5"] * len(figures.COLUMNS)) + b"]]\n[1"]
    return [_sweep(READERS[name][0], values) for values in ([0, 5], ["exit", "drain"])]


def _unzipped(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def _sweep(suffix: str, values: list[object]) -> bytes:
    import pandas as pd

    from sim.experiment.provenance import PROVENANCE

    key = "pod.on_sigterm" if isinstance(values[0], str) else "pod.pre_stop_sleep_s"
    rows = [{key: value, "replication": 0} | dict.fromkeys(figures.COLUMNS, 0.5) for value in values]
    frame = pd.DataFrame(rows)
    frame.attrs[PROVENANCE] = sweep.provenance(SCENARIO, {key: values}, until=None, estimator="expected")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / f"sweep{suffix}"
        sweep_file.write_sweep(frame, path)
        return path.read_bytes()


def words(name: str) -> list[str]:
    """Return the keys and values that a scenario's schema names, the words of the files, and numbers at the edges."""
    found: set[str] = {"extends", "1e309", ".nan", "-.inf", "&a", "*a", "<<", "!!str", "---", "csv", "NaN", "null"}

    def collect(node: object) -> None:
        if isinstance(node, dict):
            found.update(node.get("properties", ()))
            found.update(value for value in [*node.get("enum", ()), node.get("const")] if isinstance(value, str))
            node = list(node.values())
        for inner in node if isinstance(node, list) else ():
            collect(inner)

    collect(schema_of(Scenario))
    for path in FILES.get(name, ()):
        found.update(re.findall(r"[A-Za-z][\w./-]{3,60}", path.read_text(encoding="utf-8")))
    return sorted(found)


def main() -> None:
    name, corpus = sys.argv[1:3]
    suffix, read = READERS[name]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / f"input{suffix}"
        dictionary = Path(directory) / "words"
        dictionary.write_text("".join(json.dumps(word) + "\n" for word in words(name)), encoding="utf-8")
        if not Path(corpus).is_file():
            Path(corpus).mkdir(parents=True, exist_ok=True)
            for number, content in enumerate(seeds(name)):
                (Path(corpus) / f"seed-{number}").write_bytes(content)

        def one_input(content: bytes) -> None:
            path.write_bytes(content)
            try:
                read(path)
            except REFUSALS as refusal:
                lines = str(refusal).splitlines()
                if not lines or max(map(len, lines)) > LONGEST_LINE:
                    raise

        atheris.Setup(
            [sys.argv[0], corpus, f"-dict={dictionary}", "-timeout=10", "-rss_limit_mb=2048", *sys.argv[3:]], one_input
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()

"""Every key of a scenario has a row in docs/architecture.md, which names every file that reads the key."""

from __future__ import annotations

import re
import runpy
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from albsim_tests.keys import keys_of
from albsim_tests.reads import Reads

import sim
from sim.experiment.replication import simulate
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario

PAGE = Path("docs/architecture.md")
PACKAGE = Path(sim.__file__).parent


class Row(NamedTuple):
    """A row of the table: patterns of keys, and the files behind them."""

    keys: list[str]
    files: list[Path]


@cache
def _rows() -> list[Row]:
    table = PAGE.read_text(encoding="utf-8").partition("## Where a key takes effect")[2].partition("\n## ")[0]
    lines = [line.strip("| \n").split(" | ", 1) for line in table.splitlines() if line.startswith("| `")]
    return [Row(_keys(first), _files(second)) for first, second in lines]


def _keys(cell: str) -> list[str]:
    """Return the keys of a cell; one without a dot is of the block of the key before it."""
    keys, block = [], ""
    for name in re.findall(r"`([^`:]+)[^`]*`", cell):
        block = name.rpartition(".")[0] if "." in name else block
        keys.append(name if "." in name or not block else f"{block}.{name}")
    return keys


def _files(cell: str) -> list[Path]:
    """Return the files that a cell names; one without a directory is beside the one before it."""
    found: list[Path] = []
    for name in re.findall(r"`([\w/]+(?:\.py|/))`", cell):
        folders = (PACKAGE, PACKAGE / "control_plane") if "/" in name or not found else (found[-1].parent, PACKAGE)
        path = next((folder / name for folder in folders if (folder / name).exists()), PACKAGE / name)
        assert path.exists(), name
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return found


def _rows_of(key: str) -> list[Row]:
    return [row for row in _rows() if any(_covers(known, key) for known in row.keys)]


def _covers(known: str, key: str) -> bool:
    return fnmatchcase(key, known) or key.startswith(f"{known}.")


def _is_known(key: str) -> bool:
    """Return whether a row has the key, and one of its files the key's name. A row without files says that none has."""
    name = re.compile(rf"\b{key.rpartition('.')[2]}\b")
    return any(not row.files or any(name.search(_text(file)) for file in row.files) for row in _rows_of(key))


@cache
def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def test_each_key_s_row_names_a_file_that_knows_it() -> None:
    assert [key for key in keys_of(Scenario) if not _is_known(key)] == []


def test_a_key_without_a_row_is_found() -> None:
    assert _rows_of("pod.no_such_key") == _rows_of("pods") == []
    assert not _is_known("pod.no_such_key")


@pytest.mark.slow
def test_each_key_s_row_names_every_file_that_reads_it() -> None:
    changes = runpy.run_path("tests/experiment/test_every_key.py")
    around = [(around, key, value) for key, (around, value) in changes["CASES"].items()]
    around.append(({}, "aws_api.other_clusters", [changes["CLUSTER"]]))
    around.append((changes["TOO_FAR"], "scale_in.up_policies", [changes["ONE_BY_ONE"]]))
    around.append((changes["SWITCH"], "nodes", changes["NODES"]["nodes"]))
    around.append((changes["DRAIN"] | changes["POOLED"], "pod.sandbox_teardown_s", 2))
    reads = Reads()
    for one in (changes["scenario"](before | after) for before, key, value in around for after in ({}, {key: value})):
        with reads.noted(one):
            simulate(one, estimator="sampled")
            with suppress(ScenarioError):
                simulate(one, estimator="expected")
            if one.nodes:
                changes["_planned"](one)
    unread = {"name", "description", "replications", "sweep", *_of_other_controllers()}
    assert {key for key in keys_of(Scenario) if not reads.files[key]} <= unread
    not_named = {key: reads.files[key] - _named(key) for key in keys_of(Scenario)}
    assert {key: files for key, files in not_named.items() if files} == {}


def _named(key: str) -> set[str]:
    """Return the files that a key's rows name, and the one that refuses what takes too long, which no row names.

    Keys of another cluster's controller take effect where this cluster's do.
    """
    rows = [*_rows_of(key), *_rows_of(key.removeprefix("aws_api.other_clusters."))]
    return {file.relative_to(PACKAGE).as_posix() for row in rows for file in row.files} | {"scenario/cost.py"}


def _of_other_controllers() -> set[str]:
    """Return the keys of another cluster's controller, which take effect where this cluster's do."""
    return {key for key in keys_of(Scenario) if key.startswith("aws_api.other_clusters.controller.")}

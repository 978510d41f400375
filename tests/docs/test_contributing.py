"""CONTRIBUTING.md is true: what it names is there, and its commands can be called so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from sim.cli import main

PAGE = Path("CONTRIBUTING.md").read_text(encoding="utf-8")
SPANS = [*re.findall(r"`([^`\n]+)`", PAGE), *re.findall(r"\]\(([^)]+)\)", PAGE)]


def test_every_file_and_directory_that_it_names_is_there() -> None:
    words = {word for span in SPANS for word in span.split()}
    paths = {word for word in words if re.fullmatch(r"\.?[\w-]+(/[\w.-]+)+/?", word) and not word.startswith(".venv")}
    assert {"sim/scenario/releases/v2.py", "tests/fuzzing/commands.py", ".ci/run", "docs/facts/"} <= paths
    assert {path for path in paths if not Path(path).exists()} == set()


def test_every_marker_and_command_that_it_names_exists() -> None:
    options = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    markers = {marker.partition(":")[0] for marker in options["markers"]}
    named = {marker for span in SPANS for marker in re.findall(r"pytest -m (\w+)", span)}
    assert named == markers
    assert {name for span in SPANS for name in re.findall(r"albsim (\w+)", span)} <= set(main.commands)

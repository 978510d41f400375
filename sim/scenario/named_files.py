"""The files that a scenario names: measured values, and what it extends.

A file may name others only below its own directory, or below a root that the caller gives. So a scenario from elsewhere
cannot show what else is on this machine.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sim.scenario.measured import FILE_KEYS, is_csv_name
from sim.scenario.problems import KeyPath, Places, Problem, ScenarioError, dotted, escaped, located, shown

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class NamedFiles:
    """The files that a document names: each is below the root, and named relative to the working directory."""

    directory: Path
    root: Path
    places: Places
    problems: Sequence[Problem]

    def found(self, value: object, path: KeyPath) -> object:
        """Return a value in which CSV files are named relative to the working directory, not to the scenario."""
        if isinstance(value, list):
            return [self.found(item, (*path, index)) for index, item in enumerate(value)]
        if is_csv_name(value):
            return self._below_root(str(value), path)
        if not isinstance(value, dict):
            return value
        return {
            key: self._below_root(inner, (*path, key))
            if key in FILE_KEYS and isinstance(inner, str)
            else self.found(inner, (*path, key))
            for key, inner in value.items()
        }

    def _below_root(self, name: str, path: KeyPath) -> str:
        if not is_below(self.directory / name, self.root):
            file, line = located(path, self.places)
            problem = replace(outside(name, self.root), key=dotted(path), file=file, line=line)
            raise ScenarioError([*self.problems, problem])
        return str(self.directory / name)


def is_below(path: Path, root: Path) -> bool:
    """Return whether a file lies below a directory, with links followed. Impossible file names count as below."""
    try:
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))
    except ValueError:
        return True


def outside(name: str, root: Path) -> Problem:
    """Return the problem that a file is not read, without looking at the file."""
    return Problem(
        expected=f"a file below {escaped(str(root)) if root.name else 'the directory of the scenario'}",
        found=shown(name),
        hint="--root DIR allows others",
    )

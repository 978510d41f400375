"""From a file to scenarios: reading, `extends`, validation, with all problems of a file at once.

Modelled:
- UTF-8 YAML, with one scenario in each document.
- `extends` starts from another file beside this one. Mappings are merged key by key; lists and distributions are
  replaced whole.
- Changes from the command line are made before the validation, so that they can repair a file.
- Everything that other files hold is read here, so that a scenario needs no file later.
- A file may name others only below its own directory, or below a root that the caller gives. So a scenario from
  elsewhere cannot show what else is on this machine.

Left out: reading from the network, templates, environment variables.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.scenario.measured import FILE_KEYS, is_csv_name
from sim.scenario.overrides import overridden
from sim.scenario.problems import (
    KeyPath,
    Place,
    Places,
    Problem,
    ScenarioError,
    dotted,
    escaped,
    located,
    shown,
)
from sim.scenario.schema import value_at
from sim.scenario.specs import Scenario
from sim.scenario.standard_input import STDIN, standard_input
from sim.scenario.validation import validated
from sim.scenario.variations import keys_of
from sim.scenario.yaml_source import Document, read_documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST_BYTES = 1_000_000
_COMMAND_LINE = Place("the command line", None)
_NO_CHANGES: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Draft:
    """The content of a document before its validation."""

    raw: dict[str, object]
    places: Places
    problems: list[Problem] = field(default_factory=list)


def load_scenario(
    path: str | os.PathLike[str],
    changes: Mapping[str, object] = _NO_CHANGES,
    *,
    root: str | os.PathLike[str] | None = None,
) -> Scenario:
    """Read the scenario of a file.

    Parameters
    ----------
    path
        A YAML file with one document.
    changes
        Other values, by dotted key, which are put in before anything is validated.
    root
        The directory below which the files lie that the scenario names (`extends`, measured values); by default that of
        `path`, beside which they are looked for.

    Returns
    -------
    Scenario
        The scenario, with a default for every key that is not given.

    Raises
    ------
    ScenarioError
        If the file cannot be read or is wrong: with every problem, its line and its key.
    """
    scenarios = load_scenarios(path, changes, root=root)
    if len(scenarios) > 1:
        raise ScenarioError([Problem(file=str(path), expected="one scenario", found=f"{len(scenarios)} documents")])
    return scenarios[0]


def load_scenarios(
    path: str | os.PathLike[str],
    changes: Mapping[str, object] = _NO_CHANGES,
    *,
    root: str | os.PathLike[str] | None = None,
) -> list[Scenario]:
    """Read the scenarios of a file, one for each YAML document, as `load_scenario` reads one."""
    scenarios: list[Scenario] = []
    problems: list[Problem] = []
    for draft in _drafts(Path(path), (), Path(path).parent if root is None else Path(root)):
        try:
            scenarios.append(_scenario(_changed(draft, changes)))
        except ScenarioError as error:
            problems.extend(error.problems)
    if problems:
        raise ScenarioError(problems)
    return scenarios


def _changed(draft: _Draft, changes: Mapping[str, object]) -> _Draft:
    """Return the draft with these changes, marked as values from the command line."""
    raw, places, problems = draft.raw, dict(draft.places), list(draft.problems)
    for key, value in changes.items():
        path = tuple(int(step) if step.isdecimal() else step for step in key.split("."))
        groups = [path[:length] for length in range(1, len(path))]
        steps = [group for group in groups if not isinstance(value_at(raw, group), dict | list)]
        try:
            raw = overridden(raw, key, value, Scenario)
        except ScenarioError as error:
            problems.extend(replace(problem, file=_COMMAND_LINE.file) for problem in error.problems)
            continue
        places = {at: place for at, place in places.items() if at[: len(path)] != path}
        places |= dict.fromkeys([*steps, path], _COMMAND_LINE)
    return _Draft(raw, places, problems)


def _scenario(draft: _Draft) -> Scenario:
    problems = list(draft.problems)
    scenario = None
    try:
        scenario = validated(Scenario, draft.raw, draft.places)
    except ScenarioError as error:
        problems.extend(error.problems)
    problems.extend(_sweep_problems(draft, problems))
    if scenario is None or problems:
        raise ScenarioError(problems)
    return scenario


def _drafts(path: Path, trail: tuple[Path, ...], root: Path) -> list[_Draft]:
    """Return a file's documents, each on top of what it extends. `trail` are the files whose `extends` led here."""
    file = str(path)
    documents = read_documents(_text(path), file)
    if not documents:
        raise ScenarioError([Problem(file=file, expected="a scenario", found="an empty file")])
    drafts = []
    for document in documents:
        if not isinstance(document.value, dict):
            place = document.places[()]
            found = "an empty document" if document.value is None else shown(document.value)
            raise ScenarioError([Problem(file=file, line=place.line, expected="a mapping of keys", found=found)])
        _refuse_manifest(document, file)
        draft = _Draft(document.value, document.places, document.problems)
        named = _Files(path.parent, root, draft)
        raw = {key: value if isinstance(value, str) else named.found(value, (key,)) for key, value in draft.raw.items()}
        drafts.append(_extended(replace(draft, raw=raw), path, trail, root))
    return drafts


def _text(path: Path) -> str:
    try:
        content = _content(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _unreadable(path, f"cannot be read: {reason}") from None
    if b"\0" in content:
        raise _unreadable(path, "is binary")
    if len(content) > _MOST_BYTES:
        raise _unreadable(path, f"is larger than {_MOST_BYTES // 10**6} MB; measured values can stand in a CSV file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _unreadable(path, f"is not UTF-8 (byte 0x{content[error.start]:02x})", line) from None


def _content(path: Path) -> bytes:
    if str(path) == STDIN:
        return standard_input()[: _MOST_BYTES + 1]
    with path.open("rb") as opened:
        return opened.read(_MOST_BYTES + 1)


def _unreadable(path: Path, why: str, line: int | None = None) -> ScenarioError:
    return ScenarioError(
        [Problem(file=str(path), line=line, expected="a scenario in YAML", found=f"a file that {why}")]
    )


def _refuse_manifest(document: Document, file: str) -> None:
    """Raise an error that names a Kubernetes manifest as such, instead of one for each unknown key."""
    given = document.value
    if isinstance(given, dict) and "apiVersion" in given and "kind" in given:
        raise ScenarioError(
            [
                Problem(
                    file=file,
                    line=document.places[("kind",)].line,
                    expected="a scenario",
                    found=f"a Kubernetes manifest, kind {shown(given['kind'])}",
                    hint="a scenario has its own keys, see `albsim schema`",
                )
            ]
        )


@dataclass(frozen=True, slots=True)
class _Files:
    """The files that a document names: each is below the root, and named relative to the working directory."""

    directory: Path
    root: Path
    draft: _Draft

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
        if not _is_below(self.directory / name, self.root):
            file, line = located(path, self.draft.places)
            problem = replace(_outside(name, self.root), key=dotted(path), file=file, line=line)
            raise ScenarioError([*self.draft.problems, problem])
        return str(self.directory / name)


def _is_below(path: Path, root: Path) -> bool:
    """Return whether a file lies below a directory, with links followed. Impossible file names count as below."""
    try:
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))
    except ValueError:
        return True


def _outside(name: str, root: Path) -> Problem:
    """Return the problem that a file is not read, without looking at the file."""
    return Problem(
        expected=f"a file below {escaped(str(root)) if root.name else 'the directory of the scenario'}",
        found=shown(name),
        hint="--root DIR allows others",
    )


def _extended(draft: _Draft, path: Path, trail: tuple[Path, ...], root: Path) -> _Draft:
    if "extends" not in draft.raw:
        return draft
    name = draft.raw["extends"]
    own = {key: value for key, value in draft.raw.items() if key != "extends"}
    file, line = located(("extends",), draft.places)
    refused = Problem(
        file=file, line=line, key="extends", expected="the name of another scenario file", found=shown(name)
    )
    if not isinstance(name, str) or not name:
        return _Draft(own, draft.places, [*draft.problems, refused])
    trail = (*trail, path)
    parent = path.parent / name
    if not _is_below(parent, root):
        problem = replace(_outside(name, root), key="extends", file=file, line=line)
        raise ScenarioError([*draft.problems, problem])
    if _identity(parent) in [_identity(step) for step in trail]:
        cycle = " → ".join(step.name for step in (*trail, parent))
        raise ScenarioError([*draft.problems, replace(refused, found=f"the cycle {cycle}")])
    try:
        below = _drafts(parent, trail, root)
    except ScenarioError as error:
        raise ScenarioError([*draft.problems, *(_named(problem, refused) for problem in error.problems)]) from None
    if len(below) > 1:
        several = replace(refused, expected="a file with one scenario", found=f"{len(below)} documents in {parent}")
        raise ScenarioError([*draft.problems, several])
    return _on_top(below[0], _Draft(own, draft.places, draft.problems))


def _identity(path: Path) -> str:
    try:
        return os.path.realpath(path)
    except ValueError:  # an impossible file name; opening the file will say so
        return str(path)


def _on_top(below: _Draft, above: _Draft) -> _Draft:
    raw = _merged(below.raw, above.raw)
    kept = {path: at for path, at in below.places.items() if value_at(raw, path) is value_at(below.raw, path)}
    return _Draft(raw, {**kept, **above.places}, [*above.problems, *below.problems])


def _named(problem: Problem, extends: Problem) -> Problem:
    """Return the problem with the `extends` that led to a file that cannot be read."""
    if problem.key or problem.line is not None or problem.hint:
        return problem
    return replace(problem, hint=f"{extends.file}:{extends.line} extends it")


def _merged(below: dict[str, object], above: dict[str, object]) -> dict[str, object]:
    merged = dict(below)
    for key, value in above.items():
        base = below.get(key)
        both = isinstance(base, dict) and isinstance(value, dict) and "dist" not in base and "dist" not in value
        merged[key] = _merged(base, value) if both else value  # type: ignore[arg-type]
    return merged


def _sweep_problems(draft: _Draft, others: list[Problem]) -> Iterator[Problem]:
    """Yield the problems of the sweep's keys and of each of their values, with everything else as it stands."""
    known = {(problem.key, problem.found) for problem in others}
    base = {key: value for key, value in draft.raw.items() if key != "sweep"}
    sweep = draft.raw.get("sweep")
    for together, values in sweep.items() if isinstance(sweep, dict) else ():
        keys = keys_of(together)
        for index, value in enumerate(values if isinstance(values, list) else ()):
            file, line = located(("sweep", together, index), draft.places)
            row = value if len(keys) > 1 else [value]
            if not isinstance(row, list) or len(row) != len(keys):
                expected = f"a list of {len(keys)} values, one for each of these keys"
                yield Problem(key=f"sweep.{together}", expected=expected, found=shown(row), file=file, line=line)
                continue
            for problem in _problems_with(base, dict(zip(keys, row, strict=True))):
                key = next((key for key in keys if _related(problem.key, key)), None)
                if key is not None and (problem.key, problem.found) not in known:
                    yield replace(problem, key=f"sweep.{key}", file=file, line=line)


def _problems_with(raw: dict[str, object], changes: Mapping[str, object]) -> tuple[Problem, ...]:
    try:
        for key, value in changes.items():
            raw = overridden(raw, key, value, Scenario)
        validated(Scenario, raw, {})
    except ScenarioError as error:
        return error.problems
    return ()


def _related(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")

"""From a file to the content of its documents: reading, named files, `extends`.

Modelled:
- UTF-8 YAML, with one scenario in each document.
- `extends` starts from another file beside this one. Mappings are merged key by key; lists and distributions are
  replaced whole.

Left out: reading from the network, templates, environment variables.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sim.scenario.named_files import NamedFiles, is_below, outside
from sim.scenario.problems import Places, Problem, ScenarioError, located, shown
from sim.scenario.schema import value_at
from sim.scenario.standard_input import STDIN, standard_input
from sim.scenario.yaml_source import Document, read_documents

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Draft:
    """The content of a document before its validation."""

    raw: dict[str, object]
    places: Places
    problems: list[Problem] = field(default_factory=list)


def drafts_of(path: Path, trail: tuple[Path, ...], root: Path) -> list[Draft]:
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
        draft = Draft(document.value, document.places, document.problems)
        named = NamedFiles(path.parent, root, draft.places, draft.problems)
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


def _extended(draft: Draft, path: Path, trail: tuple[Path, ...], root: Path) -> Draft:
    if "extends" not in draft.raw:
        return draft
    name = draft.raw["extends"]
    own = {key: value for key, value in draft.raw.items() if key != "extends"}
    file, line = located(("extends",), draft.places)
    refused = Problem(
        file=file, line=line, key="extends", expected="the name of another scenario file", found=shown(name)
    )
    if not isinstance(name, str) or not name:
        return Draft(own, draft.places, [*draft.problems, refused])
    trail = (*trail, path)
    parent = path.parent / name
    if not is_below(parent, root):
        problem = replace(outside(name, root), key="extends", file=file, line=line)
        raise ScenarioError([*draft.problems, problem])
    if _identity(parent) in [_identity(step) for step in trail]:
        cycle = " → ".join(step.name for step in (*trail, parent))
        raise ScenarioError([*draft.problems, replace(refused, found=f"the cycle {cycle}")])
    try:
        below = drafts_of(parent, trail, root)
    except ScenarioError as error:
        raise ScenarioError([*draft.problems, *(_named(problem, refused) for problem in error.problems)]) from None
    if len(below) > 1:
        several = replace(refused, expected="a file with one scenario", found=f"{len(below)} documents in {parent}")
        raise ScenarioError([*draft.problems, several])
    return _on_top(below[0], Draft(own, draft.places, draft.problems))


def _identity(path: Path) -> str:
    try:
        return os.path.realpath(path)
    except ValueError:  # an impossible file name; opening the file will say so
        return str(path)


def _on_top(below: Draft, above: Draft) -> Draft:
    raw = _merged(below.raw, above.raw)
    kept = {path: at for path, at in below.places.items() if value_at(raw, path) is value_at(below.raw, path)}
    return Draft(raw, {**kept, **above.places}, [*above.problems, *below.problems])


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

"""An import as a scenario file in which each value has its origin beside it, as JSON, and in words."""

from __future__ import annotations

import json
from collections import Counter
from textwrap import TextWrapper
from typing import TYPE_CHECKING, Any

import yaml

from sim.manifests.objects import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.manifests.draft import Origin, Warned
    from sim.manifests.importing import Import, Imported

_INDENT = "  "
_WIDTH = 80


def as_yaml(found: Import) -> str:
    """Write one document for each workload."""
    return "---\n".join("\n".join(_document(one)) + "\n" for one in found.workloads)


def _document(one: Imported) -> Iterator[str]:
    yield _comment(f"{one.ref}, imported from manifests; `albsim check` says what is unwise.")
    yield from _lines(one, one.raw, "", 0)


def _lines(one: Imported, group: dict[str, Any], prefix: str, depth: int) -> Iterator[str]:
    for key, value in group.items():
        dotted = f"{prefix}{key}"
        if isinstance(value, dict) and value and dotted not in one.draft.values and "dist" not in value:
            yield f"{_INDENT * depth}{key}:"
            yield from _lines(one, value, f"{dotted}.", depth + 1)
            continue
        origin = one.draft.origins.get(dotted)
        written = f"{_INDENT * depth}{key}: {_on_one_line(value)}"
        remark = _origin(origin) if origin and one.draft.values[dotted] == value else "" if not depth else "--set"
        yield f"{written}  {_comment(remark)}" if remark else written


def _origin(origin: Origin) -> str:
    place = str(origin.place) if origin.place.line else origin.place.source if origin.grade == "read" else ""
    said = " ".join(part for part in (place, f"({origin.note})" if origin.note else "") if part)
    return said if origin.grade == "read" else f"{origin.grade.upper()} {said}"


def _comment(text: str) -> str:
    return f"# {printable(text)}"


def _on_one_line(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**9)
    return text.removesuffix("...\n").strip()


def as_json(found: Import) -> str:
    """Write everything that is known, as docs/interface.md says."""
    record = {
        "workloads": {one.ref: _record(one) for one in found.workloads},
        "ignored": dict(sorted(found.ignored.items())),
        "warnings": [_warned(warned) for warned in found.warnings],
    }
    return json.dumps(record, indent=2, ensure_ascii=False)


def _record(one: Imported) -> dict[str, Any]:
    return {
        "scenario": one.raw,
        "origins": {key: _origin_record(origin) for key, origin in one.draft.origins.items()},
        "not_read": [
            {"object": item.place.object, "field": item.place.field, "reason": item.reason}
            for item in one.draft.not_read
        ],
        "warnings": [_warned(warned) for warned in one.draft.warnings],
    }


def _origin_record(origin: Origin) -> dict[str, Any]:
    place = origin.place
    where = {"source": place.source, "line": place.line or None, "object": place.object, "field": place.field}
    template = {"template": place.template} if place.template else {}
    return {**where, **template, "grade": origin.grade, "note": origin.note}


def _warned(warned: Warned) -> dict[str, Any]:
    record: dict[str, Any] = {"id": warned.id, "key": warned.key, "text": warned.text}
    if warned.place:
        record |= {"source": warned.place.source, "line": warned.place.line, "object": warned.place.object}
        record["field"] = warned.place.field
    return record


def remarks(found: Import) -> Iterator[str]:
    """Return the lines that a reader has to know besides the scenarios."""
    for one in found.workloads:
        yield printable(f"{one.ref}: {_counted(one)}")
        for text in _of_workload(one):
            yield from _wrapped(text)
    for warned in found.warnings:
        yield from _wrapped(_warning(warned))
    if found.ignored:
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(found.ignored.items()))
        yield from _wrapped(f"ignored, of kinds that say nothing here: {counted}")


def _counted(one: Imported) -> str:
    """Say how many keys are written, and how many of them nobody wrote."""
    grades = Counter(origin.grade for origin in one.draft.origins.values())
    uncertain = [f"{grades[grade]} {grade}" for grade in ("guessed", "assumed") if grades[grade]]
    return f"{grades.total()} keys" + (f", {' and '.join(uncertain)}" if uncertain else "")


def _of_workload(one: Imported) -> Iterator[str]:
    warned_of = {warned.key for warned in one.draft.warnings}
    for key, origin in one.draft.origins.items():
        if origin.grade != "read" and key not in warned_of:
            yield f"{origin.grade}: {key}: {_on_one_line(one.draft.values[key])}, {origin.note}"
    for item in one.draft.not_read:
        yield f"not read: {item.reason}\n{item.place}"
    for warned in one.draft.warnings:
        yield _warning(warned)


def _warning(warned: Warned) -> str:
    text = f"warning: {warned.key + ': ' if warned.key else ''}{warned.text} [{warned.id}]"
    return f"{text}\n{warned.place}" if warned.place else text


def _wrapped(text: str) -> Iterator[str]:
    """Return a remark in lines of a terminal, and the place below it in one, so that it can be copied."""
    said, _, place = text.partition("\n")
    wrap = TextWrapper(
        _WIDTH, initial_indent="  ", subsequent_indent=" " * 4, break_long_words=False, break_on_hyphens=False
    )
    yield from wrap.wrap(printable(said))
    if place:
        yield printable(f"    {place}")

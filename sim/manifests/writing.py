"""An import as a scenario file in which each value has its origin beside it, as JSON, and in words."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import yaml

from sim.manifests.objects import printable
from sim.scenario.problems import remark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.manifests.draft import Origin, Warned
    from sim.manifests.importing import Import, Imported

_INDENT = "  "


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
        yield from _of_workload(one)
    for warned in found.warnings:
        yield from warning_lines(warned)
    if found.ignored:
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(found.ignored.items()))
        yield from remark(f"ignored, of kinds that say nothing here: {counted}")


def _counted(one: Imported) -> str:
    """Say how many keys are written, and how many of them nobody wrote."""
    grades = Counter(origin.grade for origin in one.draft.origins.values())
    uncertain = [f"{grades[grade]} {grade}" for grade in ("guessed", "assumed") if grades[grade]]
    return f"{grades.total()} keys" + (f", {' and '.join(uncertain)}" if uncertain else "")


def _of_workload(one: Imported) -> Iterator[str]:
    warned_of = {warned.key for warned in one.draft.warnings}
    for key, origin in one.draft.origins.items():
        if origin.grade != "read" and key not in warned_of:
            said = f"{origin.grade}: {key}: {_on_one_line(one.draft.values[key])}, {origin.note}"
            yield from remark(printable(said))
    for item in one.draft.not_read:
        yield from remark(printable(f"not read: {item.reason}"), printable(str(item.place)))
    for warned in one.draft.warnings:
        yield from warning_lines(warned)


def warning_lines(warned: Warned) -> list[str]:
    """Return a warning as lines of a terminal, its place in the last one."""
    said = f"warning: {warned.key + ': ' if warned.key else ''}{warned.text} [{warned.id}]"
    return remark(printable(said), printable(str(warned.place)) if warned.place else "")

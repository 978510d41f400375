"""From given values to a spec, or to every problem in the author's words.

pydantic finds the errors. Here each becomes a `Problem`: where the key stands, what the schema expects there, what was
found, and for an unknown key the nearest known one.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from sim.scenario.fields import Spec
from sim.scenario.problems import Problem, ScenarioError, did_you_mean, dotted, located, shown
from sim.scenario.schema import Words, schema_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

    from sim.scenario.problems import KeyPath, Place

S = TypeVar("S", bound=Spec)


def validated(spec: type[S], raw: object, places: Mapping[KeyPath, Place]) -> S:
    """Return the spec made from the given values. Raises ScenarioError with all problems."""
    try:
        return spec.model_validate(raw)
    except ValidationError as error:
        words = Words(schema_of(spec))
        raise ScenarioError(_problem(details, raw, words, places) for details in _errors(error)) from None


def _errors(error: ValidationError) -> list[ErrorDetails]:
    """Return pydantic's errors without those that only follow from another error."""
    return [details for details in error.errors(include_url=False) if details["type"] != "default_factory_not_called"]


def _problem(details: ErrorDetails, raw: object, words: Words, places: Mapping[KeyPath, Place]) -> Problem:
    path, value = _walk(details, raw)
    file, line = located(path, places)
    return replace(_unlocated(details, path, value, raw, words), file=file, line=line)


def _unlocated(details: ErrorDetails, path: KeyPath, value: object, raw: object, words: Words) -> Problem:
    key = dotted(path)
    if details["type"] == "complaint":
        said = details["ctx"]
        return Problem(key=key, found=said["found"], expected=said["expected"], hint=said["hint"])
    if details["type"] == "extra_forbidden" or "[key]" in details["loc"]:
        return Problem(key=key, found="unknown key", hint=_nearest_key(path, raw, words))
    expected = words.expected_at(path, raw)
    if details["type"] == "missing":
        return Problem(key=key, expected=expected, found="nothing", hint="this key is required")
    if details["type"] == "union_tag_not_found":
        return Problem(key=key, expected=expected, found=shown(value), hint="'dist' is missing")
    if details["type"] == "union_tag_invalid":
        families = details["ctx"]["expected_tags"]
        hint = did_you_mean(str(value), re.findall("'(.*?)'", families))
        return Problem(key=key, expected=f"one of {families}", found=shown(value), hint=hint)
    hint = did_you_mean(value, words.choices_at(path, raw)) if isinstance(value, str) else ""
    return Problem(key=key, expected=expected, found=shown(value), hint=hint)


def _walk(details: ErrorDetails, raw: object) -> tuple[KeyPath, object]:
    """Return the path of an error as the file has it, and the value there.

    pydantic's own path also names the family of a distribution and the branch of a union.
    """
    path: KeyPath = ()
    value = raw
    steps = [step for step in details["loc"] if step != "[key]"]
    if details["type"] == "union_tag_invalid":
        steps.append("dist")
    elif details["type"] == "complaint" and details["ctx"]["key"]:
        steps.extend(details["ctx"]["key"].split("."))
    for position, step in enumerate(steps):
        if isinstance(value, dict):
            is_last = position == len(steps) - 1
            if (
                step == value.get("dist", "empirical")
                and step != "dist"
                and not (is_last and details["type"] == "extra_forbidden")
            ):
                continue
            path = (*path, step)
            value = value.get(step)
        elif isinstance(value, list | tuple) and isinstance(step, int) and step < len(value):
            path, value = (*path, step), value[step]
        else:
            break
    return path, value


def _nearest_key(path: KeyPath, raw: object, words: Words) -> str:
    group, key = path[:-1], str(path[-1])
    known = words.keys_at(group, raw)
    near = did_you_mean(key, known)
    if near:
        return near.replace("'", f"'{dotted(group)}.", 1) if group else near
    elsewhere = words.paths_to(key)
    if elsewhere:
        return f"did you mean '{elsewhere[0]}'?"
    return f"known here: {', '.join(known)}" if known else ""

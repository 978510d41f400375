"""Changes to a scenario by dotted key, as `--set`, a sweep and `with_overrides` make them.

A change is made in the given values, which are then validated again as a whole. So a change is checked like a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel

from sim.scenario.fields import Spec
from sim.scenario.law_as_written import as_law
from sim.scenario.problems import Problem, ScenarioError, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def overridden(raw: Mapping[str, object], key: str, value: object, schema: type[Spec]) -> dict[str, object]:
    """Return a copy of `raw`, a mapping meant for `schema`, with `value` at the dotted key.

    Where a step of the key is not in `raw`, the default is changed. Raises ScenarioError if a step leads through
    something that has no keys. The validation decides whether the key and the value are right.
    """
    return _in_mapping(raw, key.split("."), as_python(value), schema, key)


def as_python(value: object) -> object:
    """Return NumPy's numbers (a notebook's `numpy.arange`) as plain numbers, any other value unchanged."""
    return value.item() if hasattr(value, "item") and hasattr(value, "dtype") else value


def _in_mapping(
    mapping: Mapping[str, object], steps: Sequence[str], value: object, schema: type[Spec] | None, key: str
) -> dict[str, object]:
    step, *rest = steps
    before = mapping.get(step, _default(schema, step))
    return {**mapping, step: _replaced(before, rest, value, _schema_of(schema, step), key)}


def _replaced(current: object, steps: Sequence[str], value: object, schema: type[Spec] | None, key: str) -> object:
    if not steps:
        return value
    step, *rest = steps
    if isinstance(current, list | tuple) and step.isdecimal() and int(step) < len(current):
        index = int(step)
        return [*current[:index], _replaced(current[index], rest, value, schema, key), *current[index + 1 :]]
    mapping = _as_mapping(current)
    if mapping is None:
        raise ScenarioError([Problem(key=key, expected=f"a mapping to set '{step}' in", found=shown(current))])
    return _in_mapping(mapping, steps, value, schema, key)


def _as_mapping(current: object) -> dict[str, object] | None:
    if current is None:
        return {}
    plain = current.model_dump(exclude_unset=True) if isinstance(current, BaseModel) else as_law(current)
    return plain if isinstance(plain, dict) else None


def _default(schema: type[Spec] | None, key: str) -> object:
    field = schema.model_fields.get(key) if schema else None
    return field.default if field and isinstance(field.default, BaseModel) else None


def _schema_of(schema: type[Spec] | None, key: str) -> type[Spec] | None:
    field = schema.model_fields.get(key) if schema else None
    candidates = (field.annotation, *get_args(field.annotation)) if field else ()
    return next((kind for kind in candidates if isinstance(kind, type) and issubclass(kind, Spec)), None)

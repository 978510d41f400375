"""The syntax of `--set` and `--vary`: a dotted key and its values.

- `--set` takes `KEY=VALUE`; `--vary` takes `KEY=V1,V2` and `KEY=START:STOP:STEP`.
- Values are in YAML, so that a distribution may stand among them.
- A range ends with the last value that is not beyond STOP. The steps of a range are decimal: 0:0.3:0.1 ends with 0.3.
- Keys that move together stand together, and so do their values: `KEY,KEY=V1/W1,V2/W2`, or two ranges. In a scenario's
  `sweep` block they are a list of lists, `KEY, KEY: [[V1, W1], [V2, W2]]`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from sim.scenario.problems import Problem, ScenarioError
from sim.scenario.yaml_source import read_documents

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]{1,2})?)"
_RANGE = re.compile(f"{_NUMBER}:{_NUMBER}:{_NUMBER}")
_MOST_VALUES = 100_000


def parse_assignment(text: str) -> tuple[str, object]:
    """Return key and value of `KEY=VALUE`. Raises ScenarioError for another form, or a value that is not YAML."""
    key, _, value = (part.strip() for part in text.partition("="))
    where = f"--set {key}"
    if not key or not value:
        raise ScenarioError([Problem(file=where, expected="KEY=VALUE", found="no value" if key else "no key")])
    documents = read_documents(value, where)
    if len(documents) != 1:
        raise ScenarioError([Problem(file=where, expected="one value in YAML", found=f"{len(documents)} documents")])
    if documents[0].problems:
        raise ScenarioError(documents[0].problems)
    return key, documents[0].value


def parse_variation(text: str) -> tuple[str, list[object]]:
    """Return the key and its values. Raises ScenarioError if the text has another form."""
    key, sign, values = (part.strip() for part in text.partition("="))
    ranges = [_RANGE.fullmatch(part.strip()) for part in values.split("/")]
    if all(ranges) and len(ranges) == len(keys_of(key)):
        columns = [_range(text, *map(Decimal, found.groups())) for found in ranges if found]
        return key, _side_by_side(text, columns)
    if not key or not sign or not values:
        missing = "no values" if key and sign else "no key"
        raise ScenarioError([_problem(text, "KEY=V1,V2 or KEY=START:STOP:STEP", missing)])
    try:
        _, listed = parse_assignment(f"{key}=[{values}]")
    except ScenarioError:
        raise ScenarioError([_problem(text, "values in YAML, with commas between them", values)]) from None
    if not isinstance(listed, list):
        raise ScenarioError([_problem(text, "values in YAML, with commas between them", values)])
    return key, listed if len(keys_of(key)) == 1 else [_split(value) for value in listed]


def keys_of(key: str) -> list[str]:
    """Return the keys of a sweep that move together, written as one: `a, b`."""
    return [one.strip() for one in key.split(",")]


def expanded(vary: Mapping[str, Sequence[object]]) -> dict[str, list[object]]:
    """Return each single key of a sweep with its values, also for keys that move together.

    The values of keys that move together must be lists, one value for each key.
    """
    columns: dict[str, list[object]] = {}
    for key, values in vary.items():
        keys = keys_of(key)
        rows = values if len(keys) > 1 else [[value] for value in values]
        columns |= {one: [row[at] for row in rows] for at, one in enumerate(keys)}  # type: ignore[index]
    return columns


def _split(value: object) -> object:
    """Return the values of keys that move together: a list as it is, `20/40` as one."""
    if not isinstance(value, str):
        return value
    return [read_documents(part, "")[0].value for part in value.split("/")]


def _side_by_side(text: str, columns: list[list[float]]) -> list[object]:
    if len({len(column) for column in columns}) > 1:
        sizes = " and ".join(str(len(column)) for column in columns)
        raise ScenarioError([_problem(text, "ranges with as many values each", sizes)])
    return [*columns[0]] if len(columns) == 1 else [list(row) for row in zip(*columns, strict=True)]


def _range(text: str, start: Decimal, stop: Decimal, step: Decimal) -> list[float]:
    if step <= 0 or stop < start:
        raise ScenarioError([_problem(text, "a STOP from START on and a STEP above 0", f"{start}:{stop}:{step}")])
    count = int((stop - start) / step) + 1
    if count > _MOST_VALUES:
        raise ScenarioError([_problem(text, f"at most {_MOST_VALUES} values", str(count))])
    values = [start + number * step for number in range(count)]
    return [int(value) if value == value.to_integral_value() else float(value) for value in values]


def _problem(text: str, expected: str, found: str) -> Problem:
    return Problem(file=f"--vary {text}", expected=expected, found=found)

"""`KEY=VALUE`, as `--set` takes it; `KEY=V1,V2` and `KEY=START:STOP:STEP`, as `--vary` does: a dotted key, its values.

Values are in YAML, so that a distribution may stand among them; a range ends with the last value that is not beyond
STOP, and its steps are decimal: 0:0.3:0.1 ends with 0.3.
"""

from __future__ import annotations

import re
from decimal import Decimal

from sim.scenario.problems import Problem, ScenarioError
from sim.scenario.yaml_source import read_documents

_NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]{1,2})?)"
_RANGE = re.compile(f"{_NUMBER}:{_NUMBER}:{_NUMBER}")
_MOST_VALUES = 100_000


def parse_assignment(text: str) -> tuple[str, object]:
    """Split `KEY=VALUE` and read its value; raises ScenarioError if it is not of that form or the value not YAML."""
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
    """Return the key and its values; raises ScenarioError if it is not of that form."""
    key, sign, values = (part.strip() for part in text.partition("="))
    found = _RANGE.fullmatch(values)
    if found:
        return key, [*_range(text, *map(Decimal, found.groups()))]
    if not key or not sign or not values:
        missing = "no values" if key and sign else "no key"
        raise ScenarioError([_problem(text, "KEY=V1,V2 or KEY=START:STOP:STEP", missing)])
    try:
        _, listed = parse_assignment(f"{key}=[{values}]")
    except ScenarioError:
        raise ScenarioError([_problem(text, "values in YAML, with commas between them", values)]) from None
    if not isinstance(listed, list):
        raise ScenarioError([_problem(text, "values in YAML, with commas between them", values)])
    return key, listed


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

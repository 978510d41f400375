"""The full grid of a sweep: every combination of the varied keys' values, each a scenario of its own.

All points are made, and so validated, before the first is simulated.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from sim.scenario.overrides import as_python
from sim.scenario.problems import Problem, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.scenario.specs import Scenario

Cell = int | float | str | bool

_NOT_VARIED = {
    "replications": "use --replications: every point has as many",
    "sweep": "a point of a sweep is no sweep",
}


@dataclass(frozen=True, slots=True)
class Grid:
    """The points of a sweep in order (the last key changes fastest), and the varied keys' columns, a cell a point."""

    points: tuple[Scenario, ...]
    columns: Mapping[str, tuple[Cell, ...]]

    def name(self, point: int) -> str:
        """Say which point it is: `pod.pre_stop_sleep_s=10, deployment.replicas=4`; empty if nothing is varied."""
        return ", ".join(f"{key}={column[point]}" for key, column in self.columns.items())


def grid(scenario: Scenario, vary: Mapping[str, Sequence[object]]) -> Grid:
    """Make the grid; raises ScenarioError with every problem of any of its points."""
    values = as_written(vary)
    problems = [problem for key, given in values.items() for problem in _problems(key, given)]
    if problems:
        raise ScenarioError(problems)
    points: list[Scenario] = []
    for combination in itertools.product(*values.values()):
        changes = dict(zip(values, combination, strict=True))
        try:
            points.append(scenario.with_overrides(changes))
        except ScenarioError as error:
            problems.extend(replace(problem, file=problem.file or _named(changes)) for problem in error.problems)
    if problems:
        raise ScenarioError(problems)
    columns = zip(*itertools.product(*(cells(given) for given in values.values())), strict=True)
    return Grid(tuple(points), dict(zip(values, columns, strict=True)))


def as_written(vary: Mapping[str, Sequence[object]]) -> dict[str, list[Any]]:
    """Return the varied keys' values as a scenario file would have them: no arrays, no models."""
    return {
        key: [
            value.model_dump(mode="json", exclude_none=True) if isinstance(value, BaseModel) else as_python(value)
            for value in values
        ]
        for key, values in vary.items()
    }


def cells(values: Sequence[object]) -> list[Cell]:
    """Return a column's values, all of one type: numbers, booleans or text. Anything else becomes JSON text."""
    if all(isinstance(value, bool) for value in values) or all(_is_number(value) for value in values):
        return list(values)  # type: ignore[arg-type]  # each of them was looked at
    return [value if isinstance(value, str) else json.dumps(value) for value in values]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _problems(key: str, values: list[object]) -> list[Problem]:
    if key in _NOT_VARIED:
        return [Problem(key=key, found="cannot be varied", hint=_NOT_VARIED[key])]
    texts = [json.dumps(value, sort_keys=True, default=str) for value in values]
    twice = next((text for number, text in enumerate(texts) if text in texts[:number]), None)
    if not values or twice is not None:
        found = f"{twice} twice" if values else "none"
        return [Problem(key=key, expected="one or more different values", found=found)]
    return []


def _named(changes: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={json.dumps(value, default=str)}" for key, value in changes.items())

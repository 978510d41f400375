"""The full grid of a sweep: every combination of the varied keys' values, each a scenario of its own.

Keys that move together are one dimension of the grid, each with a column of its own. All points are made, and so
validated, before the first is simulated; so are points of too many pods refused.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from sim.scenario.cost import require_affordable
from sim.scenario.overrides import as_python
from sim.scenario.problems import Problem, ScenarioError, shown
from sim.scenario.variations import keys_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.scenario.specs import Scenario

Cell = int | float | str | bool

MOST_POINTS = 100_000
_NOT_VARIED = {
    "replications": "use --replications: every point has as many",
    "sweep": "a point of a sweep is no sweep",
}


@dataclass(frozen=True, slots=True)
class Grid:
    """The points of a sweep in order (the last key changes fastest), and the varied keys' columns of as many cells."""

    points: tuple[Scenario, ...]
    columns: Mapping[str, tuple[Cell, ...]]

    def name(self, point: int) -> str:
        """Return a point's name: `pod.pre_stop_sleep_s=10, deployment.replicas=4`, empty if nothing is varied."""
        return ", ".join(f"{key}={column[point]}" for key, column in self.columns.items())


def grid(scenario: Scenario, vary: Mapping[str, Sequence[object]]) -> Grid:
    """Return the grid. Raises ScenarioError with every problem of any of its points."""
    values = as_written(vary)
    problems = [problem for key, given in values.items() for problem in _problems(key, given)]
    keys = [key for together in values for key in keys_of(together)]
    problems += [Problem(key=key, found="varied twice") for key in dict.fromkeys(keys) if keys.count(key) > 1]
    size = math.prod(map(len, values.values()))
    if size > MOST_POINTS:
        problems.append(Problem(expected=f"a grid of at most {MOST_POINTS} points", found=str(size)))
    if problems:
        raise ScenarioError(problems)
    changes = _combinations(values)
    points: list[Scenario] = []
    wrong: dict[Problem, list[str]] = {}
    for of_point in changes:
        try:
            point = scenario.with_overrides(of_point)
            require_affordable(point)
            points.append(point)
        except ScenarioError as error:
            for problem in error.problems:
                wrong.setdefault(problem, []).append(_named(of_point))
    if wrong:
        raise ScenarioError(replace(one, file=at[0]) if len(at) == 1 else one for one, at in wrong.items())
    return Grid(tuple(points), {key: tuple(cells([of_point[key] for of_point in changes])) for key in changes[0]})


def _combinations(vary: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return the settings of each point: a value for each key."""
    dimensions = [
        [dict(zip(keys_of(key), value if "," in key else [value], strict=True)) for value in values]
        for key, values in vary.items()
    ]
    return [{key: value for part in parts for key, value in part.items()} for parts in itertools.product(*dimensions)]


def as_written(vary: Mapping[str, Sequence[object]]) -> dict[str, list[Any]]:
    """Return the varied keys' values as a scenario file would have them: no arrays, no models."""
    return {
        ", ".join(keys_of(key)): [
            [*map(_plain, value)] if isinstance(value, tuple) else _plain(value) for value in values
        ]
        for key, values in vary.items()
    }


def _plain(value: object) -> Any:  # noqa: ANN401 - whatever the file holds
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    return as_python(value)


def cells(values: Sequence[object]) -> list[Cell]:
    """Return a column's values, all of one type: numbers, booleans or text. Anything else becomes JSON text."""
    if all(isinstance(value, bool) for value in values) or all(_is_number(value) for value in values):
        return list(values)  # type: ignore[arg-type]  # each of them was looked at
    return [value if isinstance(value, str) else json.dumps(value) for value in values]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _problems(key: str, values: list[object]) -> list[Problem]:
    keys = keys_of(key)
    fixed = [Problem(key=one, found="cannot be varied", hint=_NOT_VARIED[one]) for one in keys if one in _NOT_VARIED]
    if fixed:
        return fixed
    uneven = [value for value in values if len(keys) > 1 and (not isinstance(value, list) or len(value) != len(keys))]
    if uneven:
        found = f"{len(uneven[0])} values" if isinstance(uneven[0], list) else shown(uneven[0])
        return [Problem(key=key, expected=f"{len(keys)} values, one for each of these keys", found=found)]
    texts = [json.dumps(value, sort_keys=True, default=str) for value in values]
    twice = next((text for text, times in Counter(texts).items() if times > 1), None)
    if not values or twice is not None:
        found = f"{twice} twice" if values else "none"
        return [Problem(key=key, expected="one or more different values", found=found)]
    return []


def _named(changes: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={json.dumps(value, default=str)}" for key, value in changes.items())

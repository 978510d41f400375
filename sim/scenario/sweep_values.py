"""The problems of a scenario's `sweep`: of its keys, and of each of their values in the scenario as it stands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sim.scenario.overrides import overridden
from sim.scenario.problems import Problem, ScenarioError, located, shown
from sim.scenario.specs import Scenario
from sim.scenario.validation import validated
from sim.scenario.variations import keys_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sim.scenario.drafts import Draft


def sweep_problems(draft: Draft, others: list[Problem]) -> Iterator[Problem]:
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

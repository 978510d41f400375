"""From a file to scenarios: reading, changes, validation, with all problems of a file at once.

Modelled:
- Changes from the command line are made before the validation, so that they can repair a file.
- Everything that other files hold is read here, so that a scenario needs no file later.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.scenario.drafts import Draft, drafts_of
from sim.scenario.overrides import overridden
from sim.scenario.problems import Place, Problem, ScenarioError
from sim.scenario.schema import value_at
from sim.scenario.specs import Scenario
from sim.scenario.sweep_values import sweep_problems
from sim.scenario.validation import validated

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

_COMMAND_LINE = Place("the command line", None)
_NO_CHANGES: Mapping[str, object] = MappingProxyType({})


def load_scenario(
    path: str | os.PathLike[str],
    changes: Mapping[str, object] = _NO_CHANGES,
    *,
    root: str | os.PathLike[str] | None = None,
) -> Scenario:
    """Read the scenario of a file.

    Parameters
    ----------
    path
        A YAML file with one document.
    changes
        Other values, by dotted key, which are put in before anything is validated.
    root
        The directory below which the files lie that the scenario names (`extends`, measured values); by default that of
        `path`, beside which they are looked for.

    Returns
    -------
    Scenario
        The scenario, with a default for every key that is not given.

    Raises
    ------
    ScenarioError
        If the file cannot be read or is wrong: with every problem, its line and its key.
    """
    scenarios = load_scenarios(path, changes, root=root)
    if len(scenarios) > 1:
        raise ScenarioError([Problem(file=str(path), expected="one scenario", found=f"{len(scenarios)} documents")])
    return scenarios[0]


def load_scenarios(
    path: str | os.PathLike[str],
    changes: Mapping[str, object] = _NO_CHANGES,
    *,
    root: str | os.PathLike[str] | None = None,
) -> list[Scenario]:
    """Read the scenarios of a file, one for each YAML document, as `load_scenario` reads one."""
    scenarios: list[Scenario] = []
    problems: list[Problem] = []
    for draft in drafts_of(Path(path), (), Path(path).parent if root is None else Path(root)):
        try:
            scenarios.append(_scenario(_changed(draft, changes)))
        except ScenarioError as error:
            problems.extend(error.problems)
    if problems:
        raise ScenarioError(problems)
    return scenarios


def _changed(draft: Draft, changes: Mapping[str, object]) -> Draft:
    """Return the draft with these changes, marked as values from the command line."""
    raw, places, problems = draft.raw, dict(draft.places), list(draft.problems)
    for key, value in changes.items():
        path = tuple(int(step) if step.isdecimal() else step for step in key.split("."))
        groups = [path[:length] for length in range(1, len(path))]
        steps = [group for group in groups if not isinstance(value_at(raw, group), dict | list)]
        try:
            raw = overridden(raw, key, value, Scenario)
        except ScenarioError as error:
            problems.extend(replace(problem, file=_COMMAND_LINE.file) for problem in error.problems)
            continue
        places = {at: place for at, place in places.items() if at[: len(path)] != path}
        places |= dict.fromkeys([*steps, path], _COMMAND_LINE)
    return Draft(raw, places, problems)


def _scenario(draft: Draft) -> Scenario:
    problems = list(draft.problems)
    scenario = None
    try:
        scenario = validated(Scenario, draft.raw, draft.places)
    except ScenarioError as error:
        problems.extend(error.problems)
    problems.extend(sweep_problems(draft, problems))
    if scenario is None or problems:
        raise ScenarioError(problems)
    return scenario

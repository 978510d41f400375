"""The two estimators of what becomes of requests, and which of them a scenario allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sim.data_plane.expectable import require_expectable
from sim.scenario.problems import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.scenario.specs import Scenario

Estimator = Literal["sampled", "expected"]
"""`sampled`: every request is drawn; `expected`: the expected counts, given what the control plane did."""


def choose_estimator(scenarios: Iterable[Scenario], asked: Estimator | None = None) -> Estimator:
    """Return the estimator that was asked for; by default `expected` if all scenarios allow it, else `sampled`.

    Raises ScenarioError if `expected` was asked for and a scenario has no expectation in closed form.
    """
    if asked == "sampled":
        return asked
    try:
        for scenario in scenarios:
            require_expectable(scenario)
    except ScenarioError:
        if asked is None:
            return "sampled"
        raise
    return "expected"

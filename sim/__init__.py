"""Simulator of ALB target deregistration during Kubernetes rolling updates.

What notebooks use is here, and docs/api.md describes it. Each is imported when it is first asked for, so that importing
a part of the package does not import the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.experiment.compare import compare
    from sim.experiment.recommend import Goal, recommend
    from sim.experiment.replication import Replication, simulate
    from sim.experiment.sweep import sweep
    from sim.scenario.loading import load_scenario
    from sim.scenario.problems import ScenarioError
    from sim.scenario.specs import Scenario

__all__ = [
    "Goal",
    "Replication",
    "Scenario",
    "ScenarioError",
    "compare",
    "load_scenario",
    "recommend",
    "simulate",
    "sweep",
]

_HOMES = {
    "Goal": "sim.experiment.recommend",
    "Replication": "sim.experiment.replication",
    "Scenario": "sim.scenario.specs",
    "ScenarioError": "sim.scenario.problems",
    "compare": "sim.experiment.compare",
    "load_scenario": "sim.scenario.loading",
    "recommend": "sim.experiment.recommend",
    "simulate": "sim.experiment.replication",
    "sweep": "sim.experiment.sweep",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the above
    """Import what is asked for from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sim' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)

"""Simulator of ALB target deregistration during Kubernetes rolling updates.

What notebooks use is here, and docs/api.md describes it. Each name is imported when it is first asked for, so that
importing a part of the package does not import the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.control_plane.aws.retry import Retryer
    from sim.control_plane.aws.retryers import retryer
    from sim.experiment.compare import compare
    from sim.experiment.goal import Goal
    from sim.experiment.recommend import recommend
    from sim.experiment.replication import Replication, simulate
    from sim.experiment.sweep import sweep
    from sim.report.addresses import addresses
    from sim.report.pictures.lag_plot import plot_lag
    from sim.report.pictures.plots import plot_causes, plot_heatmap, plot_line
    from sim.report.pictures.sweep_frame import PlotError
    from sim.scenario.loading import load_scenario
    from sim.scenario.problems import ScenarioError
    from sim.scenario.specs import Scenario

__all__ = [
    "Goal",
    "PlotError",
    "Replication",
    "Retryer",
    "Scenario",
    "ScenarioError",
    "addresses",
    "compare",
    "load_scenario",
    "plot_causes",
    "plot_heatmap",
    "plot_lag",
    "plot_line",
    "recommend",
    "retryer",
    "simulate",
    "sweep",
]

_HOMES = {
    "Goal": "sim.experiment.goal",
    "PlotError": "sim.report.pictures.sweep_frame",
    "Replication": "sim.experiment.replication",
    "Retryer": "sim.control_plane.aws.retry",
    "Scenario": "sim.scenario.specs",
    "ScenarioError": "sim.scenario.problems",
    "addresses": "sim.report.addresses",
    "compare": "sim.experiment.compare",
    "load_scenario": "sim.scenario.loading",
    "plot_causes": "sim.report.pictures.plots",
    "plot_heatmap": "sim.report.pictures.plots",
    "plot_lag": "sim.report.pictures.lag_plot",
    "plot_line": "sim.report.pictures.plots",
    "recommend": "sim.experiment.recommend",
    "retryer": "sim.control_plane.aws.retryers",
    "simulate": "sim.experiment.replication",
    "sweep": "sim.experiment.sweep",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the above
    """Import what is asked for from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sim' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)

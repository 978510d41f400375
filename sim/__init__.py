"""Simulator of ALB target deregistration during Kubernetes rolling updates: what notebooks use.

The names are imported when they are first used, so that `albsim --help` does not wait for NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.experiment.replication import simulate
    from sim.scenario.loading import load_scenario

__all__ = ["load_scenario", "simulate"]

_HOME = {"load_scenario": "sim.scenario.loading", "simulate": "sim.experiment.replication"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name is of
    if name not in _HOME:
        raise AttributeError(f"module 'sim' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)

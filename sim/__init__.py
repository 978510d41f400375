"""Simulator of ALB target deregistration during Kubernetes rolling updates.

What notebooks use is here: `load_scenario`, `simulate`, `sweep`. Each is imported when it is first asked for, so that
importing a part of the package does not import the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.experiment.replication import simulate
    from sim.experiment.sweep import sweep
    from sim.scenario.loading import load_scenario

__all__ = ["load_scenario", "simulate", "sweep"]

_HOMES = {
    "load_scenario": "sim.scenario.loading",
    "simulate": "sim.experiment.replication",
    "sweep": "sim.experiment.sweep",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the above
    """Import what is asked for from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sim' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)

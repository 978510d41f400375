"""A rolling update: which controller replaces the pods, and by which strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.deployment import Deployment
from sim.control_plane.kubernetes.one_for_one import OneForOne
from sim.control_plane.kubernetes.recreate import Recreate

if TYPE_CHECKING:
    from sim.control_plane.kubernetes.disruption import Disrupted, Disruption
    from sim.scenario.specs import Scenario


def process(scenario: Scenario, disrupted: Disrupted) -> Disruption:
    """Return the scenario's rolling update."""
    spec = scenario.deployment
    if spec.kind != "Deployment":
        return OneForOne(spec, disrupted)
    return Recreate(spec, disrupted) if spec.strategy == "Recreate" else Deployment(spec, disrupted)

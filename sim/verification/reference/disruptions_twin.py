"""The twin of each kind of disruption."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.verification.reference.canary_twin import Canary
from sim.verification.reference.deployment_twin import Deployment
from sim.verification.reference.drain_twin import Drain, Termination
from sim.verification.reference.scale_in_twin import ScaleIn
from sim.verification.reference.scale_out_twin import ScaleOut
from sim.verification.reference.strategies_twin import BlueGreen, ClusterSwitch, OneForOne, Recreate
from sim.verification.reference.unplanned_twin import Crash, LivenessFailure, NodeLost

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario

DISRUPTIONS: dict[str, type[Deployment]] = {
    "rollout": Deployment,
    "node_drain": Drain,
    "node_termination": Termination,
    "scale_in": ScaleIn,
    "scale_out": ScaleOut,
    "crash": Crash,
    "liveness_failure": LivenessFailure,
    "node_lost": NodeLost,
    "blue_green": BlueGreen,
    "canary": Canary,
    "cluster_switch": ClusterSwitch,
}


def disruption_of(scenario: Scenario) -> type[Deployment]:
    """Return the twin of a scenario's disruption."""
    spec = scenario.deployment
    if scenario.disruption == "rollout" and spec.kind != "Deployment":
        return OneForOne
    if scenario.disruption == "rollout" and spec.strategy == "Recreate":
        return Recreate
    return DISRUPTIONS[scenario.disruption]

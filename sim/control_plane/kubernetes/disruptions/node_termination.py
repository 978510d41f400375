"""A drain of nodes whose machines are then terminated: a node drain, which ends them too (`node_drain`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.disruptions.node_drain import NodeDrain

if TYPE_CHECKING:
    from sim.control_plane.kubernetes.disruption import Disrupted, Disruption
    from sim.scenario.specs import Scenario


def process(scenario: Scenario, disrupted: Disrupted) -> Disruption:
    """Return the scenario's node termination."""
    return NodeDrain(scenario.node_termination, disrupted)

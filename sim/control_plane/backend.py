"""A rolled Deployment's Service and its target group of pods, as an ingress controller sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.control_plane.aws.target_group import TargetGroup
    from sim.control_plane.controllers.ingress import Gates
    from sim.control_plane.kubernetes.endpoints import Endpoints
    from sim.control_plane.kubernetes.pod import Pod
    from sim.control_plane.kubernetes.readiness_gates import ReadinessGates


class RolledBackend:
    """A rolled Deployment's Service and its target group."""

    def __init__(self, endpoints: Endpoints, target_group: TargetGroup[Pod], gates: ReadinessGates | None) -> None:
        self._endpoints = endpoints
        self.gates: Gates[Pod] | None = gates
        self.changes: Sequence[Pod] = endpoints.changes
        self.health = target_group.health
        self.registered = target_group.registered
        self.register = target_group.register
        self.deregister = target_group.deregister

    def desired(self) -> frozenset[Pod]:
        """Return the addresses to register: the ready ones, and those with ready containers behind a closed gate."""
        return frozenset().union(self._endpoints.addresses, self._endpoints.gated)

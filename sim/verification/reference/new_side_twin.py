"""The new cluster of a switch as it comes up beside the old one, again, naively.

Written from docs/model.md, "Cluster switch", and docs/facts/capacity.md §1 and §4. With `sim.control_plane` it shares
the draws: those of addresses are of both clusters, and all others its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.streams import Stream
from sim.verification.reference.deployment_twin import Deployment, Pod
from sim.verification.reference.nodes_twin import Nodes
from sim.verification.reference.service_twin import RolledService
from sim.verification.reference.side_twin import Side
from sim.verification.reference.target_group_twin import TargetGroup

if TYPE_CHECKING:
    from sim.scenario.specs import NodesSpec, Scenario
    from sim.verification.reference.control_plane_twin import ControlPlane


class NewNodes(Nodes):
    """Nodes without images, which have what addresses the nodes of the old cluster have left."""

    def __init__(self, side: NewSide, nodes: NodesSpec, old: Nodes) -> None:
        super().__init__(side, nodes)
        self._first = nodes.count
        self._image_s = {}
        self.addresses = old.addresses

    def begin(self, pods: list[Pod]) -> None:  # noqa: ARG002 - it has none yet
        """Take addresses. A node for which there is none does not come up."""
        if self.addresses is not None:
            zones = {self._first + node: zone for node, zone in enumerate(self._zones)}
            self.addresses.begin_beside(zones, [])
            self.close(number - self._first for number in zones if number not in self.addresses.of)
        self._autoscale()


class RollsIn(Deployment):
    """The Deployment of the new cluster, whose pods all come at once."""

    @property
    def waits_for_gone(self) -> bool:
        """Return False: none of its pods ends."""
        return False

    def sync(self) -> None:
        """Create the pods."""
        self._wanted_new = self._n
        self._plane.agenda.note("ReplicaSetScaled", self._plane.agenda.now_s, "new", self._n)
        self._sync_replica_set()

    def ready(self, pod: Pod) -> None:
        """Wait for nobody."""


class NewSide(Side):
    """The new cluster."""

    def __init__(self, old: ControlPlane) -> None:
        super().__init__(old.scenario, old.streams.within(Stream.NEW_CLUSTER), old.agenda, [])
        self.account = old.account
        self.rolled = RolledService(self, [])
        self.target_group = TargetGroup(self)
        self.deployment = RollsIn(self)

    def begin(self, old: Nodes | None) -> None:
        """Set up the nodes beside those of the old cluster, and put the pods' creation on the agenda."""
        self.nodes = None
        if old is not None and self.scenario.nodes is not None:
            self.nodes = NewNodes(self, self.scenario.nodes, old)
            self.nodes.begin([])
        self.agenda.after(_created_s(self.scenario) - self.agenda.now_s, self.deployment.sync)

    def is_over(self) -> bool:
        """Return whether all new targets are registered, or nobody waits for them any more."""
        is_registered = len(self.rolled.healthy_s) == self.scenario.deployment.replicas
        return is_registered or self.agenda.next_s > self.scenario.cluster_switch.counted_until_s


def rolls_in(scenario: Scenario) -> bool:
    """Return whether a new cluster's pods are created while the time runs."""
    return scenario.disruption == "cluster_switch" and scenario.cluster_switch.new_pods_created_at_s is not None


def begins_s(scenario: Scenario) -> float:
    """Return when the first of what is followed happens."""
    return min(0.0, _created_s(scenario)) if rolls_in(scenario) else 0.0


def _created_s(scenario: Scenario) -> float:
    return scenario.cluster_switch.new_pods_created_at_s or 0.0

"""The new cluster that comes up beside the old one in a switch, if its pods are simulated (`new_pods_created_at_s`).

Modelled: the new cluster's nodes, its kube-controller-manager's client, and as many Deployments as the old cluster has.
Every random draw is its own, but those of addresses, as both clusters share the subnets.

Left out: a progress deadline. The switch is made whatever becomes of the new pods.

Sources: docs/model.md, "Cluster switch".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.replica_set import ControllerManagerClient
from sim.control_plane.trace import Trace
from sim.control_plane.wiring.cluster import Cluster
from sim.control_plane.wiring.rolling_in import RollingIn
from sim.scenario.cluster_switch import ClusterSwitchSpec
from sim.streams import Stream

if TYPE_CHECKING:
    from sim.control_plane.simulation import Simulation
    from sim.scenario.specs import Scenario


class ComingCluster:
    """What comes up beside `old`: `deployments` are its Deployments, none where none is simulated."""

    def __init__(self, simulation: Simulation, scenario: Scenario, old: Cluster | None) -> None:
        spec = scenario.disrupted_by
        self._env = simulation.env
        self.deployments: list[RollingIn] = []
        self.until_s = 0.0
        """Until when the new cluster's pods are of interest."""
        self._cluster: Cluster | None = None
        if not isinstance(spec, ClusterSwitchSpec) or spec.new_pods_created_at_s is None:
            return
        self.until_s = spec.counted_until_s
        own = simulation.within(Stream.NEW_CLUSTER)
        nodes, room = scenario.nodes, scenario.room
        if old is not None and nodes is not None and room is not None:
            self._cluster = Cluster(own, scenario, nodes, room, old.api, beside=old)
        client = ControllerManagerClient(self._env, scenario.kubernetes)
        for number in range(scenario.deployment.rolled_at_once):
            other = replace(own.within(Stream.OTHER_DEPLOYMENT, number), trace=Trace())
            of_it = other if number else own
            self.deployments.append(RollingIn(of_it, scenario, client, self._cluster, spec.new_pods_created_at_s))

    @property
    def has_come(self) -> bool:
        """Whether every pod of the first Deployment is registered, if one comes."""
        return not self.deployments or self.deployments[0].is_registered

    def start(self) -> None:
        """Start the nodes, after those of the old cluster, and the Deployments."""
        if self._cluster is not None:
            self._cluster.start()
        for deployment in self.deployments:
            self._env.process(deployment.run())

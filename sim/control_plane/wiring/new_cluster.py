"""The nodes of a cluster that takes over from another one, in the same subnets, and has stood for long.

Modelled:
- The new cluster has as many nodes and pods as the old one, and the same settings. The new nodes came up last: they
  have the addresses that the old cluster's nodes have left, each its first interface before any has its second.
- A pod for which its node has no address never becomes Ready, and so is no target. The switch is made without it.
- The new cluster's nodes go on taking addresses, through the account's EC2 buckets.

Left out: a new pod that gets an address later, and the end of the old cluster's nodes.

Sources: docs/facts/capacity.md §1 and §4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.pod import Pod
from sim.control_plane.kubernetes.scheduler import Scheduler
from sim.control_plane.trace.nodes import SandboxFailed
from sim.scenario.problems import Problem, ScenarioError

if TYPE_CHECKING:
    from sim.control_plane.aws.vpc_cni import VpcCni
    from sim.control_plane.simulation import Simulation
    from sim.scenario.room import Room
    from sim.scenario.specs import NodesSpec, Scenario


class NewCluster:
    """The nodes and pods of the cluster that takes over, which do nothing until `start`."""

    def __init__(self, simulation: Simulation, scenario: Scenario, nodes: NodesSpec, room: Room) -> None:
        self._env = simulation.env
        self._trace = simulation.trace
        self._pods, self._deployments = scenario.deployment.replicas, scenario.deployment.rolled_at_once
        self._scheduler = Scheduler(self._env, nodes=nodes.count, zones=nodes.zones, places=room.per_node)

    def start(self, cni: VpcCni, first_node: int) -> None:
        """Set up the nodes, numbered from `first_node` on, and their pods.

        Raises ScenarioError if not one of the pods has an address.
        """
        placed = []
        for deployment in range(self._deployments):
            for ordinal in range(self._pods):
                pod = Pod((deployment + 1) * self._pods + ordinal, self._env, ordinal, is_new=True)
                node = self._scheduler.bind(pod, deployment)
                if node is not None:
                    placed.append((pod, replace(node, number=first_node + node.number)))
        nodes = [replace(node, number=first_node + node.number) for node in self._scheduler.nodes.values()]
        left = [(pod, node) for pod, node in cni.start_beside(nodes, placed) if pod.number < 2 * self._pods]
        for pod, node in left:
            self._trace.record(SandboxFailed(self._env.now, pod.number, node.number))
        if len(left) == self._pods:
            expected = "subnets in which a pod of the new cluster finds an address beside the old cluster's nodes"
            raise ScenarioError([Problem(key="vpc_cni", expected=expected, found="none for any of its pods")])

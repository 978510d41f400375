"""How many pods of the rolled Deployments the worker nodes take."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from sim.scenario.fields import complaint

if TYPE_CHECKING:
    from sim.scenario.autoscaler import AutoscalerSpec
    from sim.scenario.nodes import NodesSpec
    from sim.scenario.vpc_cni import VpcCniSpec


class Room(NamedTuple):
    """The places for pods.

    Attributes
    ----------
    per_node
        The places on each node.
    nodes
        The number of nodes.
    limited_by
        What limits the places of a node: CPU, memory or max pods.
    """

    per_node: int
    nodes: int
    limited_by: str

    @property
    def places(self) -> int:
        """Pods that all nodes take."""
        return self.nodes * self.per_node

    def may_grow_by(self, autoscaler: AutoscalerSpec) -> float:
        """Return for how many more pods an autoscaler may add nodes.

        Parameters
        ----------
        autoscaler
            What adds nodes.

        Returns
        -------
        float
            A number of pods, infinite if nothing bounds the nodes.
        """
        if autoscaler.kind == "none":
            return 0
        most = math.inf if autoscaler.max_nodes is None else autoscaler.max_nodes
        return max(0.0, most - self.nodes) * self.per_node

    def require_places(self, pods: int) -> None:
        """Refuse nodes without places for the pods from before the disruption.

        Parameters
        ----------
        pods
            How many pods there are.

        Raises
        ------
        ScenarioError
            If the nodes have fewer places.
        """
        if pods > self.places:
            each = f"{self.per_node:,} on each, limited by {self.limited_by}"
            raise complaint(
                key="nodes.count", expected=f"enough nodes for {pods:,} pods, with {each}", found=f"{self.nodes:,}"
            )

    def require_nodes_left(self, drained: int, key: str) -> None:
        """Refuse a drain of all nodes.

        Parameters
        ----------
        drained
            How many nodes are drained.
        key
            The dotted key that says so.

        Raises
        ------
        ScenarioError
            If no node would be left.
        """
        if drained >= self.nodes:
            raise complaint(
                key=key,
                expected=f"fewer than {self.nodes:,}, nodes.count, as the evicted pods need a node to go to",
                found=f"{drained:,}",
            )


def room_of(nodes: NodesSpec, cni: VpcCniSpec | None) -> Room:
    """Return the room that nodes have."""
    limits = nodes.limits(nodes.max_pods_with(prefixes=cni is not None and cni.prefix_delegation))
    least = min(limits, key=limits.__getitem__)
    return Room(limits[least], nodes.count, least)

"""What a cluster's nodes hold of its subnets, and how many nodes and pods fit.

The nodes of a zone take their interfaces and addresses from that zone's subnet until it is empty. The scheduler knows
max pods, CPU and memory, but not addresses: it goes on binding pods to nodes that have none.

Modelled: nodes spread evenly over the zones, one subnet each; as many pods on each; every pool settled.

Left out:
- nodes that come up while a subnet is full, and pools that were larger before;
- prefixes that find no free block of 16 in a fragmented subnet;
- memory that other max pods would leave (the kubelet keeps 11 MiB for each).

Sources: docs/facts/capacity.md §1 and §2.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from sim.capacity.pool import Limits, Pool, limits_of, settled
from sim.scenario.instance_types import ON_HOST_NETWORK

if TYPE_CHECKING:
    from sim.scenario.nodes import NodesSpec
    from sim.scenario.vpc_cni import VpcCniSpec


@dataclass(frozen=True, slots=True)
class Subnet:
    """One zone's subnet."""

    nodes: int
    usable: int
    """The subnet's addresses, without those that AWS reserves."""
    other: int
    """Addresses held by something else than nodes."""
    per_node: int
    """Addresses held by each node."""

    @property
    def held(self) -> int:
        """Addresses that its nodes hold, or would hold if there were enough."""
        return self.nodes * self.per_node

    @property
    def free(self) -> int:
        """Addresses that are left. A negative number is how many are missing."""
        return self.usable - self.other - self.held

    @property
    def nodes_that_fit(self) -> int:
        """The number of nodes for which it has addresses."""
        return max(0, self.usable - self.other) // self.per_node


@dataclass(frozen=True)
class Plan:
    """A cluster, and what follows from its size."""

    nodes: NodesSpec
    cni: VpcCniSpec
    pods_per_node: int
    """Pods with an address on each node, those of DaemonSets included."""
    custom_networking: bool = field(default=False, kw_only=True)
    """Whether pods have addresses of other subnets than the nodes, and none of a node's first interface."""

    @cached_property
    def max_pods(self) -> int:
        """The most pods that the kubelet takes, those without an address included."""
        prefixes = self.cni.prefix_delegation and self.nodes.type.max_pods_prefix is not None
        if self.custom_networking and self.nodes.max_pods is None and not prefixes:
            return (self.nodes.type.max_enis - 1) * self.nodes.type.slots_per_eni + ON_HOST_NETWORK
        return self.nodes.max_pods_with(prefixes=prefixes)

    @cached_property
    def pool(self) -> Pool:
        """What each node keeps for its pods, in addresses and interfaces."""
        return self._pool(self.pods_per_node)

    @property
    def held_per_node(self) -> int:
        """Addresses that each node holds of its own subnet."""
        return self._held(self.pods_per_node)

    @property
    def used_per_node(self) -> int:
        """Addresses that pods have on each node."""
        return min(self.pods_per_node, self.pool.for_pods)

    @cached_property
    def subnets(self) -> tuple[Subnet, ...]:
        """The subnet of each zone. If the zones do not divide the nodes, the first subnets have one node more."""
        return tuple(
            Subnet(nodes, self.cni.usable, self.cni.other_addresses, self.held_per_node) for nodes in self._spread
        )

    @property
    def held(self) -> int:
        """Addresses that all nodes hold of their subnets."""
        return sum(subnet.held for subnet in self.subnets)

    @property
    def nodes_that_fit(self) -> int:
        """The number of such nodes for which the subnets have addresses."""
        return sum(subnet.nodes_that_fit for subnet in self.subnets)

    @cached_property
    def limits_per_node(self) -> dict[str, int]:
        """The most pods that a node takes beside those of DaemonSets, by what limits them."""
        for_pods = self._pool(self.max_pods).for_pods
        with_an_address = max(0, for_pods - self.nodes.daemonset_addresses)
        by_scheduler = self.nodes.limits(self.max_pods)
        return {"max pods": by_scheduler.pop("max pods"), "its addresses": with_an_address, **by_scheduler}

    @property
    def limited_by(self) -> str:
        """What limits the pods of a node first."""
        return min(self.limits_per_node, key=self.limits_per_node.__getitem__)

    @property
    def pods_that_fit(self) -> int:
        """The most pods beside those of DaemonSets that fit on the nodes and in the subnets, as many on each node."""
        most_nodes = self._spread[0]
        left = self.cni.usable - self.cni.other_addresses
        daemons = self.nodes.daemonset_addresses
        per_node = range(self.limits_per_node[self.limited_by] + 1)
        fitting = bisect_right(per_node, left, key=lambda pods: most_nodes * self._held(pods + daemons))
        return self.nodes.count * max(0, fitting - 1)

    @property
    def nodes_have_room(self) -> bool:
        """Whether each node takes its pods."""
        return self.pods_per_node - self.nodes.daemonset_addresses <= self.limits_per_node[self.limited_by]

    @property
    def fits(self) -> bool:
        """Whether each node takes its pods and each subnet its nodes."""
        return self.nodes_have_room and all(subnet.free >= 0 for subnet in self.subnets)

    @property
    def second_cluster_has_addresses(self) -> bool:
        """Whether the same subnets have addresses for an equal cluster beside this one."""
        return all(subnet.free >= subnet.held for subnet in self.subnets)

    @property
    def second_cluster_fits(self) -> bool:
        """Whether an equal cluster has room beside this one, on its nodes and in the same subnets."""
        return self.nodes_have_room and self.second_cluster_has_addresses

    @property
    def _spread(self) -> tuple[int, ...]:
        each, more = divmod(self.nodes.count, self.nodes.zones)
        return tuple(each + (zone < more) for zone in range(self.nodes.zones))

    def _pool(self, pods: int) -> Pool:
        limits = limits_of(self.nodes.type, self.cni, self.max_pods)
        if self.custom_networking:
            limits = Limits(limits.interfaces - 1, limits.slots_per_interface, limits.max_pods)
        return settled(limits, self.cni, pods)

    def _held(self, pods: int) -> int:
        return 1 if self.custom_networking else self._pool(pods).held

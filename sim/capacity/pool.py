"""The addresses that the VPC CNI keeps on one node, once it has settled.

ipamd on each node keeps interfaces with addresses, or with prefixes of 16, ahead of the pods. What ipamd keeps grows in
steps while the warm target is not met and max pods is not reached. Each interface also has a primary address of its
own, which is taken from the subnet and never given to a pod.

Modelled: where that loop ends if the pods come one after another.

Left out:
- the way there (docs/facts/capacity.md §1);
- pods that all come at once near max pods, for which it may take some addresses more;
- addresses that cool down after a pod.

Sources: aws/amazon-vpc-cni-k8s pkg/ipamd/ipamd.go, docs/eni-and-ip-target.md, docs/prefix-and-ip-target.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.scenario.instance_types import InstanceType
    from sim.scenario.vpc_cni import VpcCniSpec

PREFIX_SIZE = 16


@dataclass(frozen=True, slots=True)
class Pool:
    """What a node holds."""

    interfaces: int
    slots: int
    """Secondary addresses of all interfaces, or prefixes."""
    addresses_per_slot: int

    @property
    def for_pods(self) -> int:
        """Addresses that pods can have."""
        return self.slots * self.addresses_per_slot

    @property
    def held(self) -> int:
        """Addresses of the subnet that the node holds: those for pods, and each interface's own."""
        return self.interfaces + self.for_pods


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a node's pool may grow."""

    interfaces: int
    slots_per_interface: int
    max_pods: int


def limits_of(instance_type: InstanceType, cni: VpcCniSpec, max_pods: int) -> Limits:
    """Return the limits of a node of that type."""
    interfaces = min(instance_type.max_enis, cni.max_eni or instance_type.max_enis)
    return Limits(interfaces, instance_type.slots_per_eni, max_pods)


def settled(limits: Limits, cni: VpcCniSpec, pods: int) -> Pool:
    """Return the pool of a node with this many pods that need an address."""
    size = PREFIX_SIZE if cni.prefix_delegation else 1
    room = limits.slots_per_interface
    slots = min(_wanted(cni, pods, room), _most(limits, cni, size), room * limits.interfaces)
    return Pool(max(1, _up(slots, room)), slots, size)


def _most(limits: Limits, cni: VpcCniSpec, size: int) -> int:
    """Return the number of slots at which the pool stops growing at max pods, after whole steps."""
    room = limits.slots_per_interface
    enough = _up(limits.max_pods, size)
    in_whole_interfaces = room * _up(enough, room)
    if not (cni.warm_ip_target or cni.minimum_ip_target or cni.prefix_delegation):
        return in_whole_interfaces
    at_start = _wanted(cni, 0, room)
    return max(enough, min(at_start, in_whole_interfaces))


def _wanted(cni: VpcCniSpec, pods: int, room: int) -> int:
    """Return the number of slots that meet the warm target with this many pods, if nothing limits them."""
    size = PREFIX_SIZE if cni.prefix_delegation else 1
    warm, minimum = cni.warm_ip_target or 0, cni.minimum_ip_target or 0
    if warm or minimum:
        return _up(max(pods + warm if warm else 0, minimum), size)
    if cni.prefix_delegation:
        return _with_spare(pods, size, cni.warm_prefix_target)
    return room * _with_spare(pods, room, cni.warm_eni_target)


def _with_spare(pods: int, size: int, spare: int) -> int:
    """Return how many parts of a size hold the pods and the spare addresses. Without a target one address is spare."""
    return _up(pods, size) + spare if spare else pods // size + 1


def _up(value: int, size: int) -> int:
    return -(-value // size)

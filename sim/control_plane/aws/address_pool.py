"""The addresses that the VPC CNI keeps on one node: what it holds, and whether it wants more or fewer.

Modelled:
- An interface has a primary address, which no pod gets, and slots, each with an address or a prefix of 16.
- An address that a pod has left is not given to another one until it has cooled down. Until then the address counts as
  available wherever the pool decides whether it is large enough.
- The pool is too small while its warm target is not met and it has fewer addresses than max pods.

Left out:
- which free address a pod gets (here the first one; the CNI takes any);
- the trunk interface of security groups for pods, and other network cards than the first;
- with WARM_PREFIX_TARGET 0 the CNI takes its last free prefix and gives it back in turns. Here the node keeps it.

Sources: docs/facts/capacity.md §1; CNI is aws/amazon-vpc-cni-k8s@b5218838, pkg/ipamd/ipamd.go and datastore/.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from sim.scenario.specs import VpcCniSpec

PREFIX_SIZE = 16
INTERFACE_KEPT_S = 60.0
"""How old an interface must be to be freed (minENILifeTime)."""


@dataclass(slots=True, eq=False)
class Address:
    """An address for pods, which is free for the next one from `free_from_s` on."""

    pod: Hashable | None = None
    free_from_s: float = -math.inf


@dataclass(slots=True, eq=False)
class Interface:
    """A network interface with its slots.

    `slots` are those that a pod has had an address of, each with these addresses; `untouched` is how many come after
    them that no pod has had one of.
    """

    attached_s: float
    slots: list[list[Address]] = field(default_factory=list)
    untouched: int = 0

    @property
    def size(self) -> int:
        """How many slots the interface has."""
        return len(self.slots) + self.untouched

    def addresses(self) -> Iterator[Address]:
        """Yield the addresses that a pod has or has had."""
        for slot in self.slots:
            yield from slot


class AddressPool:
    """The pool of one node, with its first interface and nothing on it.

    `interfaces` and `slots_per_interface` are the most that the instance may have, `max_pods` is the kubelet's.
    """

    def __init__(self, cni: VpcCniSpec, *, interfaces: int, slots_per_interface: int, max_pods: int) -> None:
        self._cni = cni
        self._most_interfaces = interfaces
        self._room = slots_per_interface
        self._max_pods = max_pods
        self._warm, self._minimum = cni.warm_ip_target or 0, cni.minimum_ip_target or 0
        self._has_targets = bool(self._warm or self._minimum)
        self._enough = max(slots_per_interface * cni.warm_eni_target, 1)
        self._only_counts_interfaces = not self._has_targets and not cni.prefix_delegation
        self.per_slot = PREFIX_SIZE if cni.prefix_delegation else 1
        self.interfaces = [Interface(-math.inf)]
        self.total = 0
        self._given: dict[Hashable, Address] = {}

    @property
    def assigned(self) -> int:
        """Addresses that pods have."""
        return len(self._given)

    @property
    def available(self) -> int:
        """Addresses that no pod has, cooling ones among them."""
        return self.total - len(self._given)

    @property
    def held(self) -> int:
        """Addresses of the subnet that the node holds."""
        return len(self.interfaces) + self.total

    def assign(self, pod: Hashable, now_s: float) -> bool:
        """Let a pod have an address. Return whether there is one."""
        address = self._first_cool(now_s) if self.available > 0 else None
        if address is None:
            return False
        address.pod = pod
        self._given[pod] = address
        return True

    def _first_cool(self, now_s: float) -> Address | None:
        for interface in self.interfaces:
            for slot in interface.slots:
                for address in slot:
                    if address.pod is None and address.free_from_s <= now_s:
                        return address
                if len(slot) < self.per_slot:
                    slot.append(fresh := Address())
                    return fresh
            if interface.untouched:
                interface.untouched -= 1
                interface.slots.append([fresh := Address()])
                return fresh
        return None

    def release(self, pod: Hashable, now_s: float) -> int:
        """Take back a pod's address and let it cool down. Return how many that were, 1 or 0."""
        address = self._given.pop(pod, None)
        if address is None:
            return 0
        address.pod, address.free_from_s = None, now_s + self._cni.cooldown_s
        return 1

    @property
    def slots_wanted(self) -> int:
        """How many slots the pool wants more, 0 if it is large enough."""
        if self.total >= self._max_pods:
            return 0
        if self._has_targets:
            short = max(self._warm - self.available, self._minimum - self.total, 0)
            return math.ceil(short / self.per_slot)
        if self._cni.prefix_delegation:
            target = self._cni.warm_prefix_target
            if self.available >= max(PREFIX_SIZE * target, 1):
                return 0
            return max(1, target - self._free_prefixes(self.interfaces))
        return 0 if self.available >= self._enough else self._room

    @property
    def with_room(self) -> Interface | None:
        """The first interface with a free slot."""
        return next((interface for interface in self.interfaces if interface.size < self._room), None)

    @property
    def may_grow(self) -> bool:
        """Whether the instance may have more interfaces or slots."""
        return len(self.interfaces) < self._most_interfaces or self.with_room is not None

    def slots_of_new_interface(self) -> int:
        """Return how many slots a new interface gets with its creation."""
        return min(self.slots_wanted, self._room)

    def slots_for(self, interface: Interface) -> int:
        """Return how many more slots an interface gets at once."""
        return min(self.slots_wanted, self._room - interface.size)

    def add_slots(self, interface: Interface, slots: int) -> None:
        """Add free slots to an interface."""
        interface.untouched += slots
        self.total += slots * self.per_slot

    def slots_over(self) -> int:
        """Return how many slots the pool has too many: never single ones where only interfaces are counted."""
        if self._only_counts_interfaces:
            return 0
        if self._has_targets and self._cni.prefix_delegation:
            needed = max(math.ceil((self.assigned + self._warm) / PREFIX_SIZE), math.ceil(self._minimum / PREFIX_SIZE))
            return max(0, min(self._free_prefixes(self.interfaces), self.total // PREFIX_SIZE - needed))
        if self._has_targets:
            return max(0, min(self.available - self._warm, self.total - self._minimum))
        target = self._cni.warm_prefix_target
        spare = (self.available - max(PREFIX_SIZE * target, 1)) // PREFIX_SIZE
        return max(0, min(self._free_prefixes(self.interfaces) - target, spare))

    def return_slots(self, now_s: float) -> int:
        """Release the slots that are too many, as far as they are free and cool. Return how many addresses."""
        over, returned = self.slots_over(), 0
        for interface in reversed(self.interfaces):
            untouched = min(over - returned, interface.untouched)
            interface.untouched -= untouched
            returned += untouched
            for slot in [slot for slot in reversed(interface.slots) if _is_free(slot, now_s)]:
                if returned < over:
                    interface.slots.remove(slot)
                    returned += 1
        self.total -= returned * self.per_slot
        return returned * self.per_slot

    def spare_interface(self, now_s: float) -> Interface | None:
        """Return an interface that may be freed now: not the first, old enough, without a pod, and not needed."""
        for interface in self.interfaces[1:]:
            if self._is_spare(interface) and self.free_from_s(interface) <= now_s:
                return interface
        return None

    def spare_from_s(self) -> float:
        """Return when an interface may first be freed, as far as that is known now; `inf` if none may."""
        if self._only_counts_interfaces and not self._is_spare(self.interfaces[-1]):
            return math.inf
        spare = (interface for interface in self.interfaces[1:] if self._is_spare(interface))
        return min((self.free_from_s(interface) for interface in spare), default=math.inf)

    def has_cool_slot(self, now_s: float) -> bool:
        """Return whether a slot is free and cool, so that it can be given back."""
        if any(interface.untouched for interface in self.interfaces):
            return True
        return any(_is_free(slot, now_s) for interface in self.interfaces for slot in interface.slots)

    def free_from_s(self, interface: Interface) -> float:
        """Return from when on an interface is old enough and all its addresses are cool; `inf` if a pod has one."""
        if any(address.pod is not None for address in interface.addresses()):
            return math.inf
        cool_s = max((address.free_from_s for address in interface.addresses()), default=-math.inf)
        return max(cool_s, interface.attached_s + INTERFACE_KEPT_S)

    def remove(self, interface: Interface) -> int:
        """Free an interface. Return how many addresses that gives back to the subnet."""
        self.interfaces.remove(interface)
        freed = interface.size * self.per_slot
        self.total -= freed
        return 1 + freed

    def _is_spare(self, interface: Interface) -> bool:
        if self._only_counts_interfaces:
            return self.available >= (self._cni.warm_eni_target + 1) * self._room
        of_others = self.total - interface.size * self.per_slot
        if self._has_targets:
            warm = math.ceil(self._warm / self.per_slot) * self.per_slot
            return of_others - self.assigned >= warm and of_others >= self._minimum
        target = self._cni.warm_prefix_target
        enough = self.available >= (target + 1) * PREFIX_SIZE * self._room or not interface.size
        others = [other for other in self.interfaces if other is not interface]
        return enough and self._free_prefixes(others) >= target

    def _free_prefixes(self, interfaces: list[Interface]) -> int:
        slots = [slot for interface in interfaces for slot in interface.slots]
        untouched = sum(interface.untouched for interface in interfaces)
        return untouched + sum(all(address.pod is None for address in slot) for slot in slots)


def _is_free(slot: list[Address], now_s: float) -> bool:
    return all(address.pod is None and address.free_from_s <= now_s for address in slot)

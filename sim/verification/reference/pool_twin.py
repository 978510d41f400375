"""The pool of addresses on one worker node again, naively: what it holds, and by the tables what it wants.

Written from docs/facts/capacity.md §1 (the VPC CNI's `low`, `need` and `shrink`). With `sim.control_plane` it shares
what the facts leave open: the first free address is given to a pod, and the last slots are given back first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.scenario.specs import NodesSpec, VpcCniSpec
    from sim.verification.reference.agenda_twin import Agenda

KEPT_S = 60.0
A_PREFIX = 16


@dataclass(eq=False)
class Slot:
    """A slot of an interface: an address, or a prefix of 16, of each of which either a pod has it or it cools down."""

    pods: list[object]
    cool_s: list[float]

    def is_free(self) -> bool:
        """Return whether no pod has an address of it."""
        return all(pod is None for pod in self.pods)

    def is_cool(self, now_s: float) -> bool:
        """Return whether no pod has an address of it, and none has had one just now."""
        return self.is_free() and max(self.cool_s) <= now_s


@dataclass(eq=False)
class Interface:
    """An interface with its slots."""

    since_s: float
    slots: list[Slot] = field(default_factory=list)


class Subnet:
    """A zone's subnet."""

    def __init__(self, agenda: Agenda, zone: int, size: int) -> None:
        self._agenda = agenda
        self.zone = zone
        self.size = self.free = size
        self.used = 0

    def take(self, addresses: int) -> bool:
        """Take addresses, all or none. A negative number gives them back."""
        if addresses > self.free:
            return False
        self.free -= addresses
        if addresses != 0:
            self.tell()
        return True

    def use(self, addresses: int) -> None:
        """Count so many addresses more that pods use."""
        self.used += addresses
        self.tell()

    def tell(self) -> None:
        """Note what the zone's nodes hold and their pods use."""
        self._agenda.note("SubnetHeld", self._agenda.now_s, self.zone, self.size - self.free, self.used)


class Pool:
    """The addresses that one node holds."""

    def __init__(self, agenda: Agenda, nodes: NodesSpec, cni: VpcCniSpec, subnet: Subnet) -> None:
        self.agenda, self.cni, self.subnet = agenda, cni, subnet
        self.k = A_PREFIX if cni.prefix_delegation else 1
        kind = nodes.type
        self.m = kind.slots_per_eni
        self.most_interfaces = min(kind.max_enis, cni.max_eni or kind.max_enis)
        self._max_pods = nodes.max_pods_with(prefixes=cni.prefix_delegation)
        self.interfaces = [Interface(-math.inf)]

    def slots(self) -> list[Slot]:
        """Return the slots of all interfaces."""
        return [slot for interface in self.interfaces for slot in interface.slots]

    def _total(self) -> int:
        return self.k * len(self.slots())

    def assigned(self) -> int:
        """Return how many addresses pods have."""
        return sum(pod is not None for slot in self.slots() for pod in slot.pods)

    def _available(self) -> int:
        return self._total() - self.assigned()

    def held(self) -> int:
        """Return how many of the subnet's addresses the node holds."""
        return len(self.interfaces) + self._total()

    def give(self, pod: object) -> bool:
        """Give a pod the first address that is free and cool, if there is one."""
        for slot in self.slots():
            for place, owner in enumerate(slot.pods):
                if owner is None and slot.cool_s[place] <= self.agenda.now_s:
                    slot.pods[place] = pod
                    self.subnet.use(1)
                    return True
        return False

    def take_back(self, pod: object) -> None:
        """Let a pod's address cool down."""
        for slot in self.slots():
            if pod in slot.pods:
                place = slot.pods.index(pod)
                slot.pods[place], slot.cool_s[place] = None, self.agenda.now_s + self.cni.cooldown_s
                self.subnet.use(-1)
                return
        self.subnet.use(0)

    def need(self) -> int:
        """Return how many slots are wanted: `need()`, 0 where `low()` is false."""
        w, mu, available = self.cni.warm_ip_target or 0, self.cni.minimum_ip_target or 0, self._available()
        if self._total() >= self._max_pods:
            return 0
        if w or mu:
            return math.ceil(max(w - available, mu - self._total(), 0) / self.k)
        if self.cni.prefix_delegation:
            target = self.cni.warm_prefix_target
            low = available == 0 if target == 0 else available < A_PREFIX * target
            return max(1, target - sum(slot.is_free() for slot in self.slots())) if low else 0
        target = self.cni.warm_eni_target
        low = available == 0 if target == 0 else available < self.m * target
        return self.m if low else 0

    def over(self) -> int:
        """Return how many slots are too many."""
        w, mu = self.cni.warm_ip_target or 0, self.cni.minimum_ip_target or 0
        available, free = self._available(), sum(slot.is_free() for slot in self.slots())
        if (w or mu) and self.k == 1:
            return max(0, min(available - w, self._total() - mu))
        if w or mu:
            prefixes = max(math.ceil((self.assigned() + w) / A_PREFIX), math.ceil(mu / A_PREFIX))
            return max(0, min(free, len(self.slots()) - prefixes))
        if self.cni.prefix_delegation:
            target = self.cni.warm_prefix_target
            beyond = (available - max(A_PREFIX * target, 1)) // A_PREFIX
            return max(0, min(free - target, beyond))
        return 0

    def is_spare(self, interface: Interface) -> bool:
        """Return whether an interface is old and cool enough to be freed, and the targets are met without it."""
        now_s, others = self.agenda.now_s, [other for other in self.interfaces if other is not interface]
        if now_s < interface.since_s + KEPT_S or not all(slot.is_cool(now_s) for slot in interface.slots):
            return False
        w, mu = self.cni.warm_ip_target or 0, self.cni.minimum_ip_target or 0
        without = self._total() - self.k * len(interface.slots)
        if w or mu:
            in_whole_slots = math.ceil(w / self.k) * self.k
            return without - self.assigned() >= in_whole_slots and without >= mu
        if self.cni.prefix_delegation:
            target = self.cni.warm_prefix_target
            free = sum(slot.is_free() for other in others for slot in other.slots)
            plenty = self._available() >= (target + 1) * A_PREFIX * self.m
            return (plenty or not interface.slots) and free >= target
        return self._available() >= (self.cni.warm_eni_target + 1) * self.m

    def return_slots(self) -> None:
        """Give back the slots that are too many, as far as they are cool."""
        left = over = self.over()
        for interface in reversed(self.interfaces):
            for slot in list(reversed(interface.slots)):
                if left > 0 and slot.is_cool(self.agenda.now_s):
                    interface.slots.remove(slot)
                    left -= 1
        self.subnet.take(-self.k * (over - left))

    def new(self, slots: int) -> list[Slot]:
        """Return so many slots without pods."""
        return [Slot([None] * self.k, [-math.inf] * self.k) for _ in range(slots)]

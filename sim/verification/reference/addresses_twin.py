"""The addresses of worker nodes again, naively: each node's loop looks every 5 s, and the tables say what it does.

Written from docs/facts/capacity.md §1 (the VPC CNI's `grow` and `shrink`) and docs/facts/kubernetes.md §1 and §6. With
`sim.control_plane` it shares the draws.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.scenario.distributions import Uniform
from sim.streams import Stream
from sim.verification.reference.pool_twin import Interface, Pool, Subnet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sim.scenario.specs import NodesSpec, VpcCniSpec
    from sim.verification.reference.deployment_twin import Pod
    from sim.verification.reference.side_twin import Side

EVERY_S = 5.0
FULL_FOR_S = 120.0
SHRINKS_EVERY_S = 30.0
ROUNDING_S = 1e-6
ATTACHING = (
    "DescribeSubnets",
    "CreateNetworkInterface",
    "DescribeInstances",
    "AttachNetworkInterface",
    "ModifyNetworkInterfaceAttribute",
)


class NodeAddresses(Pool):
    """The addresses of one node, and its loop."""

    def __init__(self, addresses: Addresses, number: int, subnet: Subnet) -> None:
        plane = addresses.plane
        super().__init__(plane.agenda, addresses.nodes, addresses.cni, subnet)
        self._admit = addresses.admit
        self.number = number
        self._full_until_s = self._shrunk_s = -math.inf
        self._is_gone = False
        self._assign_s = plane.streams.draws(self.cni.assign_latency_s, Stream.ADDRESS_LATENCY, number)
        self._attach_s = plane.streams.draws(self.cni.new_eni_latency_s, Stream.INTERFACE_LATENCY, number)
        self._phase_s = EVERY_S * addresses.phases[number]
        self._looks = math.floor((self.agenda.now_s - self._phase_s) / EVERY_S)

    def start(self) -> None:
        """Let the loop begin."""
        self._later()

    def _later(self) -> None:
        now = (self.agenda.now_s - self._phase_s) / EVERY_S
        self._looks = max(self._looks + 1, math.ceil(now - ROUNDING_S))
        self.agenda.after(max(0.0, self._phase_s + EVERY_S * self._looks - self.agenda.now_s), self._look)

    def end_machine(self) -> None:
        """Give everything back. What a call under way brings goes back when it is there."""
        self._is_gone = True
        self.subnet.use(-self.assigned())
        self.subnet.take(-self.held())

    def _look(self) -> None:
        now_s = self.agenda.now_s
        if self._is_gone:
            return
        if self.need() > 0 and self._may_grow():
            if now_s >= self._full_until_s - ROUNDING_S:
                self._grow()
                return
        elif self.over() > 0 and now_s >= self._shrunk_s + SHRINKS_EVERY_S - ROUNDING_S:
            self._shrunk_s = now_s
            if any(slot.is_cool(now_s) for slot in self.slots()) and self._admit("UnassignPrivateIpAddresses"):
                self.return_slots()
        self._free_one()

    def _free_one(self) -> None:
        for interface in self.interfaces[1:]:
            if self.is_spare(interface):
                if self._admit("DetachNetworkInterface") and self._admit("DeleteNetworkInterface"):
                    self.interfaces.remove(interface)
                    self.subnet.take(-1 - self.k * len(interface.slots))
                break
        self._later()

    def _may_grow(self) -> bool:
        return len(self.interfaces) < self.most_interfaces or self._unfilled() is not None

    def _unfilled(self) -> Interface | None:
        return next((interface for interface in self.interfaces if len(interface.slots) < self.m), None)

    def _grow(self) -> None:
        interface = self._unfilled()
        if interface is not None:
            self._fill(interface, [min(self.m - len(interface.slots), self.need()), 1])
            return
        slots = min(self.need(), self.m)
        if 1 + self.k * slots > self.subnet.free:
            self.refused()
        elif all(self._admit(operation) for operation in ATTACHING):
            self.subnet.take(1 + self.k * slots)
            self.agenda.after(next(self._attach_s), lambda: self._attached(slots))
            return
        self._free_one()

    def _attached(self, slots: int) -> None:
        if self._is_gone:
            self.subnet.take(-1 - self.k * slots)
            return
        self.interfaces.append(Interface(self.agenda.now_s, self.new(slots)))
        self._free_one()

    def _fill(self, interface: Interface, tries: list[int]) -> None:
        """Ask for slots, and if the subnet has too few for them once more for one."""
        if not tries:
            self.refused()
        elif self._admit("AssignPrivateIpAddresses"):
            self.agenda.after(next(self._assign_s), lambda: self._filled(interface, tries))
            return
        self._free_one()

    def _filled(self, interface: Interface, tries: list[int]) -> None:
        if self._is_gone:
            return
        if self.subnet.take(self.k * tries[0]):
            interface.slots += self.new(tries[0])
            self._free_one()
        else:
            self._fill(interface, tries[1:])

    def refused(self) -> None:
        """Note that the subnet is too empty, and ask for nothing for two minutes."""
        self._full_until_s = self.agenda.now_s + FULL_FOR_S
        self.agenda.note("SubnetFull", self.agenda.now_s, self.number, self.subnet.zone)

    def grown_at_once(self) -> bool:
        """Take one step without a call and without time, and return whether the node holds more then."""
        if self.need() == 0 or not self._may_grow():
            return False
        interface = self._unfilled()
        if interface is None:
            slots = min(self.need(), self.m)
            if not self.subnet.take(1 + self.k * slots):
                return False
            self.interfaces.append(Interface(-math.inf, self.new(slots)))
            return True
        for slots in (min(self.m - len(interface.slots), self.need()), 1):
            if self.subnet.take(self.k * slots):
                interface.slots += self.new(slots)
                return True
        return False


class Addresses:
    """The subnets, and what each node holds of them."""

    def __init__(self, plane: Side, nodes: NodesSpec, cni: VpcCniSpec) -> None:
        self.plane, self.nodes, self.cni = plane, nodes, cni
        self.phases = plane.streams.indexed(Uniform(dist="uniform", low=0, high=1), Stream.IPAMD_PHASE)
        size = max(0, 2 ** (32 - cni.subnet_prefix_length) - 5 - cni.other_addresses)
        self.subnets = [Subnet(plane.agenda, zone, size) for zone in range(nodes.zones)]
        self.of: dict[int, NodeAddresses] = {}
        self.waiting: list[Pod] = []

    def admit(self, operation: str) -> bool:
        """Return whether a call of EC2 is not throttled."""
        return self.plane.account.api.admit([operation], self.plane.agenda.now_s)

    def begin(self, zones: Iterable[int], pods: Iterable[tuple[Pod, int]]) -> None:
        """Give the first nodes and their pods addresses, in turns. Raises `TimeoutError` if there are too few."""
        everywhere = dict(enumerate(zones))
        if len(self._launched(everywhere)) < len(everywhere) or self._set_up(everywhere, pods):
            raise TimeoutError

    def begin_beside(self, zones: Mapping[int, int], pods: Sequence[tuple[Pod, int]]) -> list[tuple[Pod, int]]:
        """Give another cluster's nodes, by number, and their pods what addresses are left, in turns.

        Return the pods without one: a node without an address of its own does not come up.
        """
        up = self._launched(zones)
        nowhere = [(pod, number) for pod, number in pods if number not in up]
        return nowhere + self._set_up(up, [(pod, number) for pod, number in pods if number in up])

    def _launched(self, zones: Mapping[int, int]) -> dict[int, int]:
        return {number: zone for number, zone in zones.items() if self.subnets[zone].take(1)}

    def _set_up(self, zones: Mapping[int, int], pods: Iterable[tuple[Pod, int]]) -> list[tuple[Pod, int]]:
        """Let nodes and their pods take addresses in turns, and return the pods without one."""
        nodes = [NodeAddresses(self, number, self.subnets[zone]) for number, zone in zones.items()]
        self.of |= {held.number: held for held in nodes}
        _turn(nodes)
        for held in nodes:
            self._daemons(held)
        left, grew = list(pods), True
        while left and grew:
            left = [(pod, number) for pod, number in left if not self.of[number].give(pod)]
            grew = _turn(nodes)
        while _turn(nodes):
            pass
        for held in nodes:
            held.start()
        return left

    def join(self, number: int, zone: int) -> None:
        """Let a new node, whose own address is taken, do its first step."""
        held = self.of[number] = NodeAddresses(self, number, self.subnets[zone])
        if self.admit("AssignPrivateIpAddresses") and not held.grown_at_once():
            held.refused()
        self._daemons(held)
        held.start()

    def ask(self, pod: Pod, number: int, then: Callable[[], None]) -> None:
        """Go on once a pod has an address of its node."""
        if self.of[number].give(pod):
            then()
            return
        self.waiting.append(pod)
        retries = self.plane.streams.uniforms(Stream.SANDBOX_RETRY, pod.number)

        def fails() -> None:
            self.plane.agenda.note("SandboxFailed", self.plane.agenda.now_s, pod.number, number)
            self.plane.agenda.after(10 + 5 * next(retries), again)

        def again() -> None:
            if self.of[number].give(pod):
                self.waiting.remove(pod)
                then()
            else:
                fails()

        fails()

    def _daemons(self, held: NodeAddresses) -> None:
        for _ in range(max(0, self.nodes.daemonset_pods - 2)):
            held.give(object())


def _turn(nodes: Sequence[NodeAddresses]) -> bool:
    """Let each node take one step, and return whether any holds more then."""
    grown = [held.grown_at_once() for held in nodes]
    return any(grown)

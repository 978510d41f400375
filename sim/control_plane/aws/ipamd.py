"""ipamd, the VPC CNI's daemon on one node: it takes addresses from the subnet through EC2, and gives them back.

Modelled:
- A pass every 5 s does one thing: it fills an interface, attaches a new one with its addresses, or gives some back.
  Addresses are given back at most every 30 s; a pass that has to wait until they are cool counts. The same pass may
  also free one interface.
- A subnet that is too empty for an interface's addresses is asked for one address. If this call fails too, or if there
  is no room for a new interface with all its addresses, the node does not ask again for 120 s.
- A node whose machine ends gives its addresses back at once, and those of an interface that is being attached when the
  attachment would have ended.
- Each call needs a token from the account's EC2 buckets. A throttled call is made again in the next pass.

Left out:
- the 60 s for which a returned address is not reconciled;
- interfaces that leak, and how long a detach takes;
- subnet discovery;
- fragmented subnets: here there is a free prefix for every 16 free addresses;
- the retries of EC2's SDK.

Sources: docs/facts/capacity.md §1; CNI is aws/amazon-vpc-cni-k8s@b5218838, pkg/ipamd/ipamd.go.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.control_plane.aws.address_pool import AddressPool, Interface
from sim.control_plane.trace.nodes import SubnetFull
from sim.scenario.actions import Action
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Hashable

    import simpy

    from sim.control_plane.aws.aws_api import AwsApi
    from sim.control_plane.aws.subnet import Subnet
    from sim.control_plane.simulation import Simulation
    from sim.scenario.specs import VpcCniSpec

PASS_S = 5.0
BACKOFF_S = 120.0
SHRINK_S = 30.0
ROUNDING = 1e-6
NEW_INTERFACE = (
    Action.DESCRIBE_SUBNETS,
    Action.CREATE_NETWORK_INTERFACE,
    Action.DESCRIBE_INSTANCES,
    Action.ATTACH_NETWORK_INTERFACE,
    Action.MODIFY_NETWORK_INTERFACE_ATTRIBUTE,
)


class Ipamd:
    """The daemon of one node, whose loop runs from `watch` on, whenever there is something to do."""

    def __init__(
        self,
        simulation: Simulation,
        cni: VpcCniSpec,
        api: AwsApi,
        node: int,
        subnet: Subnet,
        pool: AddressPool,
        phase: float,
    ) -> None:
        """Make the daemon. `phase`, from 0 to 1, is the part of a pass that is over when time begins."""
        self._env = simulation.env
        self._trace = simulation.trace
        self._api = api
        self._node = node
        self._subnet = subnet
        self._pool = pool
        self._phase_s = PASS_S * phase
        self._assign_s = simulation.streams.draws(cni.assign_latency_s, Stream.ADDRESS_LATENCY, node)
        self._attach_s = simulation.streams.draws(cni.new_eni_latency_s, Stream.INTERFACE_LATENCY, node)
        self._passes = math.floor((self._env.now - self._phase_s) / PASS_S)
        self._full_until_s = -math.inf
        self._shrunk_s = -math.inf
        self._changed: simpy.Event | None = None
        self._is_watched = self._runs = False
        self.gone = False

    @property
    def pool(self) -> AddressPool:
        """What the node holds."""
        return self._pool

    def assign(self, pod: Hashable) -> bool:
        """Let a pod have an address. Return whether there is one."""
        given = self._pool.assign(pod, self._env.now)
        if given:
            self._subnet.use(1)
            self._look()
        return given

    def release(self, pod: Hashable) -> None:
        """Take back a pod's address."""
        self._subnet.use(-self._pool.release(pod, self._env.now))
        self._look()

    def grow_at_once(self) -> bool:
        """Do one growing step without time or calls, for what was before the simulation.

        Return whether the pool grew.
        """
        if self._pool.slots_wanted == 0 or not self._pool.may_grow:
            return False
        held = self._pool.held
        interface = self._pool.with_room
        if interface is None:
            self._take_interface(-math.inf)
        else:
            self._take_slots(interface)
        return self._pool.held > held

    def watch(self) -> None:
        """Keep the pool at its targets from now on."""
        self._is_watched = True
        self._look()

    def _run(self) -> Generator[simpy.Event]:
        """Act in every pass, until nothing is known that there will be to do."""
        while not self.gone and (due_s := self._due_s()) < math.inf:
            if due_s > self._env.now:
                self._changed = self._env.event()
                yield self._changed | self._env.timeout(due_s - self._env.now)
                self._changed = None
                continue
            self._passes = max(self._passes + 1, math.ceil((self._env.now - self._phase_s) / PASS_S - ROUNDING))
            yield self._env.timeout(max(0.0, self._phase_s + PASS_S * self._passes - self._env.now))
            if not self.gone:
                yield from self._act()
        self._runs = False

    def start(self) -> None:
        """Do what comes before a node is Ready, and is part of that time: one growing step."""
        if self._calls(Action.ASSIGN_PRIVATE_IP_ADDRESSES) and not self.grow_at_once():
            self._back_off()

    def _due_s(self) -> float:
        """Return when a pass has something to do, `inf` if nothing is known of."""
        pool = self._pool
        due_s = pool.spare_from_s()
        if pool.slots_wanted > 0 and pool.may_grow:
            due_s = min(due_s, self._full_until_s)
        if pool.slots_over() > 0:
            due_s = min(due_s, self._shrunk_s + SHRINK_S)
        return due_s

    def _act(self) -> Generator[simpy.Event]:
        pool = self._pool
        if pool.slots_wanted > 0 and pool.may_grow:
            if self._env.now >= self._full_until_s - ROUNDING:
                yield from self._grow()
                if self.gone:
                    return
        elif pool.slots_over() > 0 and self._env.now >= self._shrunk_s + SHRINK_S - ROUNDING:
            self._shrunk_s = self._env.now
            if pool.has_cool_slot(self._env.now) and self._calls(Action.UNASSIGN_PRIVATE_IP_ADDRESSES):
                self._subnet.give(pool.return_slots(self._env.now))
        spare = pool.spare_interface(self._env.now)
        if spare is not None and self._calls(Action.DETACH_NETWORK_INTERFACE, Action.DELETE_NETWORK_INTERFACE):
            self._subnet.give(pool.remove(spare))

    def _grow(self) -> Generator[simpy.Event]:
        interface = self._pool.with_room
        if interface is None:
            yield from self._attach()
            return
        for slots in (self._pool.slots_for(interface), 1):
            if not self._calls(Action.ASSIGN_PRIVATE_IP_ADDRESSES):
                return
            yield self._env.timeout(next(self._assign_s))
            if self.gone:
                return
            if self._subnet.take(slots * self._pool.per_slot):
                self._pool.add_slots(interface, slots)
                return
        self._back_off()

    def _attach(self) -> Generator[simpy.Event]:
        slots = self._pool.slots_of_new_interface()
        if not self._subnet.has(1 + slots * self._pool.per_slot):
            self._back_off()
            return
        if self._calls(*NEW_INTERFACE) and self._subnet.take(1 + slots * self._pool.per_slot):
            yield self._env.timeout(next(self._attach_s))
            if self.gone:
                self._subnet.give(1 + slots * self._pool.per_slot)
            else:
                self._add_interface(self._env.now, slots)

    def _take_slots(self, interface: Interface) -> None:
        for slots in (self._pool.slots_for(interface), 1):
            if self._subnet.take(slots * self._pool.per_slot):
                self._pool.add_slots(interface, slots)
                return

    def _take_interface(self, attached_s: float) -> None:
        slots = self._pool.slots_of_new_interface()
        if self._subnet.take(1 + slots * self._pool.per_slot):
            self._add_interface(attached_s, slots)

    def _add_interface(self, attached_s: float, slots: int) -> None:
        interface = Interface(attached_s)
        self._pool.interfaces.append(interface)
        self._pool.add_slots(interface, slots)

    def _back_off(self) -> None:
        self._full_until_s = self._env.now + BACKOFF_S
        self._trace.record(SubnetFull(self._env.now, self._node, self._subnet.zone))

    def _calls(self, *actions: Action) -> bool:
        """Make calls one after another. Return whether all were admitted."""
        return all(self._api.admit(action) for action in actions)

    def _look(self) -> None:
        """Let the loop see a change, and start it if it does not run and now has something to do."""
        if self._changed is not None:
            if not self._changed.triggered:
                self._changed.succeed()
        elif self._is_watched and not self._runs and self._due_s() < math.inf:
            self._runs = True
            self._env.process(self._run())

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

from sim.control_plane.aws.growth import add_interface, grow_at_once
from sim.control_plane.aws.passes import ROUNDING, Passes
from sim.control_plane.light_process import LightProcess
from sim.control_plane.trace.nodes import SubnetFull
from sim.scenario.actions import Action
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Hashable

    import simpy

    from sim.control_plane.aws.address_pool import AddressPool
    from sim.control_plane.aws.aws_api import AwsApi
    from sim.control_plane.aws.subnet import Subnet
    from sim.control_plane.simulation import Simulation
    from sim.scenario.specs import VpcCniSpec

BACKOFF_S = 120.0
SHRINK_S = 30.0
NEW_INTERFACE = (
    Action.DESCRIBE_SUBNETS,
    Action.CREATE_NETWORK_INTERFACE,
    Action.DESCRIBE_INSTANCES,
    Action.ATTACH_NETWORK_INTERFACE,
    Action.MODIFY_NETWORK_INTERFACE_ATTRIBUTE,
)


class Ipamd:
    """The daemon of one node, which from `watch` on makes those passes that have something to do."""

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
        """Make the daemon. `phase` is that of its passes."""
        self._env = simulation.env
        self._trace = simulation.trace
        self._api = api
        self._node = node
        self._subnet = subnet
        self._pool = pool
        self._assign_s = simulation.streams.draws(cni.assign_latency_s, Stream.ADDRESS_LATENCY, node)
        self._attach_s = simulation.streams.draws(cni.new_eni_latency_s, Stream.INTERFACE_LATENCY, node)
        self._passes = Passes(self._env.now, phase)
        self._full_until_s = -math.inf
        self._shrunk_s = -math.inf
        self._wait: simpy.Event | None = None
        self._available: simpy.Event | None = None
        self._in_vain_from_s: float | None = None
        self._is_watched = self._is_in_pass = False
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

    def available(self) -> simpy.Event:
        """Return the event that there is an address that no pod has, which may be a cooling one."""
        self._available = self._available or self._env.event()
        return self._available

    def release(self, pod: Hashable) -> None:
        """Take back a pod's address."""
        self._subnet.use(-self._pool.release(pod, self._env.now))
        self._look()

    def grow_at_once(self) -> bool:
        """Do one growing step without time or calls, for what was before the simulation.

        Return whether the pool grew.
        """
        return grow_at_once(self._pool, self._subnet)

    def watch(self) -> None:
        """Keep the pool at its targets from now on."""
        self._is_watched = True
        self._look()

    def start(self) -> None:
        """Do what comes before a node is Ready, and is part of that time: one growing step."""
        if self._calls(Action.ASSIGN_PRIVATE_IP_ADDRESSES) and not self.grow_at_once():
            self._back_off(self._env.now)

    def _due_s(self) -> float:
        """Return when a pass has something to do, `inf` if nothing is known of."""
        grow_s = self._full_until_s if self._pool.slots_wanted > 0 and self._pool.may_grow else math.inf
        return min(grow_s, self._give_back_s())

    def _give_back_s(self) -> float:
        pool = self._pool
        due_s = pool.spare_from_s()
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
        self._back_off(self._env.now)

    def _attach(self) -> Generator[simpy.Event]:
        if not self._has_room():
            self._back_off(self._env.now)
            return
        slots = self._pool.slots_of_new_interface()
        if self._calls(*NEW_INTERFACE) and self._subnet.take(1 + slots * self._pool.per_slot):
            yield self._env.timeout(next(self._attach_s))
            if self.gone:
                self._subnet.give(1 + slots * self._pool.per_slot)
            else:
                add_interface(self._pool, self._env.now, slots)

    def _has_room(self) -> bool:
        """Return whether the subnet has room for a new interface with all its addresses."""
        return self._subnet.has(1 + self._pool.slots_of_new_interface() * self._pool.per_slot)

    def _back_off(self, now_s: float) -> None:
        self._full_until_s = now_s + BACKOFF_S
        self._trace.record(SubnetFull(now_s, self._node, self._subnet.zone))

    def _calls(self, *actions: Action) -> bool:
        """Make calls one after another. Return whether all were admitted."""
        return all(self._api.admit(action) for action in actions)

    def _look(self) -> None:
        """Wait until there is something to do, as far as that is known now, and then for a pass."""
        if self._available is not None and self._pool.available > 0:
            self._available.succeed()
            self._available = None
        if not self._is_watched or self._is_in_pass or self.gone:
            return
        self.catch_up(self._env.now)
        self._wait = self._in_vain_from_s = None
        due_s = self._due_s()
        if due_s <= self._env.now:
            self._is_in_pass = True
            LightProcess(self._env, self._pass())
        elif due_s < math.inf and self._is_in_vain():
            self._in_vain_from_s = self._env.now
            self._subnet.tell_of_room(self._hear_of_room)
        elif due_s < math.inf:
            self._wait = self._env.timeout(due_s - self._env.now)
            self._wait.callbacks.append(self._is_due)

    def _is_due(self, wait: simpy.Event) -> None:
        if wait is self._wait:
            self._look()

    def _pass(self) -> Generator[simpy.Event]:
        """Act in the next pass."""
        self._passes.last, wait_s = self._passes.next_from(self._env.now)
        yield self._env.timeout(wait_s)
        if not self.gone:
            yield from self._act()
        self._is_in_pass = False
        self._look()

    def _is_in_vain(self) -> bool:
        """Return whether passes find the subnet too full, and nothing else to do, until something changes."""
        return self._give_back_s() == math.inf and self._pool.with_room is None and not self._has_room()

    def _hear_of_room(self) -> None:
        if self._in_vain_from_s is not None:
            self._look()

    def catch_up(self, until_s: float) -> None:
        """Record the passes in vain up to a time, which are no events."""
        while (from_s := self._in_vain_from_s) is not None:
            due_s = max(self._full_until_s, from_s + (self._full_until_s - from_s))  # as the clock rounds it
            number, wait_s = self._passes.next_from(due_s)
            if due_s + wait_s > until_s:
                return
            self._passes.last, self._in_vain_from_s = number, due_s + wait_s
            self._back_off(self._in_vain_from_s)

"""Oracle: arithmetic by hand. An interface of an m5.large has nine addresses for pods and one of its own.

The first interface, with its own address, comes with the machine. A prefix is 16 addresses in one slot
(docs/facts/capacity.md §1).
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

from sim.control_plane.aws.address_pool import AddressPool
from sim.control_plane.aws.ipamd import Ipamd
from sim.control_plane.aws.subnet import Subnet
from sim.control_plane.clock import Clock
from sim.control_plane.simulation import Simulation
from sim.control_plane.trace import Trace
from sim.control_plane.trace.nodes import SubnetFull, SubnetHeld
from sim.scenario.specs import VpcCniSpec
from sim.streams import Streams


class Node:
    """A node with its daemon, in a subnet of so many addresses; AWS admits every call."""

    def __init__(self, addresses: int, **cni: Any) -> None:
        spec = VpcCniSpec.model_validate(cni)
        self.env, self.trace = Clock(), Trace()
        simulation = Simulation(self.env, Streams(1, 0), self.trace)
        self.subnet = Subnet(simulation, 0, addresses)
        self.pool = AddressPool(spec, interfaces=3, slots_per_interface=9, max_pods=110)
        api = cast("Any", SimpleNamespace(admit=lambda _: True))
        self.ipamd = Ipamd(simulation, spec, api, 0, self.subnet, self.pool, 0.0)

    def full_s(self, until_s: float) -> list[float]:
        """Run until a time, and return when the node has found its subnet too full."""
        self.env.run_until(self.env.timeout(until_s - self.env.now))
        self.ipamd.catch_up(until_s)
        return [full.time_s for full in self.trace.of(SubnetFull)]

    def held(self) -> tuple[int, int]:
        """Return how many of the subnet's addresses are held, and how many of these pods use, by the trace."""
        last = self.trace.of(SubnetHeld)[-1]
        return last.held, last.used


def test_a_node_that_starts_takes_all_the_addresses_of_its_interface() -> None:
    node = Node(addresses=100)
    node.ipamd.start()
    assert node.held() == (9, 0)
    assert node.trace.of(SubnetFull) == []


def test_a_node_that_starts_takes_one_address_where_not_all_are_free() -> None:
    node = Node(addresses=8)
    node.ipamd.start()
    assert node.held() == (1, 0)
    assert node.trace.of(SubnetFull) == []


def test_a_node_that_starts_in_a_full_subnet_is_said_to() -> None:
    node = Node(addresses=0)
    node.ipamd.start()
    assert len(node.trace.of(SubnetFull)) == 1
    assert not node.ipamd.assign("pod")


def test_a_pod_s_address_is_in_use_until_the_pod_is_gone() -> None:
    node = Node(addresses=100)
    node.ipamd.start()
    assert node.ipamd.assign("one")
    assert node.ipamd.assign("other")
    assert node.held() == (9, 2)
    node.ipamd.release("one")
    assert node.held() == (9, 1)


def test_a_prefix_takes_sixteen_addresses_of_the_subnet() -> None:
    """One prefix first; a second one when the first one is in use."""
    node = Node(addresses=1000, prefix_delegation=True)
    node.ipamd.start()
    assert node.held() == (16, 0)
    node.ipamd.watch()
    assert all(node.ipamd.assign(pod) for pod in range(16))
    node.env.run_until(node.env.timeout(60))
    assert node.held() == (32, 16)


def in_vain() -> Node:
    """Return a node that wants a second interface, for which its subnet lacks ten addresses: passes come at 5, 10, …"""
    node = Node(addresses=9)
    node.ipamd.start()
    node.ipamd.watch()
    assert node.ipamd.assign("pod")
    return node


def test_a_full_subnet_is_asked_every_two_minutes_without_an_event() -> None:
    node = in_vain()
    assert node.full_s(until_s=250) == [5, 125, 245]
    assert node.env.peek() == math.inf
    assert node.full_s(until_s=365) == [5, 125, 245, 365]


def test_addresses_that_come_back_are_taken_two_minutes_after_the_last_refusal() -> None:
    node = in_vain()
    assert node.full_s(until_s=130) == [5, 125]
    node.subnet.give(10)
    assert node.full_s(until_s=244) == [5, 125]
    assert len(node.pool.interfaces) == 1
    assert node.full_s(until_s=300) == [5, 125]
    assert len(node.pool.interfaces) == 2


def test_too_few_addresses_that_come_back_leave_the_subnet_too_full() -> None:
    node = in_vain()
    node.full_s(until_s=130)
    node.subnet.give(9)
    assert node.full_s(until_s=250) == [5, 125, 245]


def test_a_node_that_wants_no_second_interface_any_more_asks_no_longer() -> None:
    node = in_vain()
    node.full_s(until_s=130)
    node.ipamd.release("pod")
    assert node.full_s(until_s=400) == [5, 125]

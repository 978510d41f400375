"""One step by which a node's pool grows out of its subnet without time or calls: before the simulation, or at a start.

The steps that take time and calls are `ipamd`'s.

Sources: docs/facts/capacity.md §1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.control_plane.aws.address_pool import Interface

if TYPE_CHECKING:
    from sim.control_plane.aws.address_pool import AddressPool
    from sim.control_plane.aws.subnet import Subnet


def grow_at_once(pool: AddressPool, subnet: Subnet) -> bool:
    """Fill an interface, or add a new one with its addresses. Return whether the pool grew."""
    if pool.slots_wanted == 0 or not pool.may_grow:
        return False
    interface = pool.with_room
    return _take_interface(pool, subnet) if interface is None else _fill(pool, subnet, interface)


def add_interface(pool: AddressPool, attached_s: float, slots: int) -> None:
    """Add an interface with free slots to a pool."""
    interface = Interface(attached_s)
    pool.interfaces.append(interface)
    pool.add_slots(interface, slots)


def _fill(pool: AddressPool, subnet: Subnet, interface: Interface) -> bool:
    for slots in (pool.slots_for(interface), 1):
        if subnet.take(slots * pool.per_slot):
            pool.add_slots(interface, slots)
            return True
    return False


def _take_interface(pool: AddressPool, subnet: Subnet) -> bool:
    slots = pool.slots_of_new_interface()
    if not subnet.take(1 + slots * pool.per_slot):
        return False
    add_interface(pool, -math.inf, slots)
    return True

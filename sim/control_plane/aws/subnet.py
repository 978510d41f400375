"""A zone's subnet: how many of its addresses are free, and how many of the others pods use.

Modelled: how many addresses the nodes hold, and how many of these pods use.

Left out: which addresses they are, and so how far the subnet is fragmented.

Sources: docs/facts/capacity.md §1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.trace.nodes import SubnetHeld

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.control_plane.simulation import Simulation


class Subnet:
    """The subnet of a zone, with `size` addresses that nodes may hold."""

    def __init__(self, simulation: Simulation, zone: int, size: int) -> None:
        self._env = simulation.env
        self._trace = simulation.trace
        self.zone = zone
        self._size = size
        self.free = size
        self._used = 0
        self._to_tell: dict[Callable[[], None], None] = {}

    def has(self, addresses: int) -> bool:
        """Return whether so many addresses are free."""
        return addresses <= self.free

    def take(self, addresses: int) -> bool:
        """Take so many addresses, all or none, and return whether they were free."""
        if not self.has(addresses):
            return False
        self._change(-addresses)
        return True

    def give(self, addresses: int) -> None:
        """Take back addresses."""
        self._change(addresses)
        told, self._to_tell = self._to_tell, {}
        for tell in told:
            tell()

    def tell_of_room(self, tell: Callable[[], None]) -> None:
        """Call `tell` once, when addresses next come back."""
        self._to_tell[tell] = None

    def use(self, addresses: int) -> None:
        """Count addresses that pods use more, or fewer if negative."""
        self._used += addresses
        self._record()

    def _change(self, by: int) -> None:
        self.free += by
        if by:
            self._record()

    def _record(self) -> None:
        self._trace.record(SubnetHeld(self._env.now, self.zone, self._size - self.free, self._used))

"""How requests are split between two sets of targets: those of two ALBs, or of two target groups of one.

A timeline with a split has a row for each node and set. Node k of n knows the first set's targets in row k, and the
second's in row n + k.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sim.data_plane.timeline import Times


class Split(Protocol):
    """The chance with which a request goes to each set. Before the disruption all go to the first one."""

    @property
    def nodes(self) -> int:
        """Return the number of ALB nodes that know one set, half the number of rows."""

    def rows(self, arrival_s: Times, node: NDArray[np.int16], choice: Times) -> NDArray[np.int16]:
        """Return the row that each request goes to, by its time, its node among `nodes` and a uniform draw."""

    def row_edges_s(self, row: int) -> Times:
        """Return the times between which the share of a row hardly bends, and those at which it jumps."""

    def row_share(self, row: int, edge_s: Times) -> Times:
        """Return a row's mean share of its node's requests between each two edges, among them `row_edges_s`."""

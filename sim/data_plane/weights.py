"""The weights of a forward action: which of two target groups an ALB node sends a request to.

Modelled:
- A request goes to the second target group with the chance that the node's rule has at that moment, else to the first.
- If the chosen target group has nobody to send to, nobody else is asked.

Assumed: each request is chosen for by itself. AWS says that requests are distributed by weight, not how.

Sources: docs/facts/alb.md §2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sim.data_plane.timeline import Times


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """The second target group's share of the requests at each ALB node.

    Attributes
    ----------
    at_s
        When the share changes, in s since the start of the disruption, one array of shape (changes,) for each node.
    share
        The share until each change, and the last one for ever, from 0 to 1: arrays of shape (changes + 1,).
    """

    at_s: Sequence[Times]
    share: Sequence[Times]

    @property
    def nodes(self) -> int:
        """Return the number of ALB nodes, half the number of rows."""
        return len(self.at_s)

    def row_edges_s(self, row: int) -> Times:
        """Return the times at which a row's share changes.

        Parameters
        ----------
        row
            A row of the timeline's arrays by ALB node and target.

        Returns
        -------
        numpy.ndarray
            In s since the start of the disruption, ascending, shape (changes,).
        """
        return self.at_s[row % self.nodes]

    def row_share(self, row: int, edge_s: Times) -> Times:
        """Return a row's share of its node's requests between each two edges, among which are all changes.

        Parameters
        ----------
        row
            A row of the timeline's arrays by ALB node and target.
        edge_s
            Times in s since the start of the disruption, ascending, shape (steps + 1,).

        Returns
        -------
        numpy.ndarray
            Shares from 0 to 1, shape (steps,).
        """
        second = self._second(row % self.nodes, edge_s[:-1])
        return second if row >= self.nodes else 1 - second

    def _second(self, node: int, at_s: Times) -> Times:
        return self.share[node][np.searchsorted(self.at_s[node], at_s, side="right")]

    def in_use(self, row: int) -> Iterator[tuple[float, float]]:
        """Yield the intervals in which a row's targets are sent anything.

        Parameters
        ----------
        row
            A row of the timeline's arrays by ALB node and target.

        Yields
        ------
        tuple of float
            Beginning and end of each, in s since the start of the disruption.
        """
        edge_s = np.concatenate(([-np.inf], self.at_s[row % self.nodes], [np.inf]))
        share = self.share[row % self.nodes]
        used = share > 0 if row >= self.nodes else share < 1
        bounds = np.flatnonzero(np.diff(np.concatenate(([False], used, [False])).astype(np.int8)))
        yield from zip(edge_s[bounds[::2]].tolist(), edge_s[bounds[1::2]].tolist(), strict=True)

    def rows(self, arrival_s: Times, node: NDArray[np.int16], choice: Times) -> NDArray[np.int16]:
        """Return the row that each request goes to, by its time, its node and a uniform draw.

        Parameters
        ----------
        arrival_s
            When each request arrives, in s since the start of the disruption, shape (requests,).
        node
            The number of its ALB node, shape (requests,).
        choice
            Draws from [0, 1), shape (requests,).

        Returns
        -------
        numpy.ndarray
            Rows of the timeline, shape (requests,).
        """
        row = node.copy()
        for k in range(self.nodes):
            at = np.flatnonzero(node == k)
            row[at] += np.where(choice[at] < self._second(k, arrival_s[at]), self.nodes, 0).astype(np.int16)
        return row

"""Which of two load balancers a request goes to, after a DNS record has passed from the old one to the new one.

The real thing: clients with resolvers and caches, and connections that they keep open.

Modelled, as shares of requests at any time:
- A new connection goes to the old ALB with the chance `ClusterSwitchSpec.still_old`. A cache that obeys the TTL has an
  age uniform over it when the record changes. Some hold on for longer, some for ever.
- A request on a connection that is kept alive goes where that connection was opened. The connection's age is uniform
  over the ALB's `client_keep_alive_s`.
- When the old ALB is deleted its connections end. The clients of these connections open new ones, and look the name up
  as anybody does. A client that finds no answer asks again at its next request.
- Each ALB spreads its requests evenly over its nodes.

Assumed: requests are independent. A client's requests are not, and many of one client come together; no mean of a count
depends on that.

Left out: resolvers with so many clients that shares are lumpy, Happy Eyeballs, a cold new ALB, and retries.

Sources: docs/facts/capacity.md §4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.data_plane.timeline import Times
    from sim.scenario.cluster_switch import ClusterSwitchSpec

_POINTS = 129
_GAUSS = tuple(zip(*np.polynomial.legendre.leggauss(4), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class OldSide:
    """The old ALB beside the new one.

    Attributes
    ----------
    spec
        The block `cluster_switch` of the scenario.
    nodes
        How many ALB nodes each of the two has; the old one's come first.
    changed_s, deleted_s
        When the record changed, and when the old ALB was deleted, in s since the start of the disruption.
    """

    spec: ClusterSwitchSpec
    nodes: int
    changed_s: float
    deleted_s: float

    def share(self, at_s: Times) -> Times:
        """Return the chance that a request at each of these times goes to the old ALB, in the shape of `at_s`.

        Parameters
        ----------
        at_s
            Times in s since the start of the disruption, of any shape.

        Returns
        -------
        numpy.ndarray
            Probabilities from 0 to 1.
        """
        since_s, kept = at_s - self.changed_s, self.spec.kept_alive_fraction
        fresh = self.spec.still_old(since_s)
        if not kept:
            return fresh
        age_s = self.spec.client_keep_alive_s
        opened = (self.spec.still_old_for_s(since_s) - self.spec.still_old_for_s(since_s - age_s)) / age_s
        return np.where(at_s < self.deleted_s, (1 - kept) * fresh + kept * opened, fresh)

    def rows(self, arrival_s: Times, node: NDArray[np.int16], choice: Times) -> NDArray[np.int16]:
        """Return the row that each request goes to, by its time, its node and a uniform draw.

        Parameters
        ----------
        arrival_s
            When each request arrives, in s since the start of the disruption, shape (requests,).
        node
            The number of its ALB node, among those of one ALB, shape (requests,).
        choice
            Draws from [0, 1), shape (requests,).

        Returns
        -------
        numpy.ndarray
            Rows of the timeline, shape (requests,).
        """
        return node + np.where(choice < self.share(arrival_s), 0, self.nodes).astype(np.int16)

    def row_edges_s(self, row: int) -> Times:  # noqa: ARG002 - all nodes' share is the same
        """Return `edges_s`.

        Parameters
        ----------
        row
            A row of the timeline's arrays by ALB node and target; all have the same edges.

        Returns
        -------
        numpy.ndarray
            In s since the start of the disruption, ascending, shape (edges,).
        """
        return self.edges_s()

    def row_share(self, row: int, edge_s: Times) -> Times:
        """Return the mean share of the row's ALB between each two edges, which hold all of `edges_s`.

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
        old = self.mean_share(edge_s)
        return old if row < self.nodes else 1 - old

    def mean_share(self, edge_s: Times) -> Times:
        """Return the mean of the share between each two edges, which hold all of `edges_s` within their range.

        Parameters
        ----------
        edge_s
            Times in s since the start of the disruption, ascending, shape (steps + 1,).

        Returns
        -------
        numpy.ndarray
            Shares from 0 to 1, shape (steps,).
        """
        begin_s, width_s = edge_s[:-1], np.diff(edge_s)
        total_s = np.diff(self.spec.still_old_for_s(edge_s - self.changed_s))
        kept = np.where(begin_s < self.deleted_s, self.spec.kept_alive_fraction, 0.0)
        fresh = total_s / width_s
        if not kept.any():
            return fresh
        middle_s = begin_s + width_s / 2
        both = sum(weight / 2 * self.share(middle_s + width_s / 2 * at) for at, weight in _GAUSS)
        return np.where(kept > 0, both, fresh)

    def edges_s(self) -> Times:
        """Return times between which the share changes little, and those at which it jumps.

        Returns
        -------
        numpy.ndarray
            In s since the start of the disruption, ascending, shape (edges,).
        """
        held_s = self.spec.stale_s.ppf(1 - np.geomspace(1, 1e-9, _POINTS))
        since_s = np.concatenate((np.linspace(0, self.spec.record_ttl_s, _POINTS // 2), held_s))
        if self.spec.kept_alive_fraction:
            age_s = self.spec.client_keep_alive_s
            since_s = np.concatenate((since_s, np.linspace(0, age_s, _POINTS // 2), since_s + age_s))
        return np.unique(np.concatenate((self.changed_s + since_s, [self.deleted_s])))

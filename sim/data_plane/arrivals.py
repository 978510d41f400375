"""Requests as they arrive: when, at which ALB node, and how long the pod would take to answer.

The real thing: clients, and the DNS that spreads them over the ALB's nodes.

Modelled:
- An open loop at a constant rate: `poisson` (exponential gaps) or `even` (one request every 1/rate seconds, with one
  random phase for all).
- Each node is equally likely, and service times are independent. Of two ALBs `old_side` says which a request goes to.
- Request k has the k-th draw of each stream, whatever the window, the blocks or the rest of the scenario.
- Requests from before the rollout run backwards from t = 0, with streams of their own. How far back one looks then
  changes nothing.

Left out: retries by clients, rates that change, DNS caching (clients that stay on one node).

Sources: docs/model.md, "Data plane".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sim.streams import Stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.data_plane.split import Split
    from sim.data_plane.timeline import Times
    from sim.scenario.specs import TrafficSpec
    from sim.streams import Streams


@dataclass(frozen=True, slots=True)
class Block:
    """Successive requests, as arrays of one length."""

    arrival_s: Times
    service_s: Times
    node: NDArray[np.int16]

    def __getitem__(self, at: NDArray[np.intp] | slice) -> Block:
        """Return the requests at these indices."""
        return Block(self.arrival_s[at], self.service_s[at], self.node[at])

    def at_node(self, node: int, nodes: int) -> NDArray[np.intp] | slice:
        """Return the indices of the requests of one of `nodes`, in order."""
        return np.flatnonzero(self.node == node) if nodes > 1 else slice(None)


class RequestSource:
    """All requests from t = 0 on, or with `before` from t = 0 backwards, drawn block by block."""

    def __init__(
        self,
        traffic: TrafficSpec,
        *,
        nodes: int,
        streams: Streams,
        before: bool = False,
        split: Split | None = None,
    ) -> None:
        """Start at t = 0, with nothing drawn. `nodes` counts the ALB nodes, of one ALB if `split` is of two."""
        self._law = traffic.service_time_s
        self._nodes = nodes
        self._split = split
        self._before = before
        self._distances = _distances(traffic, streams, before=before)
        self._service_rng = streams.generator(Stream.SERVICE_TIMES_BEFORE if before else Stream.SERVICE_TIMES)
        if nodes > 1:
            self._node_rng = streams.generator(Stream.ALB_NODE_BEFORE if before else Stream.ALB_NODE)
        if split is not None:
            self._side_rng = streams.generator(Stream.WHICH_ALB, int(before))

    def take(self, size: int) -> Block:
        """Draw the next `size` requests (at least one)."""
        arrival_s = self._distances.take(size)
        if self._before:
            np.negative(arrival_s, out=arrival_s)
        service_s = self._law.sample(self._service_rng, size)
        node = self._node(size)
        if self._split is not None:
            node = self._split.rows(arrival_s, node, self._side_rng.random(size))
        return Block(arrival_s, service_s, node)

    def _node(self, size: int) -> NDArray[np.int16]:
        if self._nodes == 1:
            return np.zeros(size, np.int16)
        return (self._node_rng.random(size) * self._nodes).astype(np.int16)


class _Distances(Protocol):
    """The requests' distances from t = 0 in seconds, ascending."""

    def take(self, size: int) -> Times: ...


class _Poisson:
    def __init__(self, rate_rps: float, rng: np.random.Generator) -> None:
        self._rate_rps = rate_rps
        self._rng = rng
        self._gaps_so_far = 0.0

    def take(self, size: int) -> Times:
        """Return the next `size` distances. Unit gaps are added one by one, so the sums do not depend on the blocks."""
        gaps = self._rng.standard_exponential(size)
        gaps[0] += self._gaps_so_far
        np.cumsum(gaps, out=gaps)
        self._gaps_so_far = gaps[-1]
        gaps /= self._rate_rps
        return gaps


class _Even:
    def __init__(self, rate_rps: float, phase: float) -> None:
        self._rate_rps = rate_rps
        self._phase = phase
        self._taken = 0

    def take(self, size: int) -> Times:
        first = self._taken
        self._taken += size
        return (np.arange(first, first + size, dtype=np.float64) + self._phase) / self._rate_rps


def _distances(traffic: TrafficSpec, streams: Streams, *, before: bool) -> _Distances:
    if traffic.arrivals == "poisson":
        rng = streams.generator(Stream.ARRIVALS_BEFORE if before else Stream.ARRIVALS)
        return _Poisson(traffic.arrival_rate_rps, rng)
    phase = streams.generator(Stream.ARRIVALS).random()
    return _Even(traffic.arrival_rate_rps, 1 - phase if before else phase)

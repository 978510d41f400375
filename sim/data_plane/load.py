"""How many requests per second an ALB node sends to each target in its rotation: a step function of time.

Whichever the algorithm, each of n targets in a node's rotation gets an n-th of the node's requests.

Modelled: exactly that, at every instant: each of n targets is the next one's with probability 1/n (see `routing`). A
target in slow start has its share of the weights instead, constant in each step.

Left out: `least_outstanding_requests`, whose shares depend on the requests.

How: the number of requests up to each step is kept. The number between any two times is then a subtraction. So is the
number that takes longer than a given time, as the integral of a law's survival function has a closed form. Nothing
here depends on how many requests there are.

Sources: docs/model.md, "Data plane".
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sim.data_plane.cold import ServiceLaw
    from sim.data_plane.rotation import Rotation
    from sim.data_plane.slow_start import SlowStart
    from sim.data_plane.timeline import Times

# How many pairs of targets and steps are computed together. It bounds the memory and does not affect the result.
_MOST_PAIRS = 2**15


class Load:
    """Requests per second to each target in a node's rotation: `rps[k]` during `[edge_s[k], edge_s[k + 1])`, else 0."""

    def __init__(self, edge_s: Times, rps: Times) -> None:
        """Keep the steps: `edge_s` ascending, shape (steps + 1,), `rps` of shape (steps,)."""
        self._edge_s = edge_s
        self._rps = rps
        self._sent = np.append(0.0, np.cumsum(rps * np.diff(edge_s)))

    def requests(self, from_s: ArrayLike, until_s: ArrayLike) -> Times:
        """Return how many requests are sent to one target in each interval `[from, until)`, 0 in an empty interval."""
        begin_s = np.asarray(from_s, dtype=np.float64)
        end_s = np.maximum(begin_s, until_s)
        return np.asarray(self._by(end_s) - self._by(begin_s))

    def outliving(self, law: ServiceLaw, longest_s: float, from_s: Times, until_s: Times, end_s: Times) -> Times:
        """Return how many of the requests sent in each `[from, until)` would be served only after its `end_s`.

        The arrays have one length, and `until_s` is at most `end_s`. `longest_s` is the longest service, in effect.
        """
        begin_s = np.maximum(from_s, end_s - longest_s)
        first = np.clip(np.searchsorted(self._edge_s, begin_s, side="right") - 1, 0, self._rps.size)
        last = np.clip(np.searchsorted(self._edge_s, until_s, side="left"), first, self._rps.size)
        n_steps = np.where(begin_s < until_s, last - first, 0)
        result = np.zeros(begin_s.size)
        if not n_steps.any():
            return result
        for part in _parts(n_steps):
            result[part] = self._outliving(law, first[part], n_steps[part], begin_s[part], until_s[part], end_s[part])
        return result

    def _by(self, at_s: Times) -> Times:
        return np.asarray(np.interp(at_s, self._edge_s, self._sent), dtype=np.float64)

    def _outliving(
        self,
        law: ServiceLaw,
        first: NDArray[np.intp],
        n_steps: NDArray[np.intp],
        begin_s: Times,
        until_s: Times,
        end_s: Times,
    ) -> Times:
        n_edges = n_steps + 1
        row = np.repeat(np.arange(first.size), n_edges)
        edge = np.arange(row.size) - np.repeat(np.cumsum(n_edges) - n_edges, n_edges) + first[row]
        at_s = np.clip(self._edge_s[edge], begin_s[row], until_s[row])
        # The survival function's integral over a step is the difference of those from its two edges to the end.
        since_edge = law.limited_mean(end_s[row] - at_s)
        living = since_edge[:-1] - since_edge[1:]
        is_step = row[:-1] == row[1:]
        result = np.zeros(first.size)
        np.add.at(result, row[:-1][is_step], self._rps[edge[:-1][is_step]] * living[is_step])
        return result


def load_of(
    rotation: Rotation, rps: Times | float, edge_s: Times, weight: Times, slow_start: SlowStart | None = None
) -> tuple[Times, Times]:
    """Return a node's requests per second to each target with a full share, and those that find no target.

    `edge_s`, shape (steps + 1,), holds every change of the rotation within its range. `weight`, shape (steps,), is
    what each request of a step counts for. `rps` holds for all steps, or for each.
    """
    joined = np.searchsorted(np.sort(rotation.from_s), edge_s[:-1], side="right")
    left = np.searchsorted(np.sort(rotation.until_s), edge_s[:-1], side="right")
    shares = (joined - left).astype(np.float64)
    if slow_start is not None:
        shares -= _missing(rotation, edge_s, slow_start)
    to_each = np.divide(rps * weight, shares, out=np.zeros(shares.size), where=joined > left)
    return to_each, np.where(joined > left, 0.0, rps * weight)


def _missing(rotation: Rotation, edge_s: Times, slow_start: SlowStart) -> Times:
    """Return what the targets in slow start have less than a full share, in all, in each step."""
    missing, middle_s = np.zeros(edge_s.size - 1), (edge_s[:-1] + edge_s[1:]) / 2
    begins_s = slow_start.of(rotation)
    for spell in np.flatnonzero(np.isfinite(begins_s)).tolist():
        until_s = min(rotation.until_s[spell], begins_s[spell] + slow_start.duration_s)
        steps = slice(*np.searchsorted(edge_s[:-1], [begins_s[spell], until_s]).tolist())
        missing[steps] += 1 - slow_start.weight(begins_s[spell], middle_s[steps])
    return missing


def _parts(n_steps: NDArray[np.intp]) -> list[slice]:
    """Cut the rows into parts, each with about as many pairs as are computed together."""
    starts = np.flatnonzero(np.diff(np.cumsum(n_steps) // _MOST_PAIRS)) + 1
    return [slice(start, stop) for start, stop in pairwise([0, *starts.tolist(), n_steps.size])]

"""When a draining pod's address is gone: a law, given the load on its target.

A draining server's process ends with its last request, at the latest at SIGKILL. The server's address is gone a while
later.

Modelled: requests in flight when the listener closes are Poisson (independent arrivals, each served on its own). So the
process has ended by t with probability exp(-R), where R is the expected number of requests served only after t.

Left out: `even` arrivals and `round_robin` are more regular than that. The end is then later than this law says, by a
fraction of the gap between two requests of a target.

Sources: Poisson thinning (M/G/infinity); docs/model.md, "Data plane".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.data_plane.cold import Pace
    from sim.data_plane.load import Load
    from sim.data_plane.timeline import Times

_POINTS = 65
_REFINEMENTS = 3
# The values of R between which exp(-R) rises from 0 to 1.
_LEVELS = np.concatenate((np.geomspace(40, 1e-3, 60), [1e-5, 1e-8]))


@dataclass(frozen=True, slots=True)
class GoneLaw:
    """When an address is gone: `there[k]` is the probability that it still exists at `at_s[k]`.

    Before the first time `at_s[0]` the address surely exists, after the last surely not.
    """

    at_s: Times
    there: Times

    def cells(self) -> tuple[Times, Times, Times]:
        """Return where the grid's cells begin and end, and the probability in each that the address still exists."""
        return self.at_s[:-1], self.at_s[1:], (self.there[:-1] + self.there[1:]) / 2

    def still_there(self, at_s: Times) -> Times:
        """Return the probability that the address is not gone yet at these times, of any shape."""
        return np.interp(at_s, self.at_s, self.there, left=1.0, right=0.0)


@dataclass(frozen=True, slots=True)
class Spell:
    """A stretch `[from, until)` of time in which an accepting target is sent a node's load, and serves it at a pace."""

    load: Load
    from_s: float
    until_s: float
    pace: Pace


def gone_law(
    spells: Sequence[Spell],
    slowest: Pace,
    *,
    closed_s: float,
    cut_s: float,
    teardown_s: float,
) -> GoneLaw:
    """Return the law of a target's end, whose listener closes at `closed_s` and which is killed at `cut_s`.

    `spells` end when the listener closes at the latest. No spell has a slower pace than `slowest`.

    The law is a table, refined where it matters. The first grid covers the whole span. Each round then inverts R by
    interpolation, and adds the times at which R passes the levels between which exp(-R) rises from 0 to 1.
    """

    def running(after_s: Times) -> Times:
        counts = np.zeros(after_s.size)
        for spell in spells:
            from_s, until_s = np.full(after_s.size, spell.from_s), np.full(after_s.size, spell.until_s)
            pace = spell.pace
            counts += spell.load.outliving(pace.law, pace.longest_s, from_s, until_s, closed_s + after_s)
        return counts

    span_s = min(cut_s - closed_s, slowest.longest_s)
    tail_s = slowest.law.ppf(1 - np.geomspace(1, 1e-12, _POINTS))
    after_s = np.unique(np.clip(np.concatenate((np.linspace(0, span_s, _POINTS), tail_s)), 0, span_s))
    counts = running(after_s)
    for _ in range(_REFINEMENTS):
        finer_s = np.interp(_LEVELS, counts[::-1], after_s[::-1])
        after_s = np.union1d(after_s, finer_s)
        counts = running(after_s)
    return GoneLaw(closed_s + teardown_s + after_s, -np.expm1(-counts))

"""When a draining pod's address is gone: a law, given the load on its target.

The real thing: a draining server's process ends with its last request, at the latest at SIGKILL; its address is gone a
while later.
Modelled: requests in flight when the listener closes are Poisson (independent arrivals, each served on its own), so the
process has ended by t with probability exp(-R), R the expected number of requests that are served only after t.
With `even` arrivals or `round_robin` requests come more regularly than that; the end is then a fraction of the gap
between two requests of a target later than this law says, which is left out.
Source: Poisson thinning (M/G/infinity); docs/model.md, "Data plane".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.data_plane.load import Load
    from sim.data_plane.timeline import Times
    from sim.scenario.distributions import Distribution

_POINTS = 65
_REFINEMENTS = 3
# Where exp(-R) turns from 0 to 1, by R.
_LEVELS = np.concatenate((np.geomspace(40, 1e-3, 60), [1e-5, 1e-8]))


@dataclass(frozen=True, slots=True)
class GoneLaw:
    """When an address is gone: not yet at `at_s[k]` with probability `there[k]`; before them surely, after never."""

    at_s: Times
    there: Times

    def cells(self) -> tuple[Times, Times, Times]:
        """Return the cells of the grid, from and until, and in each the probability that it is still there."""
        return self.at_s[:-1], self.at_s[1:], (self.there[:-1] + self.there[1:]) / 2

    def still_there(self, at_s: Times) -> Times:
        """Return the probability that the address is not gone yet; any shape."""
        return np.interp(at_s, self.at_s, self.there, left=1.0, right=0.0)


@dataclass(frozen=True, slots=True)
class Spell:
    """A stretch `[from, until)` during which a target that accepts is sent a node's load."""

    load: Load
    from_s: float
    until_s: float


def gone_law(
    spells: Sequence[Spell],
    law: Distribution,
    *,
    longest_s: float,
    closed_s: float,
    cut_s: float,
    teardown_s: float,
) -> GoneLaw:
    """Return the law of a target's end, whose listener closes at `closed_s` and which is killed at `cut_s`.

    `spells` end when the listener closes at the latest; `longest_s`: no service takes longer, in effect.
    """

    def running(after_s: Times) -> Times:
        counts = np.zeros(after_s.size)
        for spell in spells:
            from_s, until_s = np.full(after_s.size, spell.from_s), np.full(after_s.size, spell.until_s)
            counts += spell.load.outliving(law, longest_s, from_s, until_s, closed_s + after_s)
        return counts

    span_s = min(cut_s - closed_s, longest_s)
    tail_s = law.ppf(1 - np.geomspace(1, 1e-12, _POINTS))
    after_s = np.unique(np.clip(np.concatenate((np.linspace(0, span_s, _POINTS), tail_s)), 0, span_s))
    counts = running(after_s)
    for _ in range(_REFINEMENTS):
        finer_s = np.interp(_LEVELS, counts[::-1], after_s[::-1])
        after_s = np.union1d(after_s, finer_s)
        counts = running(after_s)
    return GoneLaw(closed_s + teardown_s + after_s, -np.expm1(-counts))

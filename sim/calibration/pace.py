"""How fast requests come to a target that stays, while others leave the rotation and come to it.

An ALB node spreads its requests over its targets. While old targets leave, the others are sent more. When new ones
come, the others are sent less. So seconds are no even measure of how many requests to expect.

Modelled:
- Time runs at the rate of requests to each target that is surely in rotation, as a moving average.
- A target surely is in rotation from its first request until its DeregisterTargets. A target's later requests do not
  decide whether it counts, so the rate is without bias.
- A second at the mean rate of the rollout is one second.

Left out: that ALB nodes and targets differ in how their rates change.

Sources: O. O. Aalen, "Nonparametric inference for a family of counting processes", Annals of Statistics 6 (1978); for
the first request, D. R. Cox, "Renewal Theory" (1962), section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.calibration.rates import regularity_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.calibration.last_requests import Floats

STEP_S = 1.0
_ENOUGH = 100
"""The number of requests in an average, for an error of a tenth."""
_SLOWEST = 0.05


@dataclass(frozen=True, slots=True)
class Stay:
    """A target's stay in rotation at one ALB node, from its first request on, and its requests, ordered."""

    requests_s: Floats
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Pace:
    """A clock that runs at the rate of requests: its reading at each edge; beyond them it runs as a usual clock."""

    edges_s: Floats
    reading_s: Floats

    def at(self, times_s: Floats) -> Floats:
        """Return the clock's reading at these times."""
        inside = np.clip(times_s, self.edges_s[0], self.edges_s[-1])
        return np.asarray(np.interp(inside, self.edges_s, self.reading_s) + (times_s - inside))


def pace_of(stays: Sequence[Stay], from_s: float, until_s: float) -> Pace:
    """Return the clock of an interval."""
    edges_s = np.arange(from_s, until_s + STEP_S, STEP_S)
    count, stayed_s = np.zeros(edges_s.size - 1), np.zeros(edges_s.size - 1)
    of_first = _of_first(stays)
    for stay in stays:
        inside_s = np.clip(edges_s, stay.from_s, stay.until_s)
        count += np.diff(np.searchsorted(stay.requests_s, inside_s, side="right"))
        stayed_s += np.diff(inside_s)
        if edges_s[0] <= stay.from_s < edges_s[-1]:
            count[int((stay.from_s - edges_s[0]) / STEP_S)] += of_first
    if count.sum() < 1:
        return Pace(edges_s, edges_s - edges_s[0])
    window = min(_window(count), count.size)
    there_s = _moving_sum(stayed_s, window)
    relative = _moving_sum(count, window) / np.maximum(there_s, STEP_S) * (stayed_s.sum() / count.sum())
    slowed = np.where(there_s > STEP_S, np.maximum(relative, _SLOWEST), 1.0)
    return Pace(edges_s, np.concatenate(([0.0], np.cumsum(slowed * STEP_S))))


def _of_first(stays: Sequence[Stay]) -> float:
    """Return by how much the first request counts.

    A first request begins a gap, after which the next one is later than by chance.

    Of a renewal process whose gaps have shape k, (1 - 1/k)/2 fewer requests than usual come after one of them.
    """
    return (1 - 1 / regularity_of([stay.requests_s for stay in stays])) / 2


def _window(count: Floats) -> int:
    """Return how many steps have enough requests, an odd number."""
    steps = int(np.ceil(_ENOUGH * count.size / count.sum()))
    return steps + 1 - steps % 2


def _moving_sum(values: Floats, window: int) -> Floats:
    total = np.concatenate(([0.0], np.cumsum(values)))
    middle, reach = np.arange(values.size), window // 2
    return np.asarray(total[np.minimum(middle + reach + 1, values.size)] - total[np.maximum(middle - reach, 0)])

"""How often an ALB node sends to a target, from the requests before its deregistration.

Modelled:
- Counts are Poisson given a rate. The rates of one rollout are gamma distributed around their mean, by the method of
  moments. So a target with few requests leans on the others, and one with many stands for itself.
- One number for all says how regular the gaps are. A few gaps that look regular by chance count as Poisson's.

Left out: trends. A target that dies under `least_outstanding_requests` draws more traffic, but only after that.

Source: docs/facts/logs.md §4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.calibration.last_requests import POISSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.calibration.last_requests import Floats, Ints

_ALL_ALIKE = 1e6
_FEWEST_GAPS = 30
_LEAST_REGULAR = 0.1
_LEAST_VARIANCE = 0.005
_ERRORS = 2.5
_EXPONENTIAL = 8.0
"""The variance of the square of an exponential gap's distance from its mean of 1: 9 - 1."""
_HALF = 0.5


def shrunk(count: Floats, exposure_s: Floats, group: Ints) -> tuple[Floats, Floats]:
    """Return shape and rate (in seconds) of what is known of each rate, with those of its group as the prior."""
    shape, rate_s = np.empty_like(count), np.empty_like(count)
    for number in np.unique(group):
        at = group == number
        shape[at], rate_s[at] = _shrunk(count[at], exposure_s[at])
    return shape, rate_s


def _shrunk(count: Floats, exposure_s: Floats) -> tuple[Floats, Floats]:
    mean_rps = max(float(count.sum()), _HALF) / float(exposure_s.sum())
    by_chance = float(np.mean(mean_rps / exposure_s))
    between = float(np.var(count / exposure_s, ddof=1)) - by_chance if count.size > 1 else mean_rps**2
    shape = min(mean_rps**2 / between, _ALL_ALIKE) if between > 0 else _ALL_ALIKE
    return shape + count, shape / mean_rps + exposure_s


def regularity_of(arrivals_s: Sequence[Floats]) -> float:
    """Return the shape of a gamma law of the gaps, 1 for Poisson. Each array holds one node's and target's requests."""
    gaps = [np.diff(np.sort(times_s)) for times_s in arrivals_s]
    scaled = [gap_s / gap_s.mean() for gap_s in gaps if gap_s.size > 1 and gap_s.mean() > 0]
    free = sum(gap.size - 1 for gap in scaled)
    if free < _FEWEST_GAPS:
        return POISSON
    variance = sum(float(np.sum((gap - 1) ** 2)) for gap in scaled) / free
    if variance > max(_LEAST_REGULAR, 1 - _ERRORS * float(np.sqrt(_EXPONENTIAL / free))):
        return POISSON
    return float(1 / max(variance, _LEAST_VARIANCE))

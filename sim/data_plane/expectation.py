"""What is expected of the requests of a window, as the `expected` estimator counts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.outcomes import Outcome

if TYPE_CHECKING:
    from sim.data_plane.latency import Latency
    from sim.data_plane.timeline import Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What is expected of the requests of one replication's window.

    Attributes
    ----------
    counts
        How many requests end in each `Outcome`, by its value, shape (outcomes,).
    window_until_s
        The mean of the window's end, in s since the start of the disruption.
    latency_before_s, latency_s
        The latency of requests answered with 200 in s, before the disruption and in the window.
    """

    counts: Times
    window_until_s: float
    latency_before_s: Latency
    latency_s: Latency

    @property
    def any_502(self) -> float:
        """Return the probability of at least one 502."""
        return float(-np.expm1(-sum(self.counts[outcome] for outcome in Outcome if outcome.status == 502)))  # noqa: PLR2004 - a status

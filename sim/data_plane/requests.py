"""What became of the requests of a window, as the `sampled` estimator counts and keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.data_plane.outcomes import Outcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sim.data_plane.latency import Latency
    from sim.data_plane.timeline import Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What became of the requests of one replication's window.

    The failed requests stand in the order of their arrival, in arrays of shape (failed,).

    Attributes
    ----------
    counts
        How many requests ended in each `Outcome`, by its value, shape (outcomes,).
    window_until_s
        The window's end, in s since the start of the disruption.
    latency_before_s, latency_s
        The latency of requests answered with 200 in s, before the disruption and in the window.
    ended_s
        When each target's process ended, by its last request or by SIGKILL, shape (targets,); `inf` where it was
        not told to.
    arrival_s
        When each failed request arrived, in s since the start of the disruption.
    node
        The ALB node of each failed request, with target type `instance` the worker node.
    target
        The pod of each failed request, -1 for none.
    outcome
        The `Outcome` of each failed request, by its value.
    answered_s
        When the request's client had the answer, in s since the start of the disruption.
    """

    counts: NDArray[np.int64]
    window_until_s: float
    latency_before_s: Latency
    latency_s: Latency
    ended_s: Times
    arrival_s: Times
    node: NDArray[np.int16]
    target: NDArray[np.int32]
    outcome: NDArray[np.int8]
    answered_s: Times

    @property
    def n_requests(self) -> int:
        """Return the number of requests in the window."""
        return int(self.counts.sum())

    @property
    def any_502(self) -> float:
        """Return 1 if there was a 502, else 0."""
        return float(self.n_status(502) > 0)

    def n_status(self, status: int) -> int:
        """Return the number of requests answered with an HTTP status.

        Parameters
        ----------
        status
            An HTTP status: 200, 460, 502, 503 or 504.

        Returns
        -------
        int
            The number of requests in the window.
        """
        return sum(int(self.counts[outcome]) for outcome in Outcome if outcome.status == status)

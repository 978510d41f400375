"""What an access log says of a deregistration: the last request that each ALB node sent to each target.

An ALB node goes on sending to a target for some time P after DeregisterTargets. P is in no log. The log has the last
request. After the last one no request came, either because P was over or because nobody asked.

Modelled:
- Requests to a node and target come at a steady rate, with gaps of a gamma law. Shape 1 is Poisson, and a larger shape
  is more regular: round robin over n targets gives about n.
- The rate is known from the minutes before. The rate is steady on a clock that runs with the requests to targets that
  stay (`pace`).
- The observation may end early, at the log's end or with the pod.
- The moment of DeregisterTargets may be known to an interval only.

Source: docs/facts/logs.md §4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

POISSON = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRequests:
    """One row for each ALB node and target, as arrays of one length.

    - `last_s`: from DeregisterTargets until the last request. NaN if none came after it.
    - `until_s`: from DeregisterTargets until the observation ends. Infinity if it does not.
    - `slack_s`: the true moment of DeregisterTargets is up to so much later than the one that these count from.
    - `shape`, `rate_s`: a gamma law of the requests' rate: about `shape` requests in `rate_s` seconds.
    - `call`, `rollout`: numbers of the DeregisterTargets call and of the rollout.
    - `regularity`: the shape of the gaps between requests.
    - `clock_s`: what the clock of requests shows 0, 1, 2, … seconds after the call, shape (rows, readings). None if it
      is a usual clock. Rates and `rate_s` count by it.
    """

    last_s: Floats
    until_s: Floats
    slack_s: Floats
    shape: Floats
    rate_s: Floats
    call: Ints
    rollout: Ints
    regularity: float = POISSON
    clock_s: Floats | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.last_s.size)

    @property
    def request_rate_rps(self) -> Floats:
        """The most plausible rate of each row."""
        return self.shape / self.rate_s

    def __getitem__(self, at: NDArray[np.bool_] | NDArray[np.intp]) -> LastRequests:
        """Return some of the rows."""
        rows = {name: getattr(self, name)[at] for name in _BY_ROW}
        clock_s = None if self.clock_s is None else self.clock_s[at]
        return LastRequests(**rows, regularity=self.regularity, clock_s=clock_s)

    def clock_at(self, times_s: Floats) -> Floats:
        """Return what each row's clock of requests shows at its times after the call, shape (rows, times)."""
        if self.clock_s is None:
            return times_s
        last = self.clock_s.shape[1] - 1
        inside_s = np.clip(times_s, 0.0, last)
        before = np.minimum(inside_s.astype(np.intp), last - 1)
        earlier, later = (np.take_along_axis(self.clock_s, before + step, axis=1) for step in (0, 1))
        return np.asarray(earlier + (later - earlier) * (inside_s - before) + (times_s - inside_s))


_BY_ROW = ("last_s", "until_s", "slack_s", "shape", "rate_s", "call", "rollout")

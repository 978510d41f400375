"""When ipamd makes its passes on one node: every 5 s, from a moment of its own on.

Sources: CNI is aws/amazon-vpc-cni-k8s@b5218838, pkg/ipamd/ipamd.go (StartNodeIPPoolManager).
"""

from __future__ import annotations

import math

PASS_S = 5.0
ROUNDING = 1e-6


class Passes:
    """The passes of one node. `phase`, from 0 to 1, is the part of a pass that is over when time begins."""

    def __init__(self, begun_s: float, phase: float) -> None:
        self._phase_s = PASS_S * phase
        self.last = math.floor((begun_s - self._phase_s) / PASS_S)
        """The number of the last pass."""

    def next_from(self, now_s: float) -> tuple[int, float]:
        """Return the number of the next pass, and for how long to wait for it."""
        number = max(self.last + 1, math.ceil((now_s - self._phase_s) / PASS_S - ROUNDING))
        return number, max(0.0, self._phase_s + PASS_S * number - now_s)

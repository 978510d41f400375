"""When the window of requests ends, as far as no request changes it.

The window runs from t = 0 until the Deployment is complete, every old target has left every node's rotation and every
old pod is gone. With worker nodes as targets (`instances`), those that leave have left every ALB node's rotation too.
Only a pod's end may depend on the requests: a draining process ends with its last one.

An ALB node may have no healthy target by then, if the new targets are registered later than the old ones go. The
rollout then still costs requests, and the window goes on until the node has a healthy target.

After a switch of clusters some clients look for the old ALB for hours: the window goes on until `counted_until_s`.

Sources: docs/model.md, "Data plane"; the second paragraph is this model's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.rotation import left_rotation_s

if TYPE_CHECKING:
    from sim.data_plane.timeline import Timeline, Times


def fixed_until_s(timeline: Timeline) -> float:
    """Return the part of the window's end that no request changes. Raises ValueError if the window has no end."""
    terminated = timeline.terminated
    left_s = left_rotation_s(timeline)[terminated]
    for target in terminated[np.isposinf(left_s)].tolist():
        msg = f"the window of requests has no end: target {target} never leaves the rotation of every ALB node"
        raise ValueError(msg)
    if not math.isfinite(timeline.rollout_complete_s):
        msg = f"the window of requests has no end: the rollout is complete at {timeline.rollout_complete_s} s"
        raise ValueError(msg)
    over_s = timeline.rollout_complete_s
    if timeline.old_side is not None:
        over_s = max(over_s, timeline.old_side.spec.counted_until_s)
    if timeline.instances is not None:
        over_s = float(timeline.instances.leaving_s.max(initial=over_s))
        if over_s == math.inf:
            raise ValueError("the window of requests has no end: a worker node never leaves the rotation")
    return _healthy_again_s(timeline, float(left_s.max(initial=over_s)))


def _healthy_again_s(timeline: Timeline, from_s: float) -> float:
    """Return when every node has had a healthy target from `from_s` on, except nodes that never have one."""
    begin_s = np.maximum(np.maximum(timeline.registered_from_s, timeline.healthy_from_s), from_s)
    end_s = np.minimum(timeline.registered_until_s, timeline.healthy_until_s)
    first_s = np.where(begin_s < end_s, begin_s, np.inf).min(axis=1)
    return float(first_s[np.isfinite(first_s)].max(initial=from_s))


@dataclass(frozen=True, slots=True)
class WindowLaw:
    """The window's end, after `at_s[0]`: `open[k]` is the chance of an open window in `[at_s[k], at_s[k + 1])`."""

    at_s: Times
    open: Times

    @property
    def mean_s(self) -> float:
        """Return the mean of the window's end."""
        return float(self.at_s[0] + np.sum(np.diff(self.at_s) * self.open))

    def still_open(self, at_s: Times) -> Times:
        """Return the probability that the window is still open at these times, none of which is the edge of a cell."""
        return np.concatenate(([1.0], self.open, [0.0]))[np.searchsorted(self.at_s, at_s)]

"""When the window of requests ends, as far as no request changes it.

The window runs from t = 0 until the Deployment is complete, every old target has left every node's rotation and every
old pod is gone. Only the last of these may depend on the requests: a draining process ends with its last one.

An ALB node may have no healthy target by then, if the new targets are registered later than the old ones go. The
rollout then still costs requests, and the window goes on until the node has a healthy target.

After a switch of clusters some clients look for the old ALB for hours: the window goes on until `counted_until_s`.

Sources: docs/model.md, "Data plane"; the second paragraph is this model's own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.rotation import left_rotation_s

if TYPE_CHECKING:
    from sim.data_plane.timeline import Timeline


def fixed_until_s(timeline: Timeline) -> float:
    """Return the part of the window's end that no request changes. Raises ValueError if the window has no end."""
    left_s = left_rotation_s(timeline)
    for target in timeline.terminated[np.isposinf(left_s[timeline.terminated])].tolist():
        msg = f"the window of requests has no end: target {target} never leaves the rotation of every ALB node"
        raise ValueError(msg)
    if not math.isfinite(timeline.rollout_complete_s):
        msg = f"the window of requests has no end: the rollout is complete at {timeline.rollout_complete_s} s"
        raise ValueError(msg)
    over_s = timeline.rollout_complete_s
    if timeline.old_side is not None:
        over_s = max(over_s, timeline.old_side.spec.counted_until_s)
    return _healthy_again_s(timeline, float(left_s[timeline.terminated].max(initial=over_s)))


def _healthy_again_s(timeline: Timeline, from_s: float) -> float:
    """Return when every node has had a healthy target from `from_s` on, except nodes that never have one."""
    begin_s = np.maximum(timeline.registered_from_s, timeline.healthy_from_s)
    end_s = np.minimum(timeline.registered_until_s, timeline.healthy_until_s)
    first_s = np.where(np.maximum(begin_s, from_s) < end_s, np.maximum(begin_s, from_s), np.inf).min(axis=1)
    return float(first_s[np.isfinite(first_s)].max(initial=from_s))

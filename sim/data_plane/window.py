"""When the window of requests ends, as far as no request changes it.

The window runs from t = 0 until the Deployment is complete, every old target has left every node's rotation and every
old pod is gone. Only the last of these may depend on the requests: a draining process ends with its last one.
Source: model.md, "Data plane".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.rotation import left_rotation_s

if TYPE_CHECKING:
    from sim.data_plane.timeline import Timeline


def fixed_until_s(timeline: Timeline) -> float:
    """Give the part of the window's end that no request changes; raises ValueError if it has none."""
    left_s = left_rotation_s(timeline)
    for target in timeline.terminated[np.isposinf(left_s[timeline.terminated])].tolist():
        msg = f"the window of requests has no end: target {target} never leaves the rotation of every ALB node"
        raise ValueError(msg)
    if not math.isfinite(timeline.rollout_complete_s):
        msg = f"the window of requests has no end: the rollout is complete at {timeline.rollout_complete_s} s"
        raise ValueError(msg)
    return float(left_s[timeline.terminated].max(initial=timeline.rollout_complete_s))

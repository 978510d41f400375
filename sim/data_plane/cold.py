"""Cold pods: a new pod serves more slowly for a while (`pod.cold_factor`, `pod.warm_up_s`).

Modelled: each request that reaches a target before `warm_up_s` have passed, since the first ALB node found it healthy,
takes `cold_factor` times as long. Targets from before the disruption are warm.

Left out: that a pod warms with the requests that it serves, and by degrees.

Sources: this model's own; AWS names cold targets as the reason for slow start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import PodSpec


def cold_until_s(timeline: Timeline, pod: PodSpec) -> Times:
    """Return until when each target is cold, shape (targets,), `-inf` for one that is not."""
    first_s = np.maximum(timeline.registered_from_s, timeline.healthy_from_s).min(axis=0)
    is_new = np.isfinite(first_s) & (pod.cold_factor > 1)
    return np.where(is_new, first_s + pod.warm_up_s, -np.inf)

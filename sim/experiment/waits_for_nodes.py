"""How long the pods of a replication waited for a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace import PodCreated, PodScheduled, RolloutStalled

if TYPE_CHECKING:
    from sim.data_plane.timeline import Times
    from sim.experiment.replication import Replication


def pending_s(replication: Replication) -> Times:
    """Return each created pod's time without a node in seconds, in the order of creation, shape (pods,).

    A pod that never got one waited until the disruption was taken to have stalled.
    """
    trace = replication.trace
    stalled_s = next((stalled.time_s for stalled in trace.of(RolloutStalled)), np.inf)
    scheduled_s = {scheduled.pod: scheduled.time_s for scheduled in trace.of(PodScheduled)}
    waited_s = [scheduled_s.get(pod.pod, stalled_s) - pod.time_s for pod in trace.of(PodCreated)]
    return np.array(waited_s, dtype=np.float64)

"""A scale-out in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace import ReplicaSetScaled
from sim.report.wording import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication


def course(replication: Replication) -> Iterator[str]:
    """Yield lines of text on how a scale-out began, and since when its pods serve."""
    scenario, timeline = replication.scenario, replication.timeline
    replicas = scenario.deployment.replicas
    steps = [record.replicas for record in replication.trace.of(ReplicaSetScaled)]
    by_steps = f", in {len(steps)} steps, the first to {steps[0]:,}" if len(steps) > 1 else ""
    yield f"Began at 0 s, from {replicas:,} replicas to {steps[-1]:,}{by_steps}."
    routable_s = np.maximum(timeline.registered_from_s, timeline.healthy_from_s)[:, replicas:]
    last_s = float(routable_s.max())
    behind_workers = scenario.target_group.target_type == "instance"
    what, where = ("pod", "worker node's rules") if behind_workers else ("target", "ALB node's rotation")
    if np.isfinite(last_s):
        yield f"The last new {what} was in every {where} {seconds(last_s)} after the start."
    else:
        n_late = int(np.isinf(routable_s).any(axis=0).sum())
        yield f"New {what}s that were not in every {where} when the counting ended: {n_late:,}."
    if slow_start_s := scenario.target_group.slow_start_s:
        yield f"Each new pod has a growing share of the requests for {seconds(slow_start_s)} from then on (slow start)."

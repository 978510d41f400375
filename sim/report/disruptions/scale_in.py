"""A scale-in in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.trace import ReplicaSetScaled
from sim.report.wording import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication


def course(replication: Replication) -> Iterator[str]:
    """Yield lines of text on how a scale-in began and ended."""
    scenario = replication.scenario
    left = scenario.scale_in.left(scenario.deployment.replicas)
    yield (
        f"Began at 0 s, from {scenario.deployment.replicas:,} replicas to {left:,}: the last pod was deleted after "
        f"{seconds(replication.timeline.rollout_complete_s)}."
    )
    steps = [record.replicas for record in replication.trace.of(ReplicaSetScaled)]
    if scenario.scale_in.unready:
        yield f"Pods that were not Ready, and so no targets: {scenario.scale_in.unready:,}. Such pods go first."
    if len(steps) > 1:
        yield f"The autoscaler went down in {len(steps)} steps, the first to {steps[0]:,}."

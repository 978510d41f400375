"""A scale-in in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.trace import ReplicaSetScaled
from sim.report.wording import count, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication


def course(replication: Replication) -> Iterator[str]:
    """Yield lines of text on how a scale-in began and ended."""
    scenario = replication.scenario
    replicas = scenario.deployment.replicas
    left, back = scenario.scale_in.left(replicas), scenario.scale_in.comes_back(replicas)
    over = "the last new pod was Ready" if back else "the last pod was deleted"
    yield (
        f"Began at 0 s, from {replicas:,} replicas to {left:,}: {over} after "
        f"{seconds(replication.timeline.rollout_complete_s)}."
    )
    if scenario.scale_in.unready:
        yield f"Pods that were not Ready, and so no targets: {scenario.scale_in.unready:,}. Such pods go first."
    steps = [record.replicas for record in replication.trace.of(ReplicaSetScaled)]
    n_down = steps.index(min(steps)) + 1
    if n_down > 1:
        yield f"The autoscaler went down in {n_down} steps, the first to {steps[0]:,}."
    if back:
        came = count(len(steps) - n_down, "step")
        yield f"The autoscaler went down to {min(steps):,}, and came back up in {came}, the first to {steps[n_down]:,}."

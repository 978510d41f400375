"""A blue/green switch in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.wording import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication


def course(replication: Replication) -> Iterator[str]:
    """Yield lines of text on how a blue/green switch began and ended."""
    scenario = replication.scenario
    yield (
        f"At 0 s the Service's selector passed from {scenario.deployment.replicas:,} old pods to as many new ones, all "
        f"Ready. The old ones were deleted from {seconds(scenario.blue_green.scale_down_delay_s)} on, the last after "
        f"{seconds(replication.timeline.rollout_complete_s)}."
    )
    left_s = replication.timeline.registered_until_s[:, : scenario.deployment.replicas].max()
    yield f"The last old target left the last ALB node {seconds(float(left_s))} after the switch."

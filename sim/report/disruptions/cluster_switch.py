"""A switch of whole clusters in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.trace import RecordChanged
from sim.report.disruptions.words import Words
from sim.report.wording import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication


def _course(replication: Replication) -> Iterator[str]:
    scenario, spec = replication.scenario, replication.scenario.cluster_switch
    changed_s = replication.trace.of(RecordChanged)[0].time_s
    yield (
        f"At {seconds(changed_s)} the DNS record passed from the old cluster's ALB to that of a new cluster with "
        f"{scenario.deployment.replicas:,} pods, all healthy."
    )
    yield (
        f"The old pods were deleted from {seconds(spec.old_pods_removed_at_s)} on, and the old ALB at "
        f"{seconds(spec.old_alb_deleted_at_s)}."
    )


CLUSTER_SWITCH = Words(
    name="cluster switch",
    complete="old side removed",
    started="",
    ended="Old pods deleted",
    course=_course,
)

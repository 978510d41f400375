"""A rollout in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.disruptions.words import Words
from sim.report.wording import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication


def _course(replication: Replication) -> Iterator[str]:
    deployment = replication.scenario.deployment
    yield (
        f"Began at 0 s and complete after {seconds(replication.timeline.rollout_complete_s)}, with a surge of "
        f"{deployment.surge} and {deployment.unavailable} unavailable."
    )
    if deployment.pod_replacement_policy == "TerminationComplete":
        yield "Terminating pods counted against the surge until they were gone."


ROLLOUT = Words(
    name="rollout", complete="rollout complete", started="New pods", ended="Old pods deleted", course=_course
)

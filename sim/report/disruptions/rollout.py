"""A rollout in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.wording import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication


def course(replication: Replication) -> Iterator[str]:
    """Yield lines of text on how a rolling update began and ended."""
    deployment = replication.scenario.deployment
    complete = f"Began at 0 s and complete after {seconds(replication.timeline.rollout_complete_s)}"
    if deployment.strategy == "Recreate":
        yield f"{complete}: Recreate, so every old pod was gone before a new one was created."
        return
    if deployment.kind != "Deployment":
        how = f"{deployment.surge} surging" if deployment.surge else f"{deployment.unavailable} unavailable"
        yield f"{complete}, a {deployment.kind} with {how} at a time."
        return
    yield f"{complete}, with a surge of {deployment.surge} and {deployment.unavailable} unavailable."
    if deployment.pod_replacement_policy == "TerminationComplete":
        yield "Terminating pods counted against the surge until they were gone."

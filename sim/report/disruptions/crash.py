"""Crashes in words, and containers that restart in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.trace import ContainerRestarted, PodFailed, TargetDeregistered
from sim.report.wording import count, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication


def course(replication: Replication) -> Iterator[str]:
    """Yield lines of text on how crashes began and ended."""
    n_pods = len(replication.trace.of(PodFailed))
    yield f"{count(n_pods, 'container')} ended unasked at 0 s, without preStop or grace. {restarted(replication)}"
    yield target_went(replication)


def restarted(replication: Replication) -> str:
    """Return when the last container was Ready again, in words."""
    back_s = max(record.time_s for record in replication.trace.of(ContainerRestarted))
    return f"The last was Ready again in its place after {seconds(back_s)}."


def target_went(replication: Replication) -> str:
    """Return what became of the failed pods' targets, in words."""
    n_deregistered = len(replication.trace.of(TargetDeregistered))
    if not n_deregistered:
        return "No target was deregistered: the ALB nodes' health checks alone took targets out and back."
    return f"{count(n_deregistered, 'target')} left by deregistration and came back by registration."

"""Crashes, failed liveness probes and lost nodes in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.trace import ContainerRestarted, PodDeleted, PodFailed, TargetDeregistered
from sim.report.disruptions.words import Words
from sim.report.wording import count, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication


def _course_of_crash(replication: Replication) -> Iterator[str]:
    n_pods = len(replication.trace.of(PodFailed))
    yield f"{count(n_pods, 'container')} ended unasked at 0 s, without preStop or grace. {_restarted(replication)}"
    yield _target(replication)


def _course_of_liveness_failure(replication: Replication) -> Iterator[str]:
    n_pods = len(replication.trace.of(PodFailed))
    yield (
        f"{count(n_pods, 'container')} hung from 0 s on, until the liveness probe had failed and the kubelet ended "
        f"{'it' if n_pods == 1 else 'them'}. {_restarted(replication)}"
    )
    yield _target(replication)


def _course_of_node_lost(replication: Replication) -> Iterator[str]:
    n_pods = len(replication.trace.of(PodFailed))
    deleted_s = replication.trace.of(PodDeleted)[0].time_s
    spec = replication.scenario.node_lost
    yield (
        f"At 0 s a node was lost with {count(n_pods, 'pod')}. It was NotReady after "
        f"{seconds(deleted_s - spec.toleration_s)}; its pods were deleted and replaced from {seconds(deleted_s)} on."
    )


def _restarted(replication: Replication) -> str:
    back_s = max(record.time_s for record in replication.trace.of(ContainerRestarted))
    return f"The last was Ready again in its place after {seconds(back_s)}."


def _target(replication: Replication) -> str:
    n_deregistered = len(replication.trace.of(TargetDeregistered))
    if not n_deregistered:
        return "No target was deregistered: the ALB nodes' health checks alone took targets out and back."
    return f"{count(n_deregistered, 'target')} left by deregistration and came back by registration."


CRASH = Words(
    name="crashed container",
    complete="containers Ready again",
    started="",
    ended="Pods deleted",
    course=_course_of_crash,
)
LIVENESS_FAILURE = Words(
    name="failed liveness probe",
    complete="containers Ready again",
    started="",
    ended="Pods deleted",
    course=_course_of_liveness_failure,
)
NODE_LOST = Words(
    name="lost node",
    complete="every lost pod replaced",
    started="Replacements",
    ended="Pods deleted",
    course=_course_of_node_lost,
)

"""How each pod that failed unasked was found out, and how clients were affected.

Times are in seconds since the failure; `inf` for what did not happen within the replication.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace import ContainerRestarted, EndpointRemoved, PodFailed, TargetDeregistered
from sim.diagnosis.pod_ends import failed_by_pod
from sim.diagnosis.spells import in_rotation, unanswered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.data_plane.outcomes import Outcome
    from sim.diagnosis.spells import Spell
    from sim.experiment.replication import Replication


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFailure:
    """One pod's failure.

    - `endpoint_removed_s`: the controller's watch saw that the pod is not Ready. `deregistered_s`: its target was
      deregistered.
    - `back_s`: its container is Ready again in its place. `again_s`: some ALB node sends to it again.
    - `out_s`: the last ALB node stopped sending to it, or the container was back. `out_by`: which came first.
    - `dead`: the spells in which it was sent requests and answered none. `exposed_s`: their length in all.
    - `failed`: the requests that failed on it, by outcome.
    """

    pod: int
    failed_s: float
    endpoint_removed_s: float
    deregistered_s: float
    out_s: float
    out_by: str
    back_s: float
    again_s: float
    dead: list[Spell]
    exposed_s: float
    failed: dict[Outcome, int]


def pod_failures(replication: Replication) -> list[PodFailure]:
    """Return the failures of all pods that failed unasked, the most exposed first."""
    trace, timeline = replication.trace, replication.timeline
    endpoint_s, deregistered_s = _first(trace.of(EndpointRemoved)), _first(trace.of(TargetDeregistered))
    back_s = _first(trace.of(ContainerRestarted))
    dead, rotation, failed = unanswered(timeline), in_rotation(timeline), failed_by_pod(replication)

    def failure(record: PodFailed) -> PodFailure:
        pod = record.pod
        spells = dead.get(pod, [])
        lives = np.flatnonzero(timeline.pod == pod).tolist()[1:]
        out_s, returned_s = max((until_s for _, until_s in spells), default=record.time_s), back_s.get(pod, math.inf)
        by_call = bool(np.any(timeline.registered_until_s[:, pod] == out_s))
        return PodFailure(
            pod=pod,
            failed_s=record.time_s,
            endpoint_removed_s=endpoint_s.get(pod, math.inf),
            deregistered_s=deregistered_s.get(pod, math.inf),
            out_s=out_s,
            out_by="restart" if out_s == returned_s else "API" if by_call else "checks",
            back_s=returned_s,
            again_s=min((from_s for life in lives for from_s, _ in rotation.get(life, [])), default=math.inf),
            dead=spells,
            exposed_s=sum(until_s - from_s for from_s, until_s in spells),
            failed=failed.get(pod, {}),
        )

    return sorted(map(failure, trace.of(PodFailed)), key=lambda one: (-one.exposed_s, one.pod))


def _first(records: Iterable[EndpointRemoved | TargetDeregistered | ContainerRestarted]) -> dict[int, float]:
    """Return when each pod had its first record of these."""
    times_s: dict[int, float] = {}
    for record in records:
        times_s.setdefault(record.pod, record.time_s)
    return times_s

"""How each terminated pod of a replication came to its end, and how clients were affected.

Put together from the trace (what happened to the pod and its target), the timeline (when the ALB nodes dropped the
target) and the requests that failed on it. Times are in seconds since the start of the rollout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sim.control_plane.trace import (
    EndpointRemoved,
    ListenerClosed,
    PodDeleted,
    PodDeselected,
    PodFailed,
    Sigterm,
    TargetDeregistered,
)
from sim.data_plane.outcomes import Outcome
from sim.data_plane.rotation import exposure_s, left_rotation_s

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.experiment.replication import Replication

PodRecord: TypeAlias = PodDeleted | EndpointRemoved | Sigterm | ListenerClosed | TargetDeregistered
_KINDS: tuple[type[PodRecord], ...] = (
    PodDeleted,
    EndpointRemoved,
    Sigterm,
    ListenerClosed,
    TargetDeregistered,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodEnd:
    """One pod's end. Times of events that did not happen within the replication are `inf`.

    - `ended_s`: the pod's process has ended, by its last request or by SIGKILL.
    - `left_s`: the last ALB node has dropped the target. `left_by_deregistration`: not for its health checks.
      `left_by_rule`: as the listener's rule sends nothing more to its target group.
    - `checks_fail_s`: the pod's health checks fail from here on.
    - `unhealthy_s`: by node, when the checks have failed often enough.
    - `drained_s`: by node, when the deregistration has reached it.
    - `exposed_s`: how long the pod was sent requests and refused them.
    - `failed`: the requests that failed on the pod, by outcome.
    """

    pod: int
    deleted_s: float
    endpoint_removed_s: float
    sigterm_s: float
    closed_s: float
    ended_s: float
    deregistered_s: float
    left_s: float
    left_by_deregistration: bool
    left_by_rule: bool
    checks_fail_s: float
    unhealthy_s: tuple[float, ...]
    drained_s: tuple[float, ...]
    exposed_s: float
    failed: dict[Outcome, int]

    @property
    def lag_s(self) -> float:
        """The deregistration lag, 0 if the target left before the pod's deletion."""
        return max(0.0, self.left_s - self.deleted_s)


def pod_ends(replication: Replication) -> list[PodEnd]:
    """Return the ends of all pods that were deleted and whose targets were in rotation, in the order of pod numbers.

    Pods that failed unasked are left out. Pods that their Service dropped before count from then, as deleted.
    """
    timeline, trace = replication.timeline, replication.trace
    left_s, exposed_s = left_rotation_s(timeline), exposure_s(timeline)
    failed = failed_by_pod(replication)
    times_s = {kind: _by_pod(trace.of(kind)) for kind in _KINDS}
    told_s = dict(times_s[PodDeleted])
    times_s[PodDeleted] |= {record.pod: record.time_s for record in trace.of(PodDeselected)}

    def end(pod: int) -> PodEnd:
        at_s = {kind: times_s[kind].get(pod, math.inf) for kind in _KINDS}
        rows = np.flatnonzero(timeline.registered_from_s[:, pod] < np.inf)
        by_rule = any(left_s[pod] == until_s for row in rows.tolist() for _, until_s in timeline.in_use(row))
        fails_at_deletion = replication.scenario.pod.pre_stop_fails_health_check
        return PodEnd(
            pod=pod,
            deleted_s=at_s[PodDeleted],
            endpoint_removed_s=at_s[EndpointRemoved],
            sigterm_s=at_s[Sigterm],
            closed_s=at_s[ListenerClosed],
            ended_s=float(replication.requests.ended_s[pod]),
            deregistered_s=at_s[TargetDeregistered],
            left_s=float(left_s[pod]),
            left_by_deregistration=by_rule or bool(np.any(timeline.registered_until_s[:, pod] == left_s[pod])),
            checks_fail_s=told_s.get(pod, math.inf) if fails_at_deletion else at_s[ListenerClosed],
            left_by_rule=by_rule,
            unhealthy_s=tuple(timeline.healthy_until_s[rows, pod].tolist()),
            drained_s=tuple(timeline.registered_until_s[rows, pod].tolist()),
            exposed_s=float(exposed_s[pod]),
            failed=failed.get(pod, {}),
        )

    failed_unasked = {record.pod for record in trace.of(PodFailed)}
    told = sorted(times_s[PodDeleted].keys() - failed_unasked)
    return [end(pod) for pod in told if math.isfinite(left_s[pod])]


def _by_pod(records: Iterable[PodRecord]) -> dict[int, float]:
    return {record.pod: record.time_s for record in records}


def failed_by_pod(replication: Replication) -> dict[int, dict[Outcome, int]]:
    """Return the number of failed requests by target and outcome. Requests that found no target have target -1."""
    requests = replication.requests
    pairs, counts = np.unique(np.stack([requests.target, requests.outcome]), axis=1, return_counts=True)
    failed: dict[int, dict[Outcome, int]] = {}
    for target, outcome, n in zip(*pairs.tolist(), counts.tolist(), strict=True):
        failed.setdefault(target, {})[Outcome(outcome)] = n
    return failed

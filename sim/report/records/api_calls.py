"""The AWS API calls of a simulated rollout, with the targets that they named, as CloudTrail and a controller know them.

Modelled:
- An attempt names the targets whose registration or deregistration its success brought about.
- A `fixed_lag` controller makes no call in the simulation. The records have one call for each moment at which targets
  changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.control_plane.trace import TargetDeregistered, TargetRegistered
from sim.control_plane.trace.calls import ApiAttempt, Reconciled
from sim.control_plane.trace.nodes import InstanceDeregistered
from sim.report.records.names import pod_target, worker_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.control_plane.trace import Trace
    from sim.report.records.names import Target

REGISTER = "elasticloadbalancing:RegisterTargets"
DEREGISTER = "elasticloadbalancing:DeregisterTargets"
_SAME_MOMENT_S = 1e-6
_FIXED_LAG_LATENCY_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """One call.

    `began_s`: when the first attempt was sent. `attempts`: when each was answered, and whether it was throttled.
    `targets`: those that the call changed, if it succeeded. `ingress`: whose reconcile made it, if that is known.
    """

    cluster: int
    ingress: int | None
    action: str
    began_s: float
    attempts: tuple[tuple[float, bool], ...]
    targets: tuple[Target, ...]

    @property
    def done_s(self) -> float | None:
        """Return when the call succeeded, None if it failed."""
        answered_s, throttled = self.attempts[-1]
        return None if throttled else answered_s


def calls_of(trace: Trace, *, through_workers: bool) -> list[ApiCall]:
    """Return every cluster's calls, by the time at which they began; the targets are worker nodes or else pods."""
    changed: dict[str, dict[float, list[Target]]]
    if through_workers:
        left = [(record.time_s, worker_target(record.instance)) for record in trace.of(InstanceDeregistered)]
        changed = {DEREGISTER: _by_moment(left)}
    else:
        came = [(record.time_s, pod_target(record.pod)) for record in trace.of(TargetRegistered)]
        left = [(record.time_s, pod_target(record.pod)) for record in trace.of(TargetDeregistered)]
        changed = {REGISTER: _by_moment(came), DEREGISTER: _by_moment(left)}
    ingresses = {(record.cluster, record.reconcile): record.ingress for record in trace.of(Reconciled)}
    calls = [_call(run, changed, ingresses) for run in _runs(trace.of(ApiAttempt))]
    if not any(call.cluster == 0 for call in calls):
        calls += _of_fixed_lag(changed)
    return sorted(calls, key=lambda call: call.began_s)


def _runs(attempts: list[ApiAttempt]) -> Iterator[list[ApiAttempt]]:
    """Yield the attempts of each call. Attempts of one client and reconcile follow each other, from attempt 0 on."""
    open_runs: dict[tuple[int, int, str], list[ApiAttempt]] = {}
    for attempt in attempts:
        key = (attempt.cluster, attempt.reconcile, attempt.action)
        if attempt.attempt == 0 and key in open_runs:
            yield open_runs.pop(key)
        open_runs.setdefault(key, []).append(attempt)
    yield from open_runs.values()


def _call(
    run: list[ApiAttempt], changed: dict[str, dict[float, list[Target]]], ingresses: dict[tuple[int, int], int]
) -> ApiCall:
    last = run[-1]
    targets: list[Target] = []
    if last.cluster == 0 and not last.throttled:
        targets = _at(changed.get(last.action, {}), last.time_s + last.latency_s)
    return ApiCall(
        cluster=last.cluster,
        ingress=ingresses.get((last.cluster, last.reconcile)),
        action=last.action,
        began_s=run[0].time_s,
        attempts=tuple((attempt.time_s + attempt.latency_s, attempt.throttled) for attempt in run),
        targets=tuple(targets),
    )


def _by_moment(changed: list[tuple[float, Target]]) -> dict[float, list[Target]]:
    found: dict[float, list[Target]] = {}
    for time_s, target in changed:
        found.setdefault(time_s, []).append(target)
    return found


def _at(changed: dict[float, list[Target]], time_s: float) -> list[Target]:
    return next((targets for at_s, targets in changed.items() if abs(at_s - time_s) < _SAME_MOMENT_S), [])


def _of_fixed_lag(changed: dict[str, dict[float, list[Target]]]) -> list[ApiCall]:
    return [
        ApiCall(
            cluster=0,
            ingress=None,
            action=action,
            began_s=time_s - _FIXED_LAG_LATENCY_S,
            attempts=((time_s, False),),
            targets=tuple(targets),
        )
        for action, by_moment in changed.items()
        for time_s, targets in by_moment.items()
    ]

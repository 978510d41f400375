"""What the rolled cluster's controller did, put together from the trace: reconciles, their calls, their stalls.

- A trace has one record for each attempt of a call, and one for each reconcile that ended. Here attempts become calls,
  and calls become reconciles.
- A reconcile's deregistered targets are those that the trace records at the very moment of the response to its
  DeregisterTargets.
- A reconcile that still ran when the replication was over has no end.

Left out: reconciles that ended before the rollout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace import TargetDeregistered, TargetRegistered
from sim.control_plane.trace.calls import NO_RECONCILE, ApiAttempt, Reconciled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sim.control_plane.trace import Trace

ROLLED_CLUSTER = 0
SAME_MOMENT_S = 1e-6


def held_up_until_s(attempt: ApiAttempt) -> float:
    """Return when an attempt's response, and the wait after it, were over."""
    return attempt.time_s + attempt.latency_s + attempt.backoff_s


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS API call: its attempts, in order, at least one."""

    attempts: tuple[ApiAttempt, ...]

    @property
    def action(self) -> str:
        """The action that was called."""
        return self.attempts[0].action

    @property
    def began_s(self) -> float:
        """When the first attempt was sent."""
        return self.attempts[0].time_s

    @property
    def ended_s(self) -> float:
        """When the last attempt's response and the wait after that attempt were over."""
        return held_up_until_s(self.attempts[-1])

    @property
    def throttled(self) -> tuple[ApiAttempt, ...]:
        """The attempts that were throttled: all, or all except the last."""
        return tuple(attempt for attempt in self.attempts if attempt.throttled)

    @property
    def throttled_s(self) -> float:
        """The time that throttling cost the call: the throttled attempts and the waits after them."""
        return sum(attempt.latency_s + attempt.backoff_s for attempt in self.throttled)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileLog:
    """One reconcile. `ended_s` is None if it still ran at the end. `error` is the call that gave up, if one did.

    `registered`, `deregistered`: the pods whose targets the reconcile registered and deregistered.
    """

    number: int
    began_s: float
    ended_s: float | None
    error: str | None
    calls: tuple[Call, ...]
    registered: tuple[int, ...]
    deregistered: tuple[int, ...]

    @property
    def known_until_s(self) -> float:
        """When the reconcile ended, or the end of its last known call if the reconcile still ran."""
        return self.calls[-1].ended_s if self.ended_s is None else self.ended_s

    @property
    def stalls(self) -> tuple[Call, ...]:
        """The calls that were throttled at least once."""
        return tuple(call for call in self.calls if call.throttled)


def reconciles_of(trace: Trace) -> list[ReconcileLog]:
    """Return the controller's reconciles that ran after the rollout's start, in the order in which they began."""
    calls: dict[int, list[Call]] = {}
    for call in calls_of(trace, cluster=ROLLED_CLUSTER):
        if call.attempts[0].reconcile != NO_RECONCILE:
            calls.setdefault(call.attempts[0].reconcile, []).append(call)
    ended = {r.reconcile: r for r in trace.of(Reconciled) if r.cluster == ROLLED_CLUSTER}
    logs = [_log(trace, number, ended.get(number), calls.get(number, [])) for number in calls.keys() | ended.keys()]
    running = [log for log in logs if log.ended_s is None or log.ended_s >= 0]
    return sorted(running, key=lambda log: (log.began_s, log.number))


def calls_of(trace: Trace, *, cluster: int) -> list[Call]:
    """Return a cluster's calls, in the order in which they began. A call's attempts count from 0."""
    attempts: dict[int, list[list[ApiAttempt]]] = {}
    for attempt in trace.of(ApiAttempt):
        if attempt.cluster == cluster:
            of_reconcile = attempts.setdefault(attempt.reconcile, [])
            if attempt.attempt == 0:
                of_reconcile.append([])
            of_reconcile[-1].append(attempt)
    calls = [Call(tuple(run)) for of_reconcile in attempts.values() for run in of_reconcile]
    return sorted(calls, key=lambda call: call.began_s)


def in_lanes(reconciles: Sequence[ReconcileLog]) -> list[list[ReconcileLog]]:
    """Return reconciles in as few lanes as possible without overlap, which are the workers.

    The reconciles must be in the order in which they began.
    """
    lanes: list[list[ReconcileLog]] = []
    for log in reconciles:
        lane = next((lane for lane in lanes if lane[-1].known_until_s <= log.began_s), None)
        if lane is None:
            lanes.append(lane := [])
        lane.append(log)
    return lanes


def throttled_before(reconciles: Iterable[ReconcileLog]) -> Callable[[float], float]:
    """Return a function from a time to the seconds for which throttling had held up the controller until then.

    Time in which several workers are held up at once counts once.
    """
    stops = sorted(
        (attempt.time_s, held_up_until_s(attempt))
        for reconcile in reconciles
        for stall in reconcile.stalls
        for attempt in stall.throttled
    )
    times_s, totals_s = [-np.inf], [0.0]
    for from_s, until_s in stops:
        since_s = max(from_s, times_s[-1])
        if until_s > since_s:
            times_s += [since_s, until_s]
            totals_s += [totals_s[-1], totals_s[-1] + until_s - since_s]
    return lambda time_s: float(np.interp(time_s, times_s[1:] or [0.0], totals_s[1:] or [0.0]))


def _log(trace: Trace, number: int, ended: Reconciled | None, calls: list[Call]) -> ReconcileLog:
    return ReconcileLog(
        number=number,
        began_s=ended.time_s if ended else calls[0].began_s,
        ended_s=ended.end_s if ended else None,
        error=ended.error if ended else None,
        calls=tuple(calls),
        registered=_pods(trace.of(TargetRegistered), calls, "RegisterTargets"),
        deregistered=_pods(trace.of(TargetDeregistered), calls, "DeregisterTargets"),
    )


def _pods(
    records: Iterable[TargetRegistered | TargetDeregistered], calls: Iterable[Call], operation: str
) -> tuple[int, ...]:
    responses_s = [call.ended_s for call in calls if call.action.endswith(f":{operation}")]
    return tuple(
        record.pod
        for record in records
        if any(abs(record.time_s - response_s) < SAME_MOMENT_S for response_s in responses_s)
    )

"""What a replication's story tells of the rolled cluster's controller: its reconciles, and where it was throttled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace.calls import ControllerRestarted
from sim.diagnosis.controller_log import ROLLED_CLUSTER
from sim.report.story_layout import Rows
from sim.report.wording import count, listed, seconds, tenths, times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.diagnosis.controller_log import Call, ReconcileLog
    from sim.diagnosis.findings import Findings
    from sim.scenario.specs import Scenario

MOST_RECONCILES = 15


def of_controller(found: Findings) -> Iterator[str | Rows]:
    """Yield the reconciles, the longest stall, and a table of those that are worth telling."""
    if not found.reconciles:
        yield f"No reconciles: {_instead_of_reconciles(found.replication.scenario)}."
        return
    reconciles = found.reconciles
    attempts = [attempt for reconcile in reconciles for call in reconcile.calls for attempt in call.attempts]
    stalls = [stall for reconcile in reconciles for stall in reconcile.stalls]
    yield (
        f"{count(len(reconciles), 'reconcile')}, {sum(r.error is not None for r in reconciles)} failed; "
        f"{count(len(attempts), 'call')} of the AWS API with their retries, {sum(a.throttled for a in attempts)} "
        f"throttled, at a cost of {seconds(sum(stall.throttled_s for stall in stalls))}."
    )
    restarts = [r for r in found.replication.trace.of(ControllerRestarted) if r.cluster == ROLLED_CLUSTER]
    for restart in restarts:
        yield (
            f"The controller's process ended at {seconds(restart.time_s)}; its successor began at "
            f"{seconds(restart.until_s)}, with everything still to reconcile."
        )
    yield from map(_stall, sorted(stalls, key=lambda stall: -stall.throttled_s)[:1])
    told = _worth_telling(reconciles)
    headings = (
        "reconcile",
        "began s",
        "took s",
        "calls",
        "regis-\ntered",
        "deregis-\ntered",
        "result; throttled calls",
    )
    last_restart_s = max((restart.time_s for restart in restarts), default=-np.inf)
    yield Rows(headings, [_reconcile(log, last_restart_s) for log in told], words=1)
    if len(told) < len(reconciles):
        yield f"… and {len(reconciles) - len(told)} more."


def _instead_of_reconciles(scenario: Scenario) -> str:
    has_lag = scenario.controller.deregistration_lag_s is not None
    if scenario.target_group.target_type == "ip":
        return "each target is deregistered a given lag after its pod is deleted, deselected or not Ready"
    if has_lag:
        return "the targets are worker nodes, and one that is to leave is deregistered a given lag later"
    return "the targets are worker nodes, and none of them was to come or go"


def _worth_telling(reconciles: list[ReconcileLog]) -> list[ReconcileLog]:
    """Return at most `MOST_RECONCILES`, in order: those that failed, deregistered most or stalled longest."""

    def weight(log: ReconcileLog) -> tuple[bool, float, int]:
        return (
            log.error is not None or log.ended_s is None,
            sum(c.throttled_s for c in log.stalls),
            len(log.deregistered),
        )

    chosen = sorted(reconciles, key=weight, reverse=True)[:MOST_RECONCILES]
    return [log for log in reconciles if log in chosen]


def _reconcile(log: ReconcileLog, last_restart_s: float) -> tuple[str, ...]:
    result = "ok" if log.error is None else f"failed: gave up on {_by_service(log.error)}"
    if log.ended_s is None:
        result = "cut off by the restart" if log.began_s < last_restart_s else "unfinished at the end"
    throttled = [
        f"{_by_service(call.action)} {times(len(call.throttled))}, {seconds(call.throttled_s)}" for call in log.stalls
    ]
    return (
        str(log.number),
        tenths(log.began_s),
        "-" if log.ended_s is None else tenths(log.ended_s - log.began_s),
        str(sum(len(call.attempts) for call in log.calls)),
        str(len(log.registered)),
        str(len(log.deregistered)),
        "; ".join([result, *throttled]),
    )


def _by_service(action: str) -> str:
    """Return an action so that a narrow column can break it: `GetWebACLForResource (waf-regional)`."""
    service, _, name = action.rpartition(":")
    return f"{name} ({service})" if service else name


def _stall(stall: Call) -> str:
    waits = [tenths(attempt.backoff_s) for attempt in stall.throttled if attempt.backoff_s > 0]
    slept = f"it waited {listed(waits)} s between the attempts" if waits else "it did not retry"
    return (
        f"The longest stall: {stall.action} at {seconds(stall.began_s)}, throttled {times(len(stall.throttled))}; "
        f"{slept}, {seconds(stall.throttled_s)} in all."
    )

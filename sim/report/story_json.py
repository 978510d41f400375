"""One replication's story for programs (`albsim explain --format json`): the figures behind the words of `story`."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sim.data_plane.outcomes import Outcome
from sim.diagnosis.first_out import OutBy, first, first_at_nodes
from sim.report.answer import answer

if TYPE_CHECKING:
    from sim.diagnosis.controller_log import ReconcileLog
    from sim.diagnosis.findings import Findings
    from sim.diagnosis.first_out import FirstOut
    from sim.diagnosis.lag_parts import LagParts
    from sim.diagnosis.pod_ends import PodEnd
    from sim.diagnosis.pod_failures import PodFailure


_WORDS = {OutBy.HEALTH_CHECK: "health check", OutBy.DEREGISTRATION: "deregistration"}


def story_json(found: Findings) -> str:
    """Return the answer, the reconciles and the terminated pods, the worst first, as JSON. Missing events are null."""
    replication, requests = found.replication, found.replication.requests
    told = {
        "scenario": replication.scenario.name,
        "seed": replication.scenario.seed,
        "replication": replication.number,
        "answer": answer(found),
        "rollout_s": replication.timeline.rollout_complete_s,
        "no_healthy_target_s": found.healthy_targets.none_s,
        "least_healthy_targets": found.healthy_targets.least,
        "outcomes": {outcome.name.lower(): int(requests.counts[outcome]) for outcome in Outcome},
        "first_out": _first_out(found.first_out),
        "reconciles": [_reconcile(log) for log in found.reconciles],
        "pods": [_pod(end, found.parts[end.pod]) for end in found.ends],
        "failed_pods": [_failed(one) for one in found.failures],
    }
    return json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)


def _reconcile(log: ReconcileLog) -> dict[str, Any]:
    return {
        "reconcile": log.number,
        "began_s": log.began_s,
        "ended_s": log.ended_s,
        "error": log.error,
        "calls": sum(len(call.attempts) for call in log.calls),
        "registered": log.registered,
        "deregistered": log.deregistered,
        "throttled": [
            {"action": stall.action, "attempts": len(stall.throttled), "cost_s": stall.throttled_s}
            for stall in log.stalls
        ],
    }


def _first_out(out: FirstOut | None) -> dict[str, Any] | None:
    if out is None:
        return None
    return {
        "health check": out.by_checks,
        "deregistration": out.targets - out.by_checks,
        "health check by node": list(out.by_node),
        "kept by fail-open": out.kept,
    }


def _or_null(time_s: float) -> float | None:
    return time_s if math.isfinite(time_s) else None


def _failed(one: PodFailure) -> dict[str, Any]:
    times_s = {
        "failed_s": one.failed_s,
        "endpoint_removed_s": one.endpoint_removed_s,
        "deregistered_s": one.deregistered_s,
        "left_rotation_s": one.out_s,
        "back_s": one.back_s,
        "sent_to_again_s": one.again_s,
        "exposure_s": one.exposed_s,
    }
    return {
        "pod": one.pod,
        **{name: _or_null(time_s) for name, time_s in times_s.items()},
        "first_out_by": one.out_by,
        "outcomes": {outcome.name.lower(): n for outcome, n in one.failed.items()},
    }


def _pod(end: PodEnd, parts: LagParts) -> dict[str, Any]:
    times_s = {
        "deleted_s": end.deleted_s,
        "sigterm_s": end.sigterm_s,
        "listener_closed_s": end.closed_s,
        "deregistered_s": end.deregistered_s,
        "left_rotation_s": end.left_s,
        "deregistration_lag_s": end.lag_s,
        "exposure_s": end.exposed_s,
    }
    return {
        "pod": end.pod,
        **{name: _or_null(time_s) for name, time_s in times_s.items()},
        "left_by": _WORDS[OutBy.DEREGISTRATION if end.left_by_deregistration else OutBy.HEALTH_CHECK],
        "first_out_by": _WORDS[first(end)],
        "nodes": [
            {"unhealthy_s": _or_null(unhealthy_s), "drained_s": _or_null(drained_s), "first_out_by": _WORDS[path]}
            for unhealthy_s, drained_s, path in zip(end.unhealthy_s, end.drained_s, first_at_nodes(end), strict=True)
        ],
        "lag_parts": asdict(parts),
        "outcomes": {outcome.name.lower(): n for outcome, n in end.failed.items()},
    }

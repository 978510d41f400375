"""One replication as a trace that https://ui.perfetto.dev and chrome://tracing open (Trace Event Format, JSON).

Shown, as processes:
- "deployment": its ReplicaSets;
- "pods": a thread for each pod, with its phases;
- "targets": when the ALB sends to each, when in vain, and the deregistration;
- "ingress controller": a thread for each worker, with reconciles, their calls, and in these attempts and waits;
- "AWS API": a thread for each action, with the attempts of every cluster of the account;
- "requests": failures by second and outcome;
- "nodes and addresses", where nodes are simulated or are targets: who comes and goes, and what they hold
  (`perfetto_nodes`).

Times in the file are µs since the start of the rollout. Events that were over before it are left out, and those that
had begun are cut to 0.

Left out: single requests, which would make the file as large as the rollout is bad.

Sources: "Trace Event Format", Google, section "JSON Object Format": events X (complete), i (instant), C (counter) and M
(metadata); complete events of one thread must nest.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace import (
    EvictionRefused,
    PodCreated,
    PodReady,
    ReplicaSetScaled,
    TargetDeregistered,
    TargetRegistered,
)
from sim.control_plane.trace.calls import ApiAttempt
from sim.data_plane.outcomes import Outcome
from sim.diagnosis.controller_log import held_up_until_s, in_lanes
from sim.diagnosis.spells import in_rotation
from sim.report.disruption import name_of
from sim.report.perfetto_events import complete, counter, instant, metadata, thread
from sim.report.perfetto_nodes import nodes, waits_of_pods
from sim.report.wording import answered_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sim.diagnosis.controller_log import Call, ReconcileLog
    from sim.diagnosis.findings import Findings
    from sim.experiment.replication import Replication
    from sim.report.perfetto_events import Event

DEPLOYMENT, PODS, TARGETS, CONTROLLER, AWS_API, REQUESTS, NODES = range(1, 8)
PROCESSES = {
    DEPLOYMENT: "deployment",
    PODS: "pods",
    TARGETS: "targets (ALB)",
    CONTROLLER: "ingress controller",
    AWS_API: "AWS API of the account",
    REQUESTS: "requests",
}
NODES_PROCESS = {NODES: "nodes and addresses"}


def perfetto(found: Findings) -> str:
    """Return a replication's trace as JSON."""
    replication = found.replication
    has_nodes = replication.scenario.nodes is not None or replication.timeline.instances is not None
    names = PROCESSES | (NODES_PROCESS if has_nodes else {})
    events = [*_names(names), *_pods(found), *_targets(found), *_controller(found)]
    if has_nodes:
        events += [*waits_of_pods(replication, PODS), *nodes(replication, NODES)]
    for part in (_deployment, _aws_api, _requests):
        events += part(replication)
    events.sort(key=_place)
    scenario = replication.scenario
    about = {"scenario": scenario.name, "seed": scenario.seed, "replication": replication.number}
    trace = {"displayTimeUnit": "ms", "otherData": about, "traceEvents": events}
    return json.dumps(trace, ensure_ascii=False, allow_nan=False)


def _place(event: Event) -> tuple[int, int, int, int]:
    """Return an event's place in the file: by thread, then time, with an enclosing event before the enclosed."""
    return event["pid"], event["tid"], event.get("ts", -1), -event.get("dur", 0)


def _names(processes: Mapping[int, str]) -> Iterator[Event]:
    for process, name in processes.items():
        yield metadata("process_name", process, 0, name=name)
        yield metadata("process_sort_index", process, 0, sort_index=process)


def _deployment(replication: Replication) -> Iterator[Event]:
    name = name_of(replication.scenario)
    yield from thread(DEPLOYMENT, 0, name)
    yield from complete(DEPLOYMENT, 0, name, 0.0, replication.timeline.rollout_complete_s)
    side = replication.timeline.old_side
    if side is not None:
        yield from instant(DEPLOYMENT, 0, "DNS record changed", side.changed_s)
        yield from instant(DEPLOYMENT, 0, "old ALB deleted", side.deleted_s)
    for scaled in replication.trace.of(ReplicaSetScaled):
        yield counter(DEPLOYMENT, f"{scaled.replica_set} ReplicaSet, replicas", scaled.time_s, scaled.replicas)


def _pods(found: Findings) -> Iterator[Event]:
    replication = found.replication
    trace, until_s = replication.trace, replication.requests.window_until_s
    ready_s = {record.pod: record.time_s for record in trace.of(PodReady)}
    for created in trace.of(PodCreated):
        starts_s, pod_ready_s = created.time_s, ready_s.get(created.pod, math.inf)
        yield from thread(PODS, created.pod, f"new pod {created.pod}")
        yield from complete(PODS, created.pod, "starting", starts_s, min(pod_ready_s, until_s))
        yield from complete(PODS, created.pod, "serving", pod_ready_s, until_s)
    for end in found.ends:
        yield from thread(PODS, end.pod, f"old pod {end.pod}")
        stops_s = (0.0, end.deleted_s, end.sigterm_s, end.closed_s, end.ended_s)
        names = ("serving", "preStop", "serving after SIGTERM", "refusing, finishing its requests")
        for name, from_s, phase_until_s in zip(names, stops_s[:-1], stops_s[1:], strict=True):
            yield from complete(PODS, end.pod, name, from_s, min(phase_until_s, until_s))
        for name, at_s in (("SIGTERM", end.sigterm_s), ("listener closed", end.closed_s)):
            yield from instant(PODS, end.pod, name, at_s)
    yield from _failed_pods(found)
    for refused in trace.of(EvictionRefused):
        yield from instant(PODS, refused.pod, "eviction refused", refused.time_s)


def _failed_pods(found: Findings) -> Iterator[Event]:
    until_s = found.replication.requests.window_until_s
    for one in found.failures:
        yield from thread(PODS, one.pod, f"failed pod {one.pod}")
        yield from complete(PODS, one.pod, "serving", 0.0, one.failed_s)
        yield from complete(PODS, one.pod, "failed", one.failed_s, min(one.back_s, until_s))
        yield from complete(PODS, one.pod, "serving again", one.back_s, until_s)
        yield from instant(PODS, one.pod, "endpoint removed", one.endpoint_removed_s)


def _targets(found: Findings) -> Iterator[Event]:
    replication = found.replication
    timeline, until_s = replication.timeline, replication.requests.window_until_s
    dead = found.exposed | {one.pod: one.dead for one in found.failures}
    for target, spells in in_rotation(timeline).items():
        yield from thread(TARGETS, target, f"target {target}")
        for from_s, spell_until_s in spells:
            yield from complete(TARGETS, target, "in rotation", from_s, min(spell_until_s, until_s))
        for from_s, spell_until_s in dead.get(target, []):
            yield from complete(TARGETS, target, "routable but dead", from_s, min(spell_until_s, until_s))
    for registered in replication.trace.of(TargetRegistered):
        yield from instant(TARGETS, registered.pod, "RegisterTargets", registered.time_s)
    for deregistered in replication.trace.of(TargetDeregistered):
        yield from instant(TARGETS, deregistered.pod, "DeregisterTargets", deregistered.time_s)


def _controller(found: Findings) -> Iterator[Event]:
    for worker, lane in enumerate(in_lanes(found.reconciles)):
        yield from thread(CONTROLLER, worker, f"worker {worker + 1}")
        for log in lane:
            yield from _reconcile(worker, log)


def _reconcile(worker: int, log: ReconcileLog) -> Iterator[Event]:
    about = {
        "error": log.error,
        "ended": log.ended_s is not None,
        "registered": len(log.registered),
        "deregistered": len(log.deregistered),
    }
    yield from complete(CONTROLLER, worker, f"reconcile {log.number}", log.began_s, log.known_until_s, **about)
    for call in log.calls:
        yield from _call(worker, call)


def _call(worker: int, call: Call) -> Iterator[Event]:
    yield from complete(CONTROLLER, worker, call.action, call.began_s, call.ended_s, attempts=len(call.attempts))
    for attempt in call.attempts:
        name = "throttled" if attempt.throttled else "attempt"
        answered_s = attempt.time_s + attempt.latency_s
        yield from complete(CONTROLLER, worker, name, attempt.time_s, answered_s, attempt=attempt.attempt)
        if attempt.backoff_s > 0:
            yield from complete(CONTROLLER, worker, "backing off", answered_s, held_up_until_s(attempt))


def _aws_api(replication: Replication) -> Iterator[Event]:
    attempts = replication.trace.of(ApiAttempt)
    actions = sorted({attempt.action for attempt in attempts})
    for number, action in enumerate(actions):
        yield from thread(AWS_API, number, action)
    for attempt in attempts:
        name = f"{'throttled' if attempt.throttled else 'ok'}, cluster {attempt.cluster}"
        yield from instant(AWS_API, actions.index(attempt.action), name, attempt.time_s)


def _requests(replication: Replication) -> Iterator[Event]:
    """Yield the number of failures by second of arrival and by outcome. Requests in flight at 0 count in the first."""
    requests = replication.requests
    seconds = np.maximum(np.floor(requests.arrival_s), 0).astype(int)
    for outcome in Outcome:
        if outcome is not Outcome.OK and requests.counts[outcome]:
            per_s = np.bincount(seconds[requests.outcome == outcome], minlength=math.ceil(requests.window_until_s) + 1)
            name = f"{outcome.name.lower()} ({answered_with(outcome)}) per second"
            for second, n in enumerate(per_s.tolist()):
                yield counter(REQUESTS, name, second, n)

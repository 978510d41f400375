"""One replication as a trace that https://ui.perfetto.dev and chrome://tracing open (Trace Event Format, JSON).

Shown, as processes:
- "deployment": its ReplicaSets;
- "pods": a thread for each pod, with its phases;
- "targets": when the ALB sends to each, when in vain, and the deregistration;
- "ingress controller": a thread for each worker, with reconciles, their calls, and in these attempts and waits;
- "AWS API": a thread for each action, with the attempts of every cluster of the account;
- "requests": failures by second and outcome.

Times in the file are µs since the start of the rollout. Events that were over before it are left out, and those that
had begun are cut to 0.

Left out: single requests, which would make the file as large as the rollout is bad.

Sources: "Trace Event Format", Google, section "JSON Object Format": events X (complete), i (instant), C (counter) and M
(metadata); complete events of one thread must nest.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.control_plane.trace import (
    EvictionRefused,
    PodCreated,
    PodReady,
    ReplicaSetScaled,
    TargetDeregistered,
    TargetRegistered,
)
from sim.control_plane.trace_of_calls import ApiAttempt
from sim.data_plane.outcomes import Outcome
from sim.diagnosis.controller_log import held_up_until_s, in_lanes
from sim.diagnosis.spells import in_rotation
from sim.report.disruption import name_of
from sim.report.wording import answered_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.diagnosis.controller_log import Call, ReconcileLog
    from sim.diagnosis.findings import Findings
    from sim.experiment.replication import Replication

    Event = dict[str, Any]

DEPLOYMENT, PODS, TARGETS, CONTROLLER, AWS_API, REQUESTS = range(1, 7)
PROCESSES = {
    DEPLOYMENT: "deployment",
    PODS: "pods",
    TARGETS: "targets (ALB)",
    CONTROLLER: "ingress controller",
    AWS_API: "AWS API of the account",
    REQUESTS: "requests",
}
MICROSECONDS_PER_S = 1_000_000


def perfetto(found: Findings) -> str:
    """Return a replication's trace as JSON."""
    replication = found.replication
    events = [*_names(), *_pods(found), *_targets(found), *_controller(found)]
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


def _names() -> Iterator[Event]:
    for process, name in PROCESSES.items():
        yield _metadata("process_name", process, 0, name=name)
        yield _metadata("process_sort_index", process, 0, sort_index=process)


def _deployment(replication: Replication) -> Iterator[Event]:
    name = name_of(replication.scenario)
    yield from _thread(DEPLOYMENT, 0, name)
    yield from _complete(DEPLOYMENT, 0, name, 0.0, replication.timeline.rollout_complete_s)
    for scaled in replication.trace.of(ReplicaSetScaled):
        yield _counter(DEPLOYMENT, f"{scaled.replica_set} ReplicaSet, replicas", scaled.time_s, scaled.replicas)


def _pods(found: Findings) -> Iterator[Event]:
    replication = found.replication
    trace, until_s = replication.trace, replication.requests.window_until_s
    ready_s = {record.pod: record.time_s for record in trace.of(PodReady)}
    for created in trace.of(PodCreated):
        starts_s, pod_ready_s = created.time_s, ready_s.get(created.pod, math.inf)
        yield from _thread(PODS, created.pod, f"new pod {created.pod}")
        yield from _complete(PODS, created.pod, "starting", starts_s, min(pod_ready_s, until_s))
        yield from _complete(PODS, created.pod, "serving", pod_ready_s, until_s)
    for end in found.ends:
        yield from _thread(PODS, end.pod, f"old pod {end.pod}")
        stops_s = (0.0, end.deleted_s, end.sigterm_s, end.closed_s, end.ended_s)
        names = ("serving", "preStop", "serving after SIGTERM", "refusing, finishing its requests")
        for name, from_s, phase_until_s in zip(names, stops_s[:-1], stops_s[1:], strict=True):
            yield from _complete(PODS, end.pod, name, from_s, min(phase_until_s, until_s))
        for name, at_s in (("SIGTERM", end.sigterm_s), ("listener closed", end.closed_s)):
            yield from _instant(PODS, end.pod, name, at_s)
    for refused in trace.of(EvictionRefused):
        yield from _instant(PODS, refused.pod, "eviction refused", refused.time_s)


def _targets(found: Findings) -> Iterator[Event]:
    replication = found.replication
    timeline, until_s = replication.timeline, replication.requests.window_until_s
    for target, spells in in_rotation(timeline).items():
        yield from _thread(TARGETS, target, f"target {target}")
        for from_s, spell_until_s in spells:
            yield from _complete(TARGETS, target, "in rotation", from_s, min(spell_until_s, until_s))
        for from_s, spell_until_s in found.exposed.get(target, []):
            yield from _complete(TARGETS, target, "routable but dead", from_s, min(spell_until_s, until_s))
    for registered in replication.trace.of(TargetRegistered):
        yield from _instant(TARGETS, registered.pod, "RegisterTargets", registered.time_s)
    for deregistered in replication.trace.of(TargetDeregistered):
        yield from _instant(TARGETS, deregistered.pod, "DeregisterTargets", deregistered.time_s)


def _controller(found: Findings) -> Iterator[Event]:
    for worker, lane in enumerate(in_lanes(found.reconciles)):
        yield from _thread(CONTROLLER, worker, f"worker {worker + 1}")
        for log in lane:
            yield from _reconcile(worker, log)


def _reconcile(worker: int, log: ReconcileLog) -> Iterator[Event]:
    about = {
        "error": log.error,
        "ended": log.ended_s is not None,
        "registered": len(log.registered),
        "deregistered": len(log.deregistered),
    }
    yield from _complete(CONTROLLER, worker, f"reconcile {log.number}", log.began_s, log.known_until_s, **about)
    for call in log.calls:
        yield from _call(worker, call)


def _call(worker: int, call: Call) -> Iterator[Event]:
    yield from _complete(CONTROLLER, worker, call.action, call.began_s, call.ended_s, attempts=len(call.attempts))
    for attempt in call.attempts:
        name = "throttled" if attempt.throttled else "attempt"
        answered_s = attempt.time_s + attempt.latency_s
        yield from _complete(CONTROLLER, worker, name, attempt.time_s, answered_s, attempt=attempt.attempt)
        if attempt.backoff_s > 0:
            yield from _complete(CONTROLLER, worker, "backing off", answered_s, held_up_until_s(attempt))


def _aws_api(replication: Replication) -> Iterator[Event]:
    attempts = replication.trace.of(ApiAttempt)
    actions = sorted({attempt.action for attempt in attempts})
    for thread, action in enumerate(actions):
        yield from _thread(AWS_API, thread, action)
    for attempt in attempts:
        name = f"{'throttled' if attempt.throttled else 'ok'}, cluster {attempt.cluster}"
        yield from _instant(AWS_API, actions.index(attempt.action), name, attempt.time_s)


def _requests(replication: Replication) -> Iterator[Event]:
    """Yield the number of failures by second of arrival and by outcome. Requests in flight at 0 count in the first."""
    requests = replication.requests
    seconds = np.maximum(np.floor(requests.arrival_s), 0).astype(int)
    for outcome in Outcome:
        if outcome is not Outcome.OK and requests.counts[outcome]:
            per_s = np.bincount(seconds[requests.outcome == outcome], minlength=math.ceil(requests.window_until_s) + 1)
            name = f"{outcome.name.lower()} ({answered_with(outcome)}) per second"
            for second, n in enumerate(per_s.tolist()):
                yield _counter(REQUESTS, name, second, n)


def _thread(process: int, thread: int, name: str) -> Iterator[Event]:
    yield _metadata("thread_name", process, thread, name=name)
    yield _metadata("thread_sort_index", process, thread, sort_index=thread)


def _metadata(name: str, process: int, thread: int, /, **args: object) -> Event:
    return {"ph": "M", "pid": process, "tid": thread, "name": name, "args": args}


def _complete(
    process: int, thread: int, name: str, from_s: float, until_s: float, /, **args: object
) -> Iterator[Event]:
    """Yield an event with a duration, cut to the rollout, or none if it is empty. Ends are rounded, so events nest."""
    from_s = max(from_s, 0.0)
    if from_s < until_s:
        place = {"ph": "X", "pid": process, "tid": thread, "name": name}
        yield {**place, "ts": _us(from_s), "dur": _us(until_s) - _us(from_s), "args": args}


def _instant(process: int, thread: int, name: str, at_s: float) -> Iterator[Event]:
    if 0 <= at_s < math.inf:
        yield {"ph": "i", "pid": process, "tid": thread, "name": name, "ts": _us(at_s), "s": "t"}


def _counter(process: int, name: str, at_s: float, n: int) -> Event:
    return {"ph": "C", "pid": process, "tid": 0, "name": name, "ts": _us(at_s), "args": {"n": n}}


def _us(time_s: float) -> int:
    return round(time_s * MICROSECONDS_PER_S)

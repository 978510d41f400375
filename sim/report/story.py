"""One replication's story in words (`albsim explain`), for a reader who knows EKS.

Told:
- the answer, and how the disruption went;
- what the controller did: which reconcile carried which deregistrations, and where it was throttled;
- the worst pods, and the parts of their lags;
- what became of the requests.

Left out: the other clusters' controllers (the Perfetto trace shows their calls). Times are seconds since the rollout's
start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.outcomes import Outcome
from sim.diagnosis.first_out import OutBy, first_at_nodes
from sim.report.answer import answer
from sim.report.disruption import course_of, name_of
from sim.report.story_controller import of_controller
from sim.report.story_failures import failed_pods
from sim.report.story_layout import Rows, flowing, paragraph, wide
from sim.report.wording import by_outcome, count, listed, seconds, tenths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sim.data_plane.healthy_targets import HealthyTargets
    from sim.diagnosis.findings import Findings
    from sim.diagnosis.first_out import FirstOut
    from sim.diagnosis.lag_parts import LagParts
    from sim.diagnosis.pod_ends import PodEnd
    from sim.experiment.replication import Replication

WORST_PODS = 5

PART_HEADINGS = {
    "endpoint_s": "endpoint gone",
    "waiting_s": "waiting",
    "calls_s": "calls",
    "throttled_s": "throttled",
    "given_lag_s": "given lag",
    "alb_s": "to ALB nodes",
    "serving_s": "until checks fail",
    "checks_s": "health checks",
    "fail_open_s": "fail-open",
    "rule_s": "listener's rule",
}


def story(found: Findings, *, flows: bool = False) -> str:
    """Return a replication's story as plain text in lines of at most 80 columns, without a line end.

    `flows`: in lines that the reader's screen is to break, and without tables.
    """
    replication = found.replication
    worst = "Failed pods" if found.failures else "Worst pods" if len(found.ends) > WORST_PODS else "Pods"
    sections: dict[str, Iterable[str | Rows]] = {
        "Answer": [answer(found)],
        name_of(replication.scenario): [
            *course_of(replication),
            *_gates(replication),
            _healthy(found.healthy_targets),
        ],
        "Controller": list(of_controller(found)),
        worst: list(_pods(found)),
        "Requests": list(_requests(found)),
    }
    shown = flowing if flows else wide
    texts = (f"{title.upper()}\n" + "\n".join(map(shown, parts)) for title, parts in sections.items())
    heading = _heading(replication)
    return "\n\n".join([heading if flows else paragraph(heading, indented=""), *texts])


def _heading(replication: Replication) -> str:
    scenario = replication.scenario
    controller, pod = scenario.controller, scenario.pod
    at_most = "retries without end" if controller.retries is None else count(controller.retries, "retry")
    with_retries = "" if controller.version == "fixed_lag" else f" with {at_most}"
    return (
        f"{scenario.name}, seed {scenario.seed}, replication {replication.number}: "
        f"{count(scenario.deployment.replicas, 'pod')}, {scenario.traffic.arrival_rate_rps:,g} requests per second; "
        f"preStop {pod.pre_stop_sleep_s:g} s, grace period {pod.termination_grace_period_s:g} s, {pod.on_sigterm} on "
        f"SIGTERM; controller {controller.version}{with_retries}"
    )


def _gates(replication: Replication) -> Iterator[str]:
    waits_s = replication.gate_wait_s
    if waits_s.size:
        yield (
            f"{count(waits_s.size, 'readiness gate')} opened, in the median {seconds(float(np.median(waits_s)))} after "
            f"the pod's containers were ready, at most {seconds(float(waits_s.max()))}."
        )


def _healthy(healthy: HealthyTargets) -> str:
    if healthy.none_s > 0:
        return f"For {seconds(healthy.none_s)} an ALB node had no healthy target."
    return f"At its fewest an ALB node had {count(healthy.least, 'healthy target')}."


def _pods(found: Findings) -> Iterator[str | Rows]:
    if found.failures:
        yield from failed_pods(found)
    elif not found.ends:
        yield "None was told to end."
    else:
        yield from _worst(found)


def _worst(found: Findings) -> Iterator[str | Rows]:
    worst = found.ends[:WORST_PODS]
    yield "In seconds since the start; lag: from deleted to left ALB; exposed: in rotation while refusing:"
    in_s = ("deleted", "SIGTERM", "refusing", "deregis-\ntered", "left\nALB", "lag", "exposed")
    yield Rows(("pod", *in_s, "first\nout by", "failed\nrequests"), [_pod(end) for end in worst])
    yield _out_by(found.ends) if found.first_out is None else _first_out(found.first_out)
    yield "Where their lags went, in seconds:"
    yield _parts([*((str(end.pod), [end]) for end in worst), (f"mean of {len(found.ends)}", found.ends)], found.parts)


def _pod(end: PodEnd) -> tuple[str, ...]:
    times_s = (end.deleted_s, end.sigterm_s, end.closed_s, end.deregistered_s, end.left_s, end.lag_s, end.exposed_s)
    paths = ["checks" if path is OutBy.HEALTH_CHECK else "API" for path in first_at_nodes(end)]
    by = paths[0] if len(set(paths)) == 1 else ", ".join(paths)
    return (str(end.pod), *map(tenths, times_s), by, f"{sum(end.failed.values()):,}")


def _out_by(ends: list[PodEnd]) -> str:
    by_checks = sum(not end.left_by_deregistration for end in ends)
    n_targets = count(len(ends), "target")
    return f"Of {n_targets}, {by_checks:,} left the last node by health check, the others by deregistration."


def _first_out(out: FirstOut) -> str:
    """Return which path was first, for how many targets and at which nodes, in words."""
    others = out.targets - out.by_checks
    ahead = f", in the median {seconds(out.ahead_s)} before the deregistration got there"
    by = f", by {seconds(out.behind_s)}" if np.isfinite(out.behind_s) else ""
    behind = f"; for {others:,} the deregistration was{by}" if others else ""
    kept = f" Fail-open kept {out.kept:,} of these in rotation until their deregistration." if out.kept else ""
    by_node = listed(f"{n:,} at node {node}" for node, n in enumerate(out.by_node))
    return (
        f"For {out.by_checks:,} of {count(out.targets, 'target')} the health checks were first at the last node"
        f"{ahead if np.isfinite(out.ahead_s) else ''}{behind}.{kept} By node they were first for {by_node}."
    )


def _parts(groups: list[tuple[str, list[PodEnd]]], parts: dict[int, LagParts]) -> Rows:
    """Return the table of the mean parts of each group's lags, without parts that are nowhere present."""
    means = [
        {name: float(np.mean([parts[end.pod].by_name()[name] for end in ends])) for name in PART_HEADINGS}
        for _, ends in groups
        if ends
    ]
    shown = [name for name in PART_HEADINGS if any(mean[name] > 0 for mean in means)]
    rows = [
        (label, *(tenths(mean[name]) for name in shown), tenths(sum(mean.values())))
        for (label, _), mean in zip(groups, means, strict=True)
    ]
    return Rows(("pod", *(PART_HEADINGS[name] for name in shown), "lag"), rows)


def _requests(found: Findings) -> Iterator[str]:
    requests, ends = found.replication.requests, found.ends
    counts = {outcome: int(requests.counts[outcome]) for outcome in Outcome if requests.counts[outcome]}
    yield (
        f"{count(requests.n_requests, 'request')} within {seconds(requests.window_until_s)}: {by_outcome(counts)}. "
        f"{sum(end.exposed_s > 0 for end in ends):,} of {count(len(ends), 'pod')} were exposed."
    )

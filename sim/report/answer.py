"""The answer in a few sentences: of one replication (who won the race, by how much, what took so long) and of all."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING

from sim.control_plane.trace import PodDeselected
from sim.data_plane.outcomes import OUTCOMES_502, Outcome
from sim.experiment.figures import ANY_502, RATE_502, RESPONSES, SPREAD_502, UNREACHABLE
from sim.report.capacity import stall_of
from sim.report.disruption import noun_of
from sim.report.wording import NEGLIGIBLE, about, by_outcome, count, number, percent, plural, seconds
from sim.scenario.cluster_switch import ClusterSwitchSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.data_plane.requests import Requests
    from sim.diagnosis.findings import Findings
    from sim.diagnosis.pod_ends import PodEnd
    from sim.experiment.figures import Figures
    from sim.experiment.statistics import Estimate
    from sim.experiment.summary import Summary
    from sim.scenario.specs import PodSpec

WORTH_TELLING_S = 1.0
CLIENT_GAVE_UP = 460
FEWEST_FOR_INTERVAL = 20

PART_WORDS = {
    "endpoint_s": "the endpoint's removal on its way to the controller",
    "waiting_s": "the wait for a reconcile to carry the change",
    "calls_s": "the reconcile's calls up to DeregisterTargets",
    "throttled_s": "throttled calls and the waits after them",
    "given_lag_s": "the controller, as the scenario says",
    "alb_s": "the deregistration on its way to the ALB nodes",
    "serving_s": "the time until the pod's health checks failed",
    "checks_s": "health checks failing often enough",
    "fail_open_s": "fail-open, because a node had no healthy target",
    "rule_s": "the listener's rule on its way to the ALB nodes",
}


def answer(found: Findings) -> str:
    """Return the answer, as one line of text."""
    stalled = " ".join(stall_of(found.replication))
    if stalled:
        return f"{stalled} {_failed(found)}"
    if not found.ends:
        return f"No pod in rotation was told to end. {_failed(found)}"
    pre_stop, worst = _pre_stop(found.replication.scenario.pod), found.ends[0]
    if worst.exposed_s > 0:
        return f"{pre_stop}. {_lost(found, worst)} {_why(found, worst)} {_failed(found)}"
    spare_s = min(end.closed_s - end.left_s for end in found.ends)
    slowest_s = max(end.lag_s for end in found.ends)
    return (
        f"{pre_stop}. Every target had left the last ALB node before its pod refused connections: the slowest took "
        f"{seconds(slowest_s)}, the narrowest had {seconds(spare_s)} to spare. {_failed(found)}"
    )


def _pre_stop(pod: PodSpec) -> str:
    if pod.pre_stop_sleep_s == 0:
        return "No preStop sleep"
    slept = f"preStop {pod.pre_stop_sleep_s:g} s"
    if pod.pre_stop_sleep_s >= pod.termination_grace_period_s:
        return f"{slept}, of which the grace period allows {pod.termination_grace_period_s:g} s"
    return slept


def _lost(found: Findings, worst: PodEnd) -> str:
    served_s = worst.closed_s - worst.deleted_s
    told = "the switch" if found.replication.trace.of(PodDeselected) else "its deletion"
    refused = f"{seconds(served_s)} after {told}" if served_s > 0 else f"from {told} on"
    return (
        f"Pod {worst.pod} refused connections {refused}, and its target left the last ALB node {seconds(worst.lag_s)} "
        f"after it: {seconds(worst.exposed_s)} exposed."
    )


def _why(found: Findings, worst: PodEnd) -> str:
    parts = found.parts[worst.pod]
    stall, cost_s = found.worst_stall(worst) or (None, 0.0)
    reasons = []
    if stall is not None and cost_s >= WORTH_TELLING_S:
        n = len(stall.throttled)
        attempts = f"{n} consecutive throttled attempts" if n > 1 else "A throttled attempt"
        reasons.append(f"{attempts} of {stall.action} held the deregistration up for {seconds(cost_s)}.")
    if parts.fail_open_s >= WORTH_TELLING_S:
        kept_s = seconds(parts.fail_open_s)
        reasons.append(f"Health checks failed, but fail-open kept the target in rotation for {kept_s}.")
    elif not worst.left_by_deregistration:
        reasons.append("Health checks took the target out of rotation before the deregistration did.")
    if not reasons:
        reasons.append(f"{seconds(parts.by_name()[parts.largest])} of the lag went to {PART_WORDS[parts.largest]}.")
    return " ".join(reasons)


def _failed(found: Findings) -> str:
    """Return how many requests failed, by what their clients got."""
    requests = found.replication.requests
    return f"{_n_502(requests)}{_n_503(found)}{_n_timed_out(requests)}{_n_unanswered(found)}"


def _n_502(requests: Requests) -> str:
    by_cause = {outcome: int(requests.counts[outcome]) for outcome in OUTCOMES_502 if requests.counts[outcome]}
    of_all = f"of {count(requests.n_requests, 'request')}"
    if not by_cause:
        return f"None {of_all} ended in a 502."
    return f"{sum(by_cause.values()):,} {of_all} ended in a 502: {by_outcome(by_cause)}."


def _n_503(found: Findings) -> str:
    n_503, none_s = found.replication.requests.n_status(HTTPStatus.SERVICE_UNAVAILABLE), found.healthy_targets.none_s
    if not n_503:
        return ""
    return f" {n_503:,} ended in a 503: for {seconds(none_s)} an ALB node had no healthy target."


def _n_timed_out(requests: Requests) -> str:
    said = ""
    for status in (HTTPStatus.GATEWAY_TIMEOUT, CLIENT_GAVE_UP):
        outcomes = (outcome for outcome in Outcome if outcome.status == status and requests.counts[outcome])
        by_cause = {outcome: int(requests.counts[outcome]) for outcome in outcomes}
        if by_cause:
            said += f" {sum(by_cause.values()):,} ended in a {int(status)}: {by_outcome(by_cause)}."
    return said


def _n_unanswered(found: Findings) -> str:
    n, side = (
        int(found.replication.requests.counts[Outcome.OLD_ADDRESS_UNREACHABLE]),
        found.replication.timeline.old_side,
    )
    if side is None or not n:
        return ""
    return f" {n:,} found no answer at the old ALB's address, which was deleted at {seconds(side.deleted_s)}."


def headline(summary: Summary) -> str:
    """Return in words how often a rollout has a 502, how many the median one and one of twenty have, and the mean.

    Of a switch of clusters, first how many requests find no pod or no load balancer. At last, how many fail otherwise.
    """
    return f"{_left_behind(summary)}{_headline_502(summary)}{_otherwise(summary)}"


def _otherwise(summary: Summary) -> str:
    told = {503} if summary.disruption == ClusterSwitchSpec.kind else set()
    means = {status: summary[RESPONSES[status]].value for status in (503, 504, CLIENT_GAVE_UP) if status not in told}
    worth = [f"{number(mean)} get a {status}" for status, mean in means.items() if mean >= 1]
    return f" Of the other requests {' and '.join(worth)}, on average." if worth else ""


def _left_behind(summary: Summary) -> str:
    n_503, unanswered = summary[RESPONSES[503]].value, summary[UNREACHABLE].value
    if summary.disruption != ClusterSwitchSpec.kind or n_503 + unanswered < NEGLIGIBLE:
        return ""
    causes = f"{number(n_503)} get a 503, {number(unanswered)} no answer"
    return f"On average {number(n_503 + unanswered)} requests find no pod or no load balancer: {causes}. "


def _headline_502(summary: Summary) -> str:
    noun, any_502 = noun_of(summary), summary[ANY_502]
    rollouts = count(summary.replications, noun)
    if summary.estimator == "expected" and any_502.value < NEGLIGIBLE:
        return f"No 502 is to be expected in {rollouts}: {_at_most(any_502, noun)}."
    if any_502.value == 0:
        return f"No request ended in a 502 in {rollouts}: {_at_most(any_502, noun)}."
    how_often = f"{percent(any_502.value)}{_between(any_502, noun, 100, ' %')}"
    if summary.estimator == "expected":
        how_often = f"A {noun} has a 502 with a probability of {how_often}."
    else:
        how_often = f"Of {rollouts}, {how_often} had a 502."
    return f"{how_often} {_how_many(summary)} {_on_average(summary)}"


def so_far(name: str, rollouts: Sequence[Figures], noun: str) -> str:
    """Return a scenario's name and the share of the finished rollouts that have a 502. `noun`: what one of them is.

    The 95 % interval is given from 20 rollouts on: its coverage was measured from there (docs/statistics.md).
    """
    if not rollouts:
        return name
    any_502 = ANY_502.over.of_all([rollout[ANY_502] for rollout in rollouts], rollouts[0].estimator)
    known = len(rollouts) >= FEWEST_FOR_INTERVAL and any_502.low < any_502.high
    between = f" ({percent(any_502.low)} to {percent(any_502.high)})" if known else ""
    return f"{name}: 502s in {percent(any_502.value)} of {plural(noun)}{between}"


def _at_most(any_502: Estimate, noun: str) -> str:
    return f"with 95 % confidence at most {percent(any_502.high)} of {plural(noun)} have any"


def _how_many(summary: Summary) -> str:
    spread, noun = summary[SPREAD_502], noun_of(summary)
    if summary.replications == 1:
        return f"The {noun} has {number(spread.p50.value)}."
    median = f"The median {noun} has {number(spread.p50.value)}{_between(spread.p50, noun)}"
    return f"{median}, and one of 20 more than {number(spread.p95.value)}{_between(spread.p95, noun)}."


def _on_average(summary: Summary) -> str:
    """Return the mean in words, or why these rollouts give it no interval."""
    spread, noun = summary[SPREAD_502], noun_of(summary)
    if summary.replications == 1:
        return f"Of all requests {percent(summary[RATE_502].value)} ended so."
    mean = f"On average a {noun} has {number(spread.mean.value)}"
    rate = f"{percent(summary[RATE_502].value)} of all requests"
    if summary.replications >= spread.needed:
        return f"{mean}{_between(spread.mean, noun)}, {rate}."
    return (
        f"{mean}, {rate}. {count(summary.replications, noun)} are too few for an interval: one of them makes "
        f"{percent(spread.largest_share)} of the mean, and an interval takes some {about(spread.needed)}."
    )


def _between(estimate: Estimate, noun: str, factor: float = 1, unit: str = "") -> str:
    if math.isnan(estimate.low) or estimate.low == estimate.high:
        return ""
    low = number(factor * max(0.0, estimate.low))
    if not math.isfinite(estimate.high):
        return f" (95 % interval: from {low}{unit} on; more {plural(noun)} would bound it)"
    return f" (95 % interval: {low} to {number(factor * estimate.high)}{unit})"

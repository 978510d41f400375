"""A replication made by hand, whose every number is known, and summaries made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.control_plane.trace import (
    EndpointRemoved,
    ListenerClosed,
    PodCreated,
    PodDeleted,
    PodReady,
    ProcessCut,
    ReplicaSetScaled,
    RolloutComplete,
    Sigterm,
    TargetDeregistered,
    TargetDrained,
    TargetHealthy,
    TargetRegistered,
    TargetUnhealthy,
    Trace,
)
from sim.control_plane.trace.calls import ApiAttempt, Reconciled
from sim.data_plane.latency import Latency
from sim.data_plane.outcomes import Outcome
from sim.data_plane.requests import Requests
from sim.experiment.figures import FIGURES
from sim.experiment.replication import Replication
from sim.experiment.statistics import Estimate, spread
from sim.experiment.summary import Summary
from sim.experiment.trace_to_timeline import timeline_of
from sim.scenario.specs import Scenario
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sim.control_plane.trace import Record
    from sim.experiment.figure import Figure

WAF = "waf-regional:GetWebACLForResource"
LOAD_BALANCERS = "elasticloadbalancing:DescribeLoadBalancers"
REGISTER = "elasticloadbalancing:RegisterTargets"
DEREGISTER = "elasticloadbalancing:DeregisterTargets"


def attempt(
    at_s: float, reconcile: int, action: str, number: int = 0, *, latency_s: float = 0.5, backoff_s: float = 0.0
) -> ApiAttempt:
    """Make an attempt of cluster 0: throttled if a wait follows."""
    return ApiAttempt(at_s, 0, reconcile, action, number, backoff_s > 0, latency_s, backoff_s)


def trace_of(records: Iterable[Record]) -> Trace:
    trace = Trace()
    for record in records:
        trace.record(record)
    return trace


def _end(pod: int, deleted_s: float, *, seen_s: float, pre_stop_s: float = 10.0) -> list[Record]:
    at_s = deleted_s + pre_stop_s
    return [
        PodDeleted(deleted_s, pod),
        EndpointRemoved(seen_s, pod),
        Sigterm(at_s, pod),
        ListenerClosed(at_s, pod),
        ProcessCut(at_s, pod),
    ]


def _dropped(pod: int, deregistered_s: float, *drained_s: float) -> list[Record]:
    return [
        TargetDeregistered(deregistered_s, pod, deregistered_s + 300),
        *(TargetDrained(at_s, pod, node) for node, at_s in enumerate(drained_s)),
    ]


BY_HAND: list[Record] = [
    # What ended before the rollout, and what another cluster does, is not this controller's story.
    attempt(-6, 6, LOAD_BALANCERS),
    Reconciled(-6, -5, 0, 0, 6, None),
    ApiAttempt(2, 1, 7, WAF, 0, throttled=True, latency_s=0.5, backoff_s=50),
    Reconciled(1, 60, 1, 0, 7, WAF),
    # Reconcile 7, from 1 s to 8 s, carries pod 0; reconcile 8, from 8 s on, pods 1 and 2.
    attempt(1, 7, LOAD_BALANCERS),
    attempt(1.5, 7, WAF, 0, backoff_s=1),
    attempt(3, 7, WAF, 1, backoff_s=2.5),
    attempt(6, 7, WAF, 2),
    attempt(6.5, 7, DEREGISTER),
    attempt(7, 7, LOAD_BALANCERS, latency_s=1),
    Reconciled(1, 8, 0, 0, 7, None),
    attempt(8, 8, WAF, 0, latency_s=0.25, backoff_s=0.75),
    attempt(9, 8, REGISTER, latency_s=0.5),
    attempt(9.5, 8, DEREGISTER),
    # Pods 0 and 1 leave by deregistration at two ALB nodes, pod 2 by its health checks before the nodes have heard.
    *_end(0, 0, seen_s=0.5),
    *_dropped(0, 7, 12, 15),
    *_end(1, 2, seen_s=4),
    *_dropped(1, 10, 11, 11.5),
    *_end(2, 4, seen_s=4.25),
    *_dropped(2, 10, 40, 40),
    TargetUnhealthy(24, 2, 0),
    TargetUnhealthy(30, 2, 1),
    # Pod 3 is new.
    ReplicaSetScaled(0.25, "new", 1),
    ReplicaSetScaled(4, "old", 0),
    PodCreated(0.25, 3),
    PodReady(5, 3),
    TargetRegistered(9.5, 3),
    TargetHealthy(10, 3, 0),
    TargetHealthy(10.5, 3, 1),
    RolloutComplete(21),
]


def scenario(**pod: object) -> Scenario:
    """Return the scenario that belongs to `BY_HAND`, with other values of `pod`."""
    return Scenario.model_validate(
        {
            "name": "by-hand",
            "seed": 5,
            "traffic": {"arrival_rate_rps": 4},
            "deployment": {"replicas": 3},
            "pod": {"pre_stop_sleep_s": 10, "on_sigterm": "exit", **pod},
            "controller": {"version": "v1.1.4"},
            "target_group": {"alb_nodes": 2},
        }
    )


FAILED = [
    (11.0, 0, 0, Outcome.CONNECT_REFUSED),
    (12.5, 1, 0, Outcome.HOST_UNREACHABLE),
    (12.75, 1, 0, Outcome.HOST_UNREACHABLE),
    (20.0, 1, 2, Outcome.CONNECT_REFUSED),
    (22.0, 1, 3, Outcome.IDLE_TIMEOUT),
]


def by_hand(records: Iterable[Record] = BY_HAND, failed: list[tuple[float, int, int, Outcome]] = FAILED) -> Replication:
    """Make a replication of 100 requests, of which those given (arrival, node, target, outcome) failed."""
    trace, spec = trace_of(records), scenario()
    counts = np.bincount([outcome for *_, outcome in failed], minlength=len(Outcome))
    counts[Outcome.OK] = 100 - len(failed)
    arrival_s, node, target, outcome = zip(*failed, strict=True) if failed else ((), (), (), ())
    timeline = timeline_of(trace, spec, Streams(1, 2))
    requests = Requests(
        counts=counts,
        window_until_s=40.0,
        latency_before_s=Latency(0.05, 0.19, 0.32),
        latency_s=Latency(0.05, 0.19, 0.32),
        ended_s=timeline.cut_s,
        arrival_s=np.array(arrival_s, float),
        node=np.array(node, np.int16),
        target=np.array(target, np.int32),
        outcome=np.array(outcome, np.int8),
        answered_s=np.array(arrival_s, float),
    )
    return Replication(spec, 2, trace, timeline, requests)


def summary(figures: Mapping[Figure[Any, Any], object] | None = None, **about: Any) -> Summary:
    """Make a summary of 12 rollouts in which nothing failed, with other values for some figures."""
    nothing = Estimate(0.0, 0.0, 0.0)
    quiet = {"mean": 8.0, "p50": 7.0, "p90": 9.0, "p99": 10.0, "max": 12.5}
    values = {figure.name: nothing for figure in FIGURES if figure.block is None} | {
        "requests": Estimate(1000.0, 990.0, 1010.0),
        "responses.200": Estimate(1000.0, 990.0, 1010.0),
        "responses_502": spread([0.0] * 12),
        "any_502": Estimate(0.0, 0.0, 3.8415 / (12 + 3.8415)),
        "rollout_s": quiet,
        "deregistration_lag_s": quiet,
        "exposure_s": dict.fromkeys(quiet, 0.0),
        "least_healthy_targets": Estimate(6.0, 5.5, 6.5),
        "latency_s.before": {"p50": 0.05, "p95": 0.19, "p99": 0.32},
        "latency_s.window": {"p50": 0.05, "p95": 0.19, "p99": 0.32},
        "aws_api.calls": Estimate(1234.5, 1200.0, 1270.0),
        "aws_api.reconciles": Estimate(9.0, 8.0, 10.0),
        "aws_api.failed_reconciles": Estimate(0.25, 0.0, 0.5),
    }
    values |= {figure.name: value for figure, value in (figures or {}).items()}
    head = {"scenario": "quiet", "disruption": "rollout", "seed": 1, "replications": 12}
    head |= {"estimator": "sampled", "version": "0.1.0"}
    return Summary(**(head | about), values=values)

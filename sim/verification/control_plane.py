"""The control plane by hand: the kubelet's clock, the Deployment's bounds, a reconcile's calls, the API's buckets."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from sim.control_plane.aws.aws_api import BUCKET_OF_ACTION
from sim.control_plane.token_bucket import TokenBucket
from sim.control_plane.trace import (
    EndpointRemoved,
    ListenerClosed,
    PodCreated,
    PodDeleted,
    PodReady,
    ProcessCut,
    Record,
    RolloutComplete,
    Sigterm,
    TargetDeregistered,
)
from sim.control_plane.trace.calls import ApiAttempt
from sim.control_plane.world import run_control_plane
from sim.data_plane.outcomes import Outcome
from sim.experiment.replication import simulate
from sim.scenario.specs import Scenario
from sim.streams import Stream, Streams
from sim.verification.checks import ROUNDING, of_mean, of_value, of_violations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sim.control_plane.trace import Trace
    from sim.verification.checks import Check

CALL_S = 0.08
KUBELET = (
    # preStop, grace; SIGTERM and SIGKILL after the deletion: min(preStop, G), and max(2, G - floor(that)) later
    (0.0, 30.0, 0.0, 30.0),
    (10.9, 30.0, 10.9, 30.9),
    (29.5, 30.0, 29.5, 31.5),
    (45.0, 30.0, 30.0, 32.0),
)
DEPLOYMENTS = (
    # replicas, maxSurge, maxUnavailable; most pods, least available ones
    (10, "25%", "25%", 13, 8),
    (7, 0, 0, 7, 6),
    (33, "10%", 0, 37, 33),
    (12, "100%", 0, 24, 12),
)
OTHER_CLUSTER = {"ingresses": 4, "churn_per_s": 0.3, "controller": {"version": "v1.1.4"}}
LOADED = {
    "name": "verify",
    "seed": 502,
    "traffic": {"arrival_rate_rps": 100},
    "deployment": {"replicas": 20},
    "controller": {"version": "v1.1.4", "aws_max_retries": 3},
    "aws_api": {"other_clusters": [OTHER_CLUSTER, OTHER_CLUSTER], "warm_up_s": 60},
}
ORDERS: tuple[tuple[str, tuple[type[Record], ...]], ...] = (
    ("deletion, then Endpoints, then deregistration", (PodDeleted, EndpointRemoved, TargetDeregistered)),
    ("deletion, SIGTERM, the listener's close, the end", (PodDeleted, Sigterm, ListenerClosed, ProcessCut)),
)


def kubelet() -> Iterator[Check]:
    """Check when SIGTERM and SIGKILL come, counted from the deletion."""
    for pre_stop_s, grace_s, sigterm_s, sigkill_s in KUBELET:
        pod = {"pre_stop_sleep_s": pre_stop_s, "termination_grace_period_s": grace_s, "on_sigterm": "drain"}
        trace = _trace({"pod": pod})
        settings = f"preStop {pre_stop_s:g} s, grace {grace_s:g} s"
        deleted_s = _time_s(trace, PodDeleted)
        yield of_value("SIGTERM after the deletion, s", settings, sigterm_s, _time_s(trace, Sigterm) - deleted_s)
        yield of_value("SIGKILL after the deletion, s", settings, sigkill_s, _time_s(trace, ProcessCut) - deleted_s)


def rollout() -> Iterator[Check]:
    """Check that a rollout one by one takes a start and a sync for each pod, and a reconcile the time of its calls."""
    deployment = {"replicas": 6, "max_surge": 1, "max_unavailable": 0, "sync_latency_s": 0.1}
    trace = _trace({"deployment": deployment, "pod": {"startup_s": 15}})
    settings = "6 pods, 15 s to start, 0.1 s to the sync"
    yield of_value("a rollout one by one, s", settings, 6 * 15.1, _time_s(trace, RolloutComplete))
    deployment["replicas"] = 1
    api = {"latency_s": CALL_S}
    trace = _trace({"deployment": deployment, "controller": {"version": "v1.1.9"}, "aws_api": api})
    # It begins when the new pod is ready, 0.1 s before the old one's deletion. DeregisterTargets is its 12th call, for
    # what WAF and WAFv2 answered when the new pod had its address is held still.
    lag_s = _time_s(trace, TargetDeregistered) - _time_s(trace, PodDeleted)
    yield of_value(
        "deregistration = the calls before it, s", f"v1.1.9, 12 calls of {CALL_S} s", 12 * CALL_S - 0.1, lag_s
    )


def bounds() -> Iterator[Check]:
    """Check that there are never more pods than the surge allows, nor fewer available than maxUnavailable allows."""
    for replicas, surge, unavailable, most, least in DEPLOYMENTS:
        deployment = {"replicas": replicas, "max_surge": surge, "max_unavailable": unavailable, "sync_latency_s": 0}
        trace = _trace({"deployment": deployment, "pod": {"startup_s": {"dist": "uniform", "low": 0, "high": 20}}})
        settings = f"{replicas} replicas, surge {surge}, unavailable {unavailable}"
        yield of_value("most pods that do not terminate", settings, most, max(_running(replicas, trace, PodCreated)))
        yield of_value("fewest available pods", settings, least, min(_running(replicas, trace, PodReady)))


def api() -> Iterator[Check]:
    """Check that no bucket admits more than its capacity and refill, and that it admits its refill under overload."""
    scenario = Scenario.model_validate(LOADED)
    trace = run_control_plane(scenario, Streams(scenario.seed, 0))
    passed: dict[str, list[float]] = defaultdict(list)
    for attempt in sorted(trace.of(ApiAttempt), key=lambda attempt: attempt.time_s):
        if not attempt.throttled and not attempt.action.startswith("ec2:"):
            passed[BUCKET_OF_ACTION[attempt.action]].append(attempt.time_s)
            if attempt.action.startswith("elasticloadbalancing:"):
                passed["elbv2_account"].append(attempt.time_s)
    for name, size in scenario.aws_api.buckets:
        if name in passed:
            settings = f"{name}, {len(passed[name])} calls of three clusters"
            holds = _within(passed[name], size.capacity, size.refill_per_s)
            yield of_violations("calls <= capacity + refill x time, over every interval", settings, holds)
    # A bucket of one token: 1 / refill until the next is there, and then 1 / rate until somebody asks (no memory).
    settings = "capacity 1, refill 2/s, Poisson 5/s"
    yield of_mean("between calls that pass: 1 / refill + 1 / rate, s", settings, 1 / 2 + 1 / 5, _gaps_s(2.0, 5.0))


def invariants() -> Iterator[Check]:
    """Check what holds in every replication, whatever the settings."""
    scenario = Scenario.model_validate(LOADED)
    told = [simulate(scenario, replication=number, estimator="sampled") for number in range(10)]
    settings = f"10 rollouts of {scenario.deployment.replicas} pods on a loaded account"
    sums = (sum(one.requests.n_status(status) for status in (200, 502, 503, 504)) for one in told)
    every = (total == one.requests.n_requests for total, one in zip(sums, told, strict=True))
    yield of_violations("every request has one outcome", settings, every)
    failed = (one.requests.n_requests - one.requests.counts[Outcome.OK] for one in told)
    listed = (one.requests.outcome.size == n_failed for one, n_failed in zip(told, failed, strict=True))
    yield of_violations("every failed request is listed", settings, listed)
    targets = (sorted(record.pod for record in one.trace.of(TargetDeregistered)) for one in told)
    once = (pods == list(range(scenario.deployment.replicas)) for pods in targets)
    yield of_violations("every old target is deregistered once", settings, once)
    for claim, kinds in ORDERS:
        yield of_violations(claim, settings, (held for one in told for held in _in_order(one.trace, kinds)))
    again = simulate(told[3].scenario, replication=3, estimator="sampled")
    same = (again.requests.counts == told[3].requests.counts).tolist()
    yield of_violations("the same seed gives the same counts", settings, same)


def _trace(changes: dict[str, Any]) -> Trace:
    lag = {"version": "fixed_lag", "deregistration_lag_s": 1}
    base = {"name": "verify", "traffic": {"arrival_rate_rps": 1}, "deployment": {"replicas": 1}, "controller": lag}
    quiet = {"endpoints": {"propagation_s": 0}, "target_group": {"health_check": None}}
    return run_control_plane(Scenario.model_validate(base | quiet | changes), Streams(502, 0))


def _in_order(trace: Trace, kinds: Sequence[type[Any]]) -> Iterator[bool]:
    """Yield for each old pod whether it met these events in this order."""
    times_s = [{record.pod: record.time_s for record in trace.of(kind)} for kind in kinds]
    for pod in times_s[0]:
        yield all(sooner[pod] <= later[pod] for sooner, later in pairwise(times_s))


def _time_s(trace: Trace, kind: type[Record]) -> float:
    return trace.of(kind)[0].time_s


def _running(replicas: int, trace: Trace, arrivals: type[Record]) -> Iterable[int]:
    """Return the number of pods at first and after each change. At one instant, arrivals count before departures."""
    changes = [(record.time_s, -1, 1) for record in trace.of(arrivals)]
    changes += [(record.time_s, 1 if arrivals is PodReady else -2, -1) for record in trace.of(PodDeleted)]
    return accumulate((change for _, _, change in sorted(changes)), initial=replicas)


def _within(passed_s: list[float], capacity: float, refill_per_s: float) -> Iterator[bool]:
    """Yield for each call whether every interval that ends with it holds no more calls than the bucket admits."""
    least = math.inf
    for number, time_s in enumerate(passed_s):
        level = number - refill_per_s * time_s
        least = min(least, level)
        yield level - least + 1 <= capacity + ROUNDING * (1 + refill_per_s * abs(time_s))


def _gaps_s(refill_per_s: float, rate_per_s: float) -> list[float]:
    """Return the times between the calls of a Poisson stream that a bucket of one token admits."""
    rng = Streams(502, 0).generator(Stream.API_BACKGROUND)
    bucket = TokenBucket(1, refill_per_s)
    passed_s = []
    for now_s in accumulate((rng.standard_exponential(20_000) / rate_per_s).tolist()):
        if bucket.tokens(now_s) >= 1:
            bucket.take(now_s)
            passed_s.append(now_s)
    return [later - sooner for sooner, later in pairwise(passed_s)]


CHECKS = (kubelet, rollout, bounds, api, invariants)

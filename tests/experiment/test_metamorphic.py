"""What must change how, or not at all, when a scenario is changed in a known way: drawn scenarios of every version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sim.control_plane import world
from sim.control_plane.trace import (
    PodDeleted,
    PodReady,
    ProcessCut,
    Record,
    RolloutComplete,
    TargetDeregistered,
    TargetDrained,
    TargetHealthy,
    TargetRegistered,
)
from sim.control_plane.trace.calls import ApiAttempt
from sim.control_plane.world import run_control_plane
from sim.data_plane.outcomes import Outcome
from sim.experiment.figures import ANY_502, DEREGISTRATION_LAG_S, EXPOSURE_S, ROLLOUT_S
from sim.experiment.figures_of_healthy_targets import NO_HEALTHY_TARGET_S
from sim.experiment.replication import simulate
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario
from sim.streams import Stream, Streams
from sim.verification.drawn_rollouts import (
    drawn_canary,
    drawn_disruption,
    drawn_outage,
    drawn_scenario,
    drawn_strategy,
    drawn_switch,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.control_plane.trace import Trace

VERSIONS = ("v1.1.0", "v1.1.3", "v1.1.9", "v2.0", "v2.1.3", "v2.4", "v2.7", "v2.9", "v3.0", "v3.2")
LOST = [Outcome.CONNECT_REFUSED, Outcome.HOST_UNREACHABLE, Outcome.CONNECT_TIMEOUT, Outcome.CLOSED_IN_FLIGHT]
BUCKETS = ("elbv2_describe", "elbv2_register", "elbv2_modify", "elbv2_account", "waf_regional", "wafv2", "ec2")
ENDLESS = {f"aws_api.buckets.{name}": {"capacity": 1e6, "refill_per_s": 1e6} for name in (*BUCKETS, "tagging")}
ESTIMATORS = st.sampled_from(["sampled", "expected"])
ROLLOUTS = (drawn_scenario, drawn_strategy)
ALL = (*ROLLOUTS, drawn_disruption, drawn_outage, drawn_canary, drawn_switch)
"""Together every kind of disruption but a node's termination, which is a drain with a machine's end."""
ALONE = {"aws_api.other_clusters": [], "aws_api.background_calls_per_s": {}}


@pytest.fixture(autouse=True)
def _sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes to no end is given up after two hours, not after a day."""
    monkeypatch.setattr(world, "LONGEST_PAUSE_S", 7200)


@st.composite
def scenarios(draw: st.DrawFn, among: tuple[Callable[[int], Scenario], ...] = ALL) -> Scenario:
    """Draw a small scenario: any version, routing and target type, and one of these kinds of disruption."""
    scenario = draw(st.sampled_from(among))(draw(st.integers(0, 10_000)))
    version = draw(st.sampled_from(VERSIONS))
    changes: dict[str, Any] = {
        **(
            {"controller": {"version": version}} if scenario.disruption == "canary" else {"controller.version": version}
        ),
        "target_group.routing": draw(st.sampled_from(["round_robin", "random"])),
        "traffic": {"arrival_rate_rps": 40, "service_time_s": {"dist": "exponential", "mean": 0.5}},
    }
    if scenario.disruption == "rollout" and draw(st.booleans()):
        changes |= {"target_group.target_type": "instance", "target_group.health_check": None}
    try:
        return scenario.with_overrides(changes)
    except ScenarioError:
        assume(False)
        raise


def _trace(scenario: Scenario) -> Trace:
    try:
        return run_control_plane(scenario, Streams(scenario.seed, 0))
    except ScenarioError:  # a rollout without an end
        assume(False)
        raise


def _own(trace: Trace) -> list[Record]:
    """Return what happened in the disrupted cluster."""
    kinds = (TargetRegistered, TargetDeregistered, TargetDrained, RolloutComplete)
    attempts = [attempt for attempt in trace.of(ApiAttempt) if attempt.cluster == 0]
    return [*attempts, *(record for kind in kinds for record in trace.of(kind))]


@pytest.mark.slow
@settings(max_examples=20)
@given(scenario=scenarios())
def test_at_twice_the_rate_twice_as_many_requests_end_each_way(scenario: Scenario) -> None:
    """A Poisson stream of twice the rate has any 502 unless each of two independent halves has none.

    Draining pods end with their last request, which comes later at a higher rate: they are left out.
    """
    scenario = scenario.with_overrides({"pod.on_sigterm": "exit"})
    try:
        once, twice = (
            simulate(scenario.with_overrides({"traffic.arrival_rate_rps": rate}), estimator="expected")
            for rate in (40, 80)
        )
    except ScenarioError:
        assume(False)
        raise
    assert np.allclose(twice.estimate.counts, 2 * once.estimate.counts, rtol=1e-9)
    none = 1 - once.figures()[ANY_502]
    assert twice.figures()[ANY_502] == pytest.approx(1 - none**2, rel=1e-9, abs=1e-12)


@pytest.mark.slow
@settings(max_examples=20)
@given(scenario=scenarios())
def test_one_more_cluster_that_makes_no_call_changes_nothing(scenario: Scenario) -> None:
    assume(scenario.disruption != "cluster_switch")  # its new cluster comes after the others, and so has other draws
    idle = {"ingresses": 3, "churn_per_s": 0, "controller": {"version": "v2.7"}}
    others = scenario.model_dump(mode="json")["aws_api"]["other_clusters"]
    more = _trace(scenario.with_overrides({"aws_api.other_clusters": [*others, idle]}))
    assume(all(attempt.cluster != len(others) + 1 for attempt in more.of(ApiAttempt)))
    assert _own(more) == _own(_trace(scenario))


OF_CLUSTERS = (
    Stream.API_LATENCY,
    Stream.API_BACKOFF,
    Stream.CHURN,
    Stream.CONTROLLER_RESTART,
    Stream.RESYNC,
    Stream.NODE_EVENTS,
    Stream.ENQUEUE_ORDER,
    Stream.LAST_CHECKED,
    Stream.DEFERRED_CHECK,
)
"""The streams whose first entity is a cluster."""


@dataclass(frozen=True, slots=True)
class _Backwards(Streams):
    """Streams in which the first of `others` clusters has what is the last one's, and so on."""

    others: int = 0

    def within(self, stream: Stream, *entity: int) -> Streams:
        return Streams.within(self, stream, *self._turned(stream, entity))

    def generator(self, stream: Stream, *entity: int) -> np.random.Generator:
        return Streams.generator(self, stream, *self._turned(stream, entity))

    def _turned(self, stream: Stream, entity: tuple[int, ...]) -> tuple[int, ...]:
        if stream in OF_CLUSTERS and 1 <= entity[0] <= self.others:
            return (self.others + 1 - entity[0], *entity[1:])
        return entity


@pytest.mark.slow
@settings(max_examples=20)
@given(scenario=scenarios())
def test_the_clusters_the_other_way_round_with_the_same_draws_do_the_same(scenario: Scenario) -> None:
    others = scenario.model_dump(mode="json", exclude_unset=True)["aws_api"].get("other_clusters", [])
    others = [*others, {"ingresses": 2, "churn_per_s": 0.3, "controller": {"version": "v1.1.4"}}]
    there, back = (scenario.with_overrides({"aws_api.other_clusters": those}) for those in (others, others[::-1]))
    trace = _trace(there)
    turned = run_control_plane(back, _Backwards(scenario.seed, 0, others=len(others)))
    assert _own(turned) == _own(trace)
    clusters = [attempt.cluster for attempt in trace.of(ApiAttempt) if attempt.cluster > 0]
    assert sorted(len(others) + 1 - cluster for cluster in clusters if cluster <= len(others)) == sorted(
        attempt.cluster for attempt in turned.of(ApiAttempt) if 1 <= attempt.cluster <= len(others)
    )


@pytest.mark.slow
@settings(max_examples=20)
@given(scenario=scenarios())
def test_with_endless_buckets_nothing_is_throttled_and_the_account_does_not_matter(scenario: Scenario) -> None:
    shared = _trace(scenario.with_overrides(ENDLESS))
    assert not any(attempt.throttled for attempt in shared.of(ApiAttempt))
    assert _own(shared) == _own(_trace(scenario.with_overrides(ENDLESS | ALONE)))


@pytest.mark.slow
@settings(max_examples=20)
@given(scenario=scenarios(), later_s=st.sampled_from([1, 7, 30]))
def test_pods_that_are_cut_later_lose_no_more(scenario: Scenario, later_s: float) -> None:
    """Pods accept until SIGKILL, and no check tells the controller of them: only the moment of the cut moves.

    Left out is what waits for the cut: a container that hangs answers nothing before it; drained nodes, StatefulSets,
    DaemonSets, Recreate and TerminationComplete have fewer pods until it comes. So are worker nodes as targets: while
    no pod is ready they refuse all requests, and the later cut makes the rollout longer.
    """
    deployment = scenario.deployment
    assume(scenario.disruption not in ("liveness_failure", "node_drain"))
    assume((deployment.kind, deployment.strategy) == ("Deployment", "RollingUpdate"))
    assume(deployment.pod_replacement_policy == "TerminationStarted")
    assume(scenario.target_group.target_type == "ip")
    grace_s = scenario.pod.termination_grace_period_s
    waits = {"pod.on_sigterm": "ignore", "pod.pre_stop_fails_health_check": False, "target_group.health_check": None}
    lost = []
    for moved_s in (0, later_s):
        try:
            changed = scenario.with_overrides(waits | {"pod.termination_grace_period_s": grace_s + moved_s})
            lost.append(simulate(changed, estimator="expected").estimate.counts[LOST].sum())
        except ScenarioError:
            assume(False)
    assert lost[1] <= lost[0] * (1 + 1e-9)


@pytest.mark.slow
@settings(max_examples=20)
@given(scenario=scenarios((*ROLLOUTS, drawn_disruption)))
def test_a_fixed_lag_as_measured_is_the_controller_it_was_measured_of(scenario: Scenario) -> None:
    """One pod, so that one lag is the whole of what the controller does, in a rollout or a drain.

    In a switch a target may leave before its pod is deleted, by a change of the rule or the Service: no lag says that.
    A blue/green's lag counts from the Service's change, and its pods are deleted after a delay.
    """
    assume(scenario.disruption != "blue_green")
    try:
        scenario = scenario.with_overrides({"deployment.replicas": 1, "pod.readiness_gate": False})
    except ScenarioError:  # nothing is left of a scale-in, or a drain of more pods
        assume(False)
    trace = _trace(scenario)
    targets = trace.of(TargetRegistered), trace.of(TargetDeregistered)
    assume([len(happened) for happened in targets] == [1, 1])
    pods = trace.of(PodReady), trace.of(PodDeleted)
    registered_s, deregistered_s = (target.time_s - pod.time_s for (target,), (pod,) in zip(targets, pods, strict=True))
    assume(min(registered_s, deregistered_s) >= 0)
    measured = scenario.with_overrides(
        {
            "controller": {
                "version": "fixed_lag",
                "registration_lag_s": registered_s,
                "deregistration_lag_s": deregistered_s,
            }
        }
    )
    for kind in (TargetHealthy, TargetDrained, ProcessCut):
        lagged = [record.time_s for record in run_control_plane(measured, Streams(scenario.seed, 0)).of(kind)]
        assert lagged == pytest.approx([record.time_s for record in trace.of(kind)], abs=1e-9)


DIMENSIONLESS = ("sigma", "shape", "dist")


def _slowed(value: Any, name: str = "") -> Any:
    """Return a scenario's values with every duration doubled and every rate halved."""
    if isinstance(value, dict):
        law = name if "dist" in value else None
        return {
            key: inner if key in DIMENSIONLESS else _slowed(inner, law or (name if name.endswith("_per_s") else key))
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_slowed(inner, name) for inner in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if name.endswith(("_per_s", "_rps", "_qps")):
        return value / 2
    return 2 * value if name.endswith("_s") else value


@settings(max_examples=12)
@given(seed=st.integers(0, 10_000), drawn=st.sampled_from(ALL), estimator=ESTIMATORS)
def test_at_half_the_speed_all_happens_as_often_and_takes_twice_as_long(seed: int, drawn: Any, estimator: Any) -> None:
    """The seconds that are no key are kept out of the comparison.

    Left out are SIGKILL 2 s after SIGTERM, a controller's own pauses and Argo's, and kubectl's between two evictions.
    So are the pauses of the controllers that a lost node tells.
    """
    base = drawn(seed)
    assume(base.disruption not in ("node_drain", "node_lost", "canary"))
    changes: dict[str, Any] = {
        "controller": {"version": "fixed_lag", "deregistration_lag_s": {"dist": "uniform", "low": 0, "high": 30}},
        "pod.termination_grace_period_s": base.pod.pre_stop_sleep_s // 1 + 8,
        "pod.on_sigterm": "exit",
        "deployment.min_ready_s": 0,
        "traffic": {"arrival_rate_rps": 20, "service_time_s": {"dist": "exponential", "mean": 0.8}},
        "target_group.idle_timeout_s": 7,
        "pod.pre_stop_sleep_s": base.pod.pre_stop_sleep_s // 1,
        "scale_in.policies": [],
    }
    fast = base.with_overrides(changes)
    slow = Scenario.model_validate(_slowed(fast.model_dump()))
    once, twice = (simulate(scenario, estimator=estimator) for scenario in (fast, slow))
    assert np.allclose(twice.estimate.counts, once.estimate.counts, rtol=1e-9)
    assert once.estimate.counts.sum() > 0
    for figure in (ROLLOUT_S, DEREGISTRATION_LAG_S, EXPOSURE_S, NO_HEALTHY_TARGET_S):
        assert np.allclose(twice.figures()[figure], 2 * np.asarray(once.figures()[figure]), rtol=1e-9)

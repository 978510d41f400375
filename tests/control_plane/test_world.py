from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.control_plane.trace import (
    EndpointRemoved,
    PodDeleted,
    Record,
    RolloutComplete,
    TargetDeregistered,
    TargetRegistered,
    Trace,
)
from sim.control_plane.trace.calls import ApiAttempt, Reconciled
from sim.control_plane.world import run_control_plane
from sim.scenario.problems import ScenarioError
from sim.streams import Streams

OTHERS = [{"ingresses": 4, "churn_per_s": 0.3, "controller": {"version": "v1.1.4"}}] * 2


@settings(max_examples=25)
@given(
    version=st.sampled_from([*(f"v1.1.{patch}" for patch in range(10)), "v2.0", "v2.4.4", "v2.8", "v2.13.4", "v3.2"]),
    # Without any retry a reconcile of so many calls may never pass in this account.
    retries=st.integers(2, 4),
    replicas=st.integers(1, 12),
    waf_per_s=st.floats(0.7, 2),
    describe_per_s=st.floats(4, 12),
    seed=st.integers(0, 3),
)
def test_every_target_is_deregistered_once_after_its_pod_left_the_endpoints(
    make_scenario,
    version: str,
    retries: int,
    replicas: int,
    waf_per_s: float,
    describe_per_s: float,
    seed: int,
) -> None:
    scenario = make_scenario(
        deployment__replicas=replicas,
        controller__version=version,
        controller__aws_max_retries=retries,
        aws_api__buckets={
            "waf_regional": {"capacity": 1, "refill_per_s": waf_per_s},
            "elbv2_describe": {"capacity": 20, "refill_per_s": describe_per_s},
        },
        aws_api__other_clusters=OTHERS,
        aws_api__warm_up_s=60,
    )
    trace = run_control_plane(scenario, Streams(seed, 0))
    deleted_s, removed_s, deregistered_s = (
        _times(trace, kind) for kind in (PodDeleted, EndpointRemoved, TargetDeregistered)
    )
    assert set(deleted_s) == set(removed_s) == set(deregistered_s) == set(range(replicas))
    for pod, time_s in deregistered_s.items():
        assert deleted_s[pod] <= removed_s[pod] <= time_s
    assert len(trace.of(TargetRegistered)) == len(_times(trace, TargetRegistered))


def _times(trace: Trace, kind: type[Record]) -> dict[int, float]:
    return {record.pod: record.time_s for record in trace.of(kind)}


def test_the_other_clusters_run_before_the_rollout_and_share_the_buckets(make_scenario) -> None:
    scenario = make_scenario(aws_api__other_clusters=OTHERS, controller__version="v1.1.4", controller__sync_period_s=0)
    trace = run_control_plane(scenario, Streams(1, 0))
    by_cluster = {cluster: [a for a in trace.of(ApiAttempt) if a.cluster == cluster] for cluster in range(3)}
    assert min(a.time_s for a in by_cluster[1]) < -250
    assert min(a.time_s for a in by_cluster[0]) >= 0
    throttled = [a for cluster in (1, 2) for a in by_cluster[cluster] if a.throttled]
    assert {a.action for a in throttled} == {"waf-regional:GetWebACLForResource"}
    assert {r.cluster for r in trace.of(Reconciled)} >= {1, 2}


def test_the_other_clusters_back_off_when_throttled(make_scenario) -> None:
    """Closed loop: with a tenth of the tokens they send far fewer calls, not the same number of refused ones."""

    def calls(refill_per_s: float) -> int:
        bucket = {"capacity": 1, "refill_per_s": refill_per_s}
        scenario = make_scenario(aws_api__other_clusters=OTHERS, aws_api__buckets={"waf_regional": bucket})
        trace = run_control_plane(scenario, Streams(1, 0))
        return sum(a.time_s < 0 for a in trace.of(ApiAttempt))

    assert calls(0.1) < calls(1.0) / 2


@pytest.mark.parametrize(
    "versions",
    [("v2.4", "v2.4"), ("v3.2", "v3.2"), ("v1.1.4", "v2.4", "v3.2"), ("v1.1.9", "v2.0", "v2.8", "v2.13.4")],
)
def test_other_clusters_of_any_mix_of_versions_back_off(make_scenario, versions: tuple[str, ...]) -> None:
    """Closed loop: each cluster's throttled calls are repeated by itself, after waits that grow; fewer calls for it.

    Of a tenth of the tokens a Poisson stream would be refused more, and sent none the less.
    """
    others = [{"ingresses": 6, "churn_per_s": 0.5, "controller": {"version": version}} for version in versions]

    def before_the_rollout(refill_per_s: float) -> list[ApiAttempt]:
        bucket = {"capacity": 2, "refill_per_s": refill_per_s}
        scenario = make_scenario(
            aws_api__other_clusters=others, aws_api__buckets={"elbv2_describe": bucket}, aws_api__warm_up_s=600
        )
        return [attempt for attempt in run_control_plane(scenario, Streams(1, 0)).of(ApiAttempt) if attempt.time_s < 0]

    starved, fed = before_the_rollout(0.2), before_the_rollout(10.0)
    for cluster in range(1, len(versions) + 1):
        ours = [attempt for attempt in starved if attempt.cluster == cluster]
        retries = [attempt for attempt in ours if attempt.attempt > 0]
        assert retries, cluster
        assert max(attempt.backoff_s for attempt in ours) > 5
        assert len(ours) < 0.8 * sum(attempt.cluster == cluster for attempt in fed)


def test_a_rollout_without_end_is_refused_with_what_is_left(make_scenario) -> None:
    scenario = make_scenario(aws_api__buckets={"elbv2_register": {"capacity": 1, "refill_per_s": 1e-6}})
    with pytest.raises(ScenarioError, match=r"over within a day .*3 of 4 old targets are registered still") as error:
        run_control_plane(scenario, Streams(1, 0))
    assert re.search(r"those of pods \d, \d, \d\).*gave up on elasticloadbalancing:RegisterTargets", str(error.value))


def test_a_rollout_that_goes_on_may_take_longer_than_a_day(make_scenario) -> None:
    """Five pods, one at a time, each Ready after 30,000 s, and its availability known 0.1 s later."""
    scenario = make_scenario(
        deployment__replicas=5, deployment__max_surge=1, deployment__max_unavailable=0, pod__startup_s=30_000
    )
    (complete,) = run_control_plane(scenario, Streams(1, 0)).of(RolloutComplete)
    assert complete.time_s == pytest.approx(5 * 30_000.1)


def test_a_day_without_a_step_is_no_rollout(make_scenario) -> None:
    with pytest.raises(ScenarioError, match="over within a day of its last step"):
        run_control_plane(make_scenario(pod__startup_s=86_600), Streams(1, 0))
    run_control_plane(make_scenario(pod__startup_s=86_300), Streams(1, 0))


def test_it_is_not_over_before_a_new_target_is_healthy(make_scenario) -> None:
    """Ready at 20 s, registered 60 s later; the old pods are gone long before."""
    scenario = make_scenario(
        deployment__max_surge="100%",
        controller__version="fixed_lag",
        controller__deregistration_lag_s=0,
        controller__registration_lag_s=60,
    )
    trace = run_control_plane(scenario, Streams(1, 0))
    assert max(record.time_s for record in trace.of(TargetDeregistered)) < 21
    assert {record.time_s for record in trace.of(TargetRegistered)} == {80}


def test_targets_that_are_never_registered_are_refused(make_scenario) -> None:
    scenario = make_scenario(
        controller__version="fixed_lag",
        controller__deregistration_lag_s=0,
        controller__registration_lag_s=100_000,
    )
    with pytest.raises(ScenarioError, match="one after which no new target is healthy"):
        run_control_plane(scenario, Streams(1, 0))

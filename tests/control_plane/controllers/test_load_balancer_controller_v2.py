"""Oracle: docs/facts/controller.md §2 and §4 written out by hand: calls, chunks, waits and the boundaries of the
versions."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from sim.control_plane.aws.aws_api import AwsApi
from sim.control_plane.controllers.ingress import Ingress
from sim.control_plane.controllers.other_cluster import ChurningBackend
from sim.control_plane.controllers.start import start_controller
from sim.control_plane.simulation import Simulation
from sim.control_plane.trace import EndpointRemoved, TargetDeregistered, Trace
from sim.control_plane.trace.calls import ApiAttempt, Reconciled
from sim.control_plane.world import run_control_plane
from sim.scenario import releases
from sim.scenario.sequences import Step
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Iterable

    import simpy

    from sim.control_plane.controllers.ingress import Controller
    from sim.scenario.specs import Scenario

RELEASES = [
    "v2.0",
    "v2.2.0",
    "v2.2.1",
    "v2.3.0",
    "v2.3.1",
    "v2.4.3",
    "v2.4.4",
    "v2.6.1",
    "v2.6.2",
    "v2.8.3",
    "v2.9.0",
    "v2.9.1",
    "v2.13.4",
    "v3.1",
    "v3.2.0",
    "v3.4",
]
PLENTY = {"capacity": 1e6, "refill_per_s": 1e6}
BUCKETS = ("elbv2_describe", "elbv2_register", "elbv2_account", "ec2")


def _scenario(make_scenario, version: str, **overrides: object) -> Scenario:
    """Return a scenario in an account without limits and without resyncs, each call taking 0.1 s."""
    return make_scenario(
        **{"controller__version": version, "aws_api__buckets": dict.fromkeys(BUCKETS, PLENTY)}
        | {"aws_api__latency_s": 0.1, "controller__sync_period_s": 0}
        | overrides
    )


class Cluster:
    """A controller of Services whose pods the test moves, and what it calls."""

    def __init__(self, env: simpy.Environment, scenario: Scenario, n_services: int = 1) -> None:
        self.env, self.trace = env, Trace()
        simulation = Simulation(env, Streams(1, 0), self.trace)
        self.services = [ChurningBackend(env) for _ in range(n_services)]
        self.ingresses = [Ingress(number, [service]) for number, service in enumerate(self.services)]
        self.controller: Controller = start_controller(
            simulation,
            scenario.controller,
            scenario.aws_api,
            AwsApi(simulation, scenario.aws_api),
            self.ingresses,
            cluster=0,
        )

    def change(self, *, come: int = 0, go: int = 0, service: int = 0) -> None:
        for _ in range(come):
            self.services[service].come()
        for _ in range(go):
            self.services[service].go()
        self.controller.on_endpoints_change(self.ingresses[service], 0)

    def calls_until(self, until_s: float) -> list[str]:
        before = len(self.trace.of(ApiAttempt))
        self.env.run(until=until_s)
        return [attempt.action.split(":")[1] for attempt in self.trace.of(ApiAttempt)[before:]]


COLD = ["DescribeTargetHealth", "DescribeInstances", "DescribeSecurityGroups"]


@pytest.mark.parametrize("version", RELEASES)
def test_calls_for_removed_and_added_pods(make_env, make_scenario, version: str) -> None:
    """Cold: a full read, the pods' instances, their security group. Warm: one read of what is not healthy.

    The VPC is read before the first registration since v2.3.1.
    """
    cluster = Cluster(make_env(), _scenario(make_scenario, version))
    cluster.change(go=1)
    assert cluster.calls_until(30) == [*COLD, "DeregisterTargets"]
    cluster.change(go=1)
    assert cluster.calls_until(60) == ["DescribeTargetHealth", "DeregisterTargets"]
    cluster.change(come=1, go=1)
    assert cluster.calls_until(90) == [
        "DescribeTargetHealth",
        "DescribeInstances",
        "DeregisterTargets",
        *([] if version in ("v2.0", "v2.2.0", "v2.2.1", "v2.3.0") else ["DescribeVpcs"]),
        "RegisterTargets",
    ]
    cluster.change(come=2)
    assert cluster.calls_until(120) == ["DescribeTargetHealth", "DescribeInstances", "RegisterTargets"]


def test_a_release_with_another_sequence_is_a_row_of_the_table(
    make_env, make_scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = (Step.READ_TARGETS, Step.READ_VPC, Step.REGISTER, Step.DEREGISTER)
    monkeypatch.setattr(releases, "RELEASES", (replace(releases.V2[-1], since="v3.9", binding_sequence=steps),))
    monkeypatch.setattr("sim.control_plane.controllers.start.release_of", releases.release_of.__wrapped__)
    cluster = Cluster(make_env(), _scenario(make_scenario, "v3.9"))
    cluster.change(come=1, go=1)
    assert cluster.calls_until(30) == ["DescribeTargetHealth", "DescribeVpcs", "RegisterTargets", "DeregisterTargets"]


@pytest.mark.parametrize("version", RELEASES)
def test_no_read_while_every_known_target_is_healthy(make_env, make_scenario, version: str) -> None:
    cluster = Cluster(make_env(), _scenario(make_scenario, version))
    cluster.services[0].come()
    cluster.services[0].register([50])
    cluster.env.run(until=20)
    cluster.change()
    assert cluster.calls_until(40) == COLD
    cluster.change(go=1)
    assert cluster.calls_until(60) == ["DeregisterTargets"]


def test_a_full_read_after_five_minutes_and_the_network_after_ten(make_env, make_scenario) -> None:
    cluster = Cluster(make_env(), _scenario(make_scenario, "v2.4.7"))
    cluster.change(go=1)
    cluster.calls_until(299)
    cluster.change(go=1)
    assert cluster.calls_until(320) == ["DescribeTargetHealth", "DeregisterTargets"]
    cluster.change(go=1)
    assert cluster.calls_until(601) == ["DescribeTargetHealth", "DeregisterTargets"]
    cluster.change(go=1)
    # The instances were asked for until 0.2 s, the security group until 0.3 s.
    assert cluster.calls_until(700) == [*COLD, "DeregisterTargets"]


@pytest.mark.parametrize("version", ["v2.4.7", "v3.2"])
def test_chunks_of_200(make_env, make_scenario, version: str) -> None:
    cluster = Cluster(make_env(), _scenario(make_scenario, version))
    cluster.change(come=450)
    assert Counter(cluster.calls_until(30))["RegisterTargets"] == 3
    cluster.change(come=401, go=401)
    actions = cluster.calls_until(60)
    assert Counter(actions)["DeregisterTargets"] == 3
    assert actions.index("RegisterTargets") == len(actions) - 3, "all chunks are deregistered first"


@pytest.mark.parametrize(("version", "reads_again"), [("v2.9.0", True), ("v2.9.1", False), ("v3.2", False)])
def test_an_unchanged_hash_is_passed_over(make_env, make_scenario, version: str, *, reads_again: bool) -> None:
    cluster = Cluster(make_env(), _scenario(make_scenario, version))
    cluster.change()
    assert bool(cluster.calls_until(10)) == reads_again
    cluster.change(go=1)
    assert "DeregisterTargets" in cluster.calls_until(20)
    cluster.change()
    assert bool(cluster.calls_until(30)) == reads_again
    assert len(cluster.trace.of(Reconciled)) == 3


def test_without_a_pod_in_any_binding_there_is_no_security_group_to_see_to(make_env, make_scenario) -> None:
    cluster = Cluster(make_env(), _scenario(make_scenario, "v2.9.1"))
    cluster.change(go=50)
    assert cluster.calls_until(10) == ["DescribeTargetHealth", "DeregisterTargets"]


@pytest.mark.parametrize(("version", "delay_s"), [("v2.9.0", 0.005), ("v2.9.1", 0.0)])
def test_a_binding_whose_checkpoint_was_reset_comes_back_at_once_after_a_failure(
    make_env, make_scenario, version: str, delay_s: float
) -> None:
    """The watch tells of the reset while the reconcile is at work."""
    cluster = Cluster(make_env(), _throttled(make_scenario, version, "elbv2_register"))
    cluster.change(go=1)
    cluster.calls_until(5)
    cluster.change(go=1)
    cluster.env.run(until=10)
    assert _delays_s(cluster, 0)[1] == pytest.approx(delay_s)


def _throttled(make_scenario, version: str, bucket: str, **overrides: object) -> Scenario:
    buckets = dict.fromkeys(BUCKETS, PLENTY) | {bucket: {"capacity": 1, "refill_per_s": 1e-6}}
    return _scenario(make_scenario, version, aws_api__buckets=buckets, controller__aws_max_retries=1, **overrides)


@pytest.mark.parametrize(("version", "goes_on"), [("v2.6.1", False), ("v2.6.2", True), ("v2.9.1", True)])
def test_what_a_network_error_stops(make_env, make_scenario, version: str, *, goes_on: bool) -> None:
    """Two new Services need the one token of DescribeInstances: the second one's fails."""
    cluster = Cluster(make_env(), _throttled(make_scenario, version, "ec2"), n_services=2)
    cluster.change(go=1)
    cluster.calls_until(5)
    cluster.change(go=1, service=1)
    actions = cluster.calls_until(30)
    assert ("DeregisterTargets" in actions) == goes_on
    failed = [r for r in cluster.trace.of(Reconciled) if r.error == "ec2:DescribeInstances"]
    assert bool(failed) != goes_on
    assert len([r for r in cluster.trace.of(Reconciled) if r.ingress == 1]) > 1, "it is tried again"


@pytest.mark.parametrize(("version", "attempts"), [("v2.0", 11), ("v2.8.3", 11), ("v2.9.0", 10), ("v3.2", 10)])
def test_attempts_of_a_call(make_env, make_scenario, version: str, attempts: int) -> None:
    scenario = _throttled(make_scenario, version, "elbv2_describe").with_overrides({"controller.aws_max_retries": 10})
    cluster = Cluster(make_env(), scenario, n_services=2)
    cluster.change(go=1)
    cluster.calls_until(5)
    cluster.change(go=1, service=1)
    cluster.env.run(until=4000)
    second = [a for a in cluster.trace.of(ApiAttempt) if a.reconcile == 1]
    assert [a.attempt for a in second] == list(range(attempts))


def test_from_v2_9_no_retries_means_no_end(make_env, make_scenario) -> None:
    scenario = _throttled(make_scenario, "v2.9", "elbv2_register").with_overrides({"controller.aws_max_retries": 0})
    cluster = Cluster(make_env(), scenario)
    cluster.change(go=1)
    cluster.calls_until(5)
    cluster.change(go=1)
    assert len(cluster.calls_until(2000)) > 50
    assert len(cluster.trace.of(Reconciled)) == 1


def _delays_s(cluster: Cluster, ingress: int) -> list[float]:
    """Return the times from the end of a failed reconcile of the ingress to the begin of its next."""
    mine = [r for r in cluster.trace.of(Reconciled) if r.ingress == ingress]
    return [after.time_s - before.end_s for before, after in pairwise(mine)]


@pytest.mark.parametrize(("version", "pause_s"), [("v2.2.1", 1.0), ("v2.3.0", 0.0)])
def test_backoff_and_the_worker_s_pause(make_env, make_scenario, version: str, pause_s: float) -> None:
    scenario = _throttled(make_scenario, version, "elbv2_register", controller__max_concurrent_reconciles=1)
    cluster = Cluster(make_env(), scenario.with_overrides({"controller.aws_max_retries": 0}))
    cluster.change(go=1)
    cluster.calls_until(5)
    cluster.change(go=1)
    cluster.env.run(until=400)
    expected_s = [max(pause_s, 0.005 * 2**k) for k in range(15)]
    assert _delays_s(cluster, 0)[1:16] == pytest.approx(expected_s)


@pytest.mark.parametrize(("version", "waits"), [("v2.2.0", True), ("v2.2.1", False)])
def test_the_shared_requeue_bucket(make_env, make_scenario, version: str, *, waits: bool) -> None:
    """130 TGBs fail at once: of 10 a second with a burst of 100 the last waits 3 s more."""
    overrides = {"controller__max_concurrent_reconciles": 130, "controller__aws_max_retries": 0}
    buckets = dict.fromkeys(BUCKETS, PLENTY) | {"elbv2_describe": {"capacity": 1, "refill_per_s": 1e-6}}
    scenario = _scenario(make_scenario, version, aws_api__buckets=buckets, aws_api__latency_s=0, **overrides)
    cluster = Cluster(make_env(), scenario, n_services=131)
    for service in range(131):
        cluster.change(go=1, service=service)
    cluster.env.run(until=60)
    second_s = [delays[0] for service in range(131) if (delays := _delays_s(cluster, service))]
    assert (max(second_s) > 2.9) == waits


@pytest.mark.parametrize("version", ["v2.4.7", "v3.2"])
def test_the_lock_around_the_targets_serialises_the_workers(make_env, make_scenario, version: str) -> None:
    """Three Services at once, three workers: one DescribeTargetHealth at a time, 10 s each."""
    cluster = Cluster(make_env(), _scenario(make_scenario, version, aws_api__latency_s=10), n_services=3)
    for service in range(3):
        cluster.change(go=1, service=service)
    cluster.env.run(until=100)
    read_s = [a.time_s for a in cluster.trace.of(ApiAttempt) if a.action.endswith("DescribeTargetHealth")]
    assert read_s == [0, 10, 20]
    assert [r.time_s for r in cluster.trace.of(Reconciled)] == [0, 0, 0]
    instances_s = [a.time_s for a in cluster.trace.of(ApiAttempt) if a.action.endswith("DescribeInstances")]
    assert instances_s == [10, 20, 30], "the rest is not serialised"


def test_the_lock_is_held_across_retries(make_env, make_scenario) -> None:
    scenario = _throttled(make_scenario, "v2.13", "elbv2_describe").with_overrides({"controller.aws_max_retries": 4})
    cluster = Cluster(make_env(), scenario, n_services=3)
    for service in range(3):
        cluster.change(go=1, service=service)
    cluster.env.run(until=15)
    reads = [a for a in cluster.trace.of(ApiAttempt) if a.action.endswith("DescribeTargetHealth")]
    spans = [(a.time_s, a.time_s + a.latency_s + a.backoff_s, a.reconcile) for a in reads]
    assert {a.throttled for a in reads} == {False, True}
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    order = [span[2] for span in spans]
    assert order == sorted(order), "one reconcile's retries are over before the next one's read"


def _burst(make_env, make_scenario, version: str, n_services: int, **overrides: object) -> list[float]:
    """Return when the DeregisterTargets of so many Services go out, all changed at once, calls taking no time."""
    scenario = _scenario(
        make_scenario,
        version,
        aws_api__latency_s=0,
        controller__max_concurrent_reconciles=n_services,
        **overrides,
    )
    cluster = Cluster(make_env(), scenario, n_services=n_services)
    for service in range(n_services):
        cluster.change(go=1, service=service)
    cluster.env.run(until=100)
    return [a.time_s for a in cluster.trace.of(ApiAttempt) if a.action.endswith("DeregisterTargets")]


def _last_of(n: int, rate_per_s: float, burst: int) -> float:
    return max(0.0, (n - burst) / rate_per_s)


def test_the_limits_of_each_version(make_env, make_scenario) -> None:
    """50 reads and 50 deregistrations: none; 4:20 and 10:40 for both; 4:20 and 50:200 apart."""
    assert max(_burst(make_env, make_scenario, "v2.4.3", 50)) == 0
    # 10:40 lets the last of the 100 pass no earlier than 6 s, 4:20 the last of 50 no earlier than 7.5 s.
    slowed_s = _burst(make_env, make_scenario, "v2.4.4", 50)
    assert max(slowed_s) >= max(_last_of(100, 10, 40), _last_of(50, 4, 20))
    assert max(_burst(make_env, make_scenario, "v3.2.0", 50)) == pytest.approx(_last_of(50, 4, 20))


def test_a_rule_replaces_its_service_s_defaults(make_env, make_scenario) -> None:
    flag = {"controller__aws_api_throttle": "Elastic Load Balancing v2:DeregisterTargets=2:10"}
    assert max(_burst(make_env, make_scenario, "v2.4.4", 50, **flag)) == pytest.approx(_last_of(50, 2, 10))


@pytest.mark.parametrize(("version", "per_attempt"), [("v2.8.3", True), ("v2.9.0", False)])
def test_a_token_for_each_attempt_or_for_the_call(make_env, make_scenario, version: str, *, per_attempt: bool) -> None:
    """At one call in 100 s the retries wait for tokens where each attempt needs one."""
    scenario = _throttled(
        make_scenario,
        version,
        "elbv2_register",
        controller__aws_api_throttle="Elastic Load Balancing v2:DeregisterTargets=0.01:2",
    ).with_overrides({"controller.aws_max_retries": 4})
    cluster = Cluster(make_env(), scenario)
    cluster.change(go=1)
    cluster.calls_until(5)
    cluster.change(go=1)
    cluster.env.run(until=1000)
    attempts = [a for a in cluster.trace.of(ApiAttempt) if a.action.endswith("DeregisterTargets") and a.reconcile == 1]
    waits_s = [
        after.time_s - (before.time_s + before.latency_s + before.backoff_s) for before, after in pairwise(attempts)
    ]
    assert len(attempts) >= 4
    assert (min(waits_s) > 50) == per_attempt
    assert (max(waits_s) < 1e-9) != per_attempt


def test_only_the_binding_of_the_changed_service_is_reconciled(make_env, make_scenario) -> None:
    cluster = Cluster(make_env(), _scenario(make_scenario, "v2.4"), n_services=5)
    cluster.change(go=1, service=3)
    cluster.env.run(until=10)
    assert [r.ingress for r in cluster.trace.of(Reconciled)] == [3]


@pytest.mark.parametrize("version", RELEASES)
def test_a_rollout_deregisters_every_old_pod(make_scenario, version: str) -> None:
    scenario = _scenario(make_scenario, version, deployment__replicas=20, controller__target_groups=3)
    trace = run_control_plane(scenario, Streams(1, 0))
    assert sorted(r.pod for r in trace.of(TargetDeregistered)) == list(range(20))
    assert {r.ingress for r in trace.of(Reconciled)} == {0}
    removed_s = {r.pod: r.time_s for r in trace.of(EndpointRemoved)}
    lags_s = [r.time_s - removed_s[r.pod] for r in trace.of(TargetDeregistered)]
    # It waits for the reconcile before it (at most 6 calls of 0.1 s), then for its own calls up to its own.
    assert max(lags_s) <= 0.1 * (6 + 4) + 1e-9


@pytest.mark.parametrize("ours", ["v1.1.4", "v3.2"])
def test_without_a_controller_of_its_own_a_cluster_has_ours(make_scenario, ours: str) -> None:
    other = {"ingresses": 3, "churn_per_s": 0.5}
    traces = [
        run_control_plane(
            make_scenario(controller__version=ours, aws_api__other_clusters=[other | {"controller": theirs}]),
            Streams(1, 0),
        )
        for theirs in (None, {"version": ours})
    ]
    nulls, named = ([(a.time_s, a.cluster, a.action) for a in trace.of(ApiAttempt)] for trace in traces)
    assert nulls == named
    assert {cluster for _, cluster, _ in nulls} == {0, 1}


@pytest.mark.parametrize("versions", [("v1.1.4", "v3.2"), ("v3.2", "v1.1.4")])
def test_clusters_of_any_mix_of_versions_share_the_account(make_scenario, versions: Iterable[str]) -> None:
    ours, theirs = versions
    other = {"ingresses": 3, "churn_per_s": 0.5, "controller": {"version": theirs}}
    trace = run_control_plane(make_scenario(controller__version=ours, aws_api__other_clusters=[other]), Streams(1, 0))
    actions = {cluster: {a.action for a in trace.of(ApiAttempt) if a.cluster == cluster} for cluster in (0, 1)}
    waf = "waf-regional:GetWebACLForResource"
    assert (waf in actions[0]) == (ours == "v1.1.4")
    assert (waf in actions[1]) == (theirs == "v1.1.4")
    assert "ec2:DescribeInstances" in actions[0 if theirs == "v1.1.4" else 1]

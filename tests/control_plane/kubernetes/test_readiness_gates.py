"""Oracle: the polling of each version (docs/facts/controller.md §3 and §4) by hand arithmetic, on calls of 0.1 s."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.control_plane.aws.aws_api import AwsApi
from sim.control_plane.aws.aws_client import AwsClient
from sim.control_plane.aws.target_group import TargetHealth
from sim.control_plane.controllers.gate_poller_v1 import GatePoller
from sim.control_plane.kubernetes.pod import Pod
from sim.control_plane.kubernetes.readiness_gates import ReadinessGates
from sim.control_plane.simulation import Simulation
from sim.control_plane.trace import (
    PodDeleted,
    PodReady,
    ReadinessGateOpened,
    Record,
    RolloutComplete,
    TargetDeregistered,
    TargetHealthy,
    TargetRegistered,
    Trace,
)
from sim.control_plane.trace.calls import NO_RECONCILE, ApiAttempt, Reconciled
from sim.control_plane.world import run_control_plane
from sim.scenario.actions import Action
from sim.scenario.problems import ScenarioError
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    import simpy

    from sim.control_plane.kubernetes.endpoints import Endpoints
    from sim.scenario.specs import Scenario

PLENTY = {"capacity": 1e6, "refill_per_s": 1e6}
NAMES = ("elbv2_describe", "elbv2_register", "elbv2_account", "waf_regional", "wafv2", "ec2", "tagging")
GATED = ["v1.1.7", "v1.1.9", "v2.0", "v2.2.1", "v2.6.2", "v2.9.0", "v2.9.1", "v3.2", "v3.4"]


def _scenario(make_scenario, version: str, **overrides: object) -> Scenario:
    """Return one pod that another replaces, its target checked at one node every 15 s; no throttling, no resync."""
    return make_scenario(
        **{
            "controller__version": version,
            "controller__sync_period_s": 0,
            "pod__readiness_gate": True,
            "pod__startup_s": 5,
            "deployment__replicas": 1,
            "deployment__max_surge": 1,
            "deployment__max_unavailable": 0,
            "endpoints__propagation_s": 0,
            "target_group__alb_nodes": 1,
            "aws_api__latency_s": 0.1,
            "aws_api__buckets": dict.fromkeys(NAMES, PLENTY),
        }
        | overrides
    )


def _times(trace: Trace, kind: type[Record]) -> dict[int, float]:
    return {record.pod: record.time_s for record in trace.of(kind)}


def _registered_and_opened_s(scenario: Scenario) -> tuple[float, float]:
    trace = run_control_plane(scenario, Streams(1, 0))
    (registered,) = trace.of(TargetRegistered)
    (opened,) = trace.of(ReadinessGateOpened)
    return registered.time_s, opened.time_s


# The pod has its address at 2 s; the first reconcile, cold, takes three calls; the one that registers another three;
# the one that opens the gate reads once, 15 s after that, which is after the first check whatever its phase.
COLD_S, REGISTERS_S, READS_S = 0.3, 0.3, 0.1
VPC_S = 0.1
"""Of REGISTERS_S, the read of the VPC, which is new in v2.3.1."""


@pytest.mark.parametrize("version", ["v2.9.1", "v2.13.4", "v3.2"])
@pytest.mark.parametrize("startup_s", [5, 60, 400])
def test_from_v2_9_1_every_15_s(make_scenario, version: str, startup_s: float) -> None:
    """Each reconcile with nothing to do takes no time, and no call: all known targets are healthy.

    After 5 minutes it reads them all anew, after 10 the old pod's instance and the security group too.
    """
    asked_s = 2 + COLD_S + 15
    full_reads_at = 300 + 2 + 0.1
    while asked_s < startup_s:
        asked_s += 15 + (0.1 if asked_s - 15 < full_reads_at <= asked_s else 0)
    registered_s, opened_s = _registered_and_opened_s(_scenario(make_scenario, version, pod__startup_s=startup_s))
    assert registered_s == pytest.approx(asked_s + REGISTERS_S, abs=0.11)
    assert opened_s == pytest.approx(registered_s + 15 + READS_S)


@pytest.mark.parametrize("startup_s", [5, 60, 400])
def test_from_v3_4_on_the_pod_is_registered_when_its_containers_are_ready(make_scenario, startup_s: float) -> None:
    """The pod's event registers it, cold. Condition and checkpoint, both written then, have it read again at once.

    The second reading is `initial`; 15 s later the target is healthy.
    """
    registered_s, opened_s = _registered_and_opened_s(_scenario(make_scenario, "v3.4", pod__startup_s=startup_s))
    assert registered_s == pytest.approx(startup_s + COLD_S + VPC_S + 0.1)
    assert opened_s == pytest.approx(registered_s + READS_S + 15 + READS_S)


@pytest.mark.parametrize(("version", "polls_again_s"), [("v3.1", 15.0), ("v3.2", 15.1)])
def test_a_pod_that_is_there_at_once_is_polled_from_its_last_look_with_the_priority_queue(
    make_scenario, version: str, polls_again_s: float
) -> None:
    """A pod that is ready as its address is seen is registered by the first reconcile, and then read at once."""
    scenario = _scenario(make_scenario, version, pod__startup_s=0)
    registered_s, opened_s = _registered_and_opened_s(scenario)
    assert opened_s == pytest.approx(registered_s + polls_again_s + READS_S)


@pytest.mark.parametrize("version", ["v1.1.6", "v1.1.9", "v2.6.2", "v3.1", "v3.2", "v3.4"])
@pytest.mark.parametrize("startup_s", [0, 1, 2])
def test_the_first_status_tells_of_address_and_readiness_in_one(make_scenario, version: str, startup_s: float) -> None:
    """The Endpoints change once, one propagation later, and the first reconcile that this begins registers the pod."""
    scenario = _scenario(make_scenario, version, pod__startup_s=startup_s, endpoints__propagation_s=0.5)
    trace = run_control_plane(scenario, Streams(1, 0))
    (registered,) = trace.of(TargetRegistered)
    first = min(trace.of(Reconciled), key=lambda reconciled: (reconciled.time_s < startup_s, reconciled.time_s))
    assert first.time_s == pytest.approx(startup_s + 0.5)
    assert first.time_s < registered.time_s <= first.end_s


@pytest.mark.parametrize("version", ["v2.2.1", "v2.6.2", "v2.9.0"])
@pytest.mark.parametrize(("startup_s", "k"), [(5, 10), (60, 14), (400, 17)])
def test_until_v2_9_0_a_starting_pod_is_looked_for_less_and_less_often(
    make_scenario, version: str, startup_s: float, k: int
) -> None:
    """Looked for at 2.3 s + 5 ms (2^k - 1): the pod that is ready at 400 s is registered at 658 s (LBC issue 3622)."""
    assert 2 + COLD_S + 0.005 * (2 ** (k - 1) - 1) < startup_s < 2 + COLD_S + 0.005 * (2**k - 1)
    registered_s, opened_s = _registered_and_opened_s(_scenario(make_scenario, version, pod__startup_s=startup_s))
    # 0.1 s more for the read at 330 s, and at 658 s for the read and the security group, where nothing is known still.
    later_s = 0.3 if startup_s == 400 else 0.0
    registers_s = REGISTERS_S - (VPC_S if version == "v2.2.1" else 0)
    assert registered_s == pytest.approx(2 + COLD_S + 0.005 * (2**k - 1) + registers_s + later_s)
    assert opened_s == pytest.approx(registered_s + 15 + READS_S)


def test_before_v2_2_1_the_worker_s_bucket_and_pause_hardly_matter(make_scenario) -> None:
    registered_s, _ = _registered_and_opened_s(_scenario(make_scenario, "v2.0"))
    assert registered_s == pytest.approx(2 + COLD_S + 0.005 * 1023 + REGISTERS_S - VPC_S, abs=0.02)


@pytest.mark.parametrize("version", ["v1.1.7", "v1.1.8", "v1.1.9"])
@given(seed=st.integers(0, 20))
@settings(max_examples=5)
def test_v1_registers_at_once_and_polls_every_interval(make_scenario, version: str, seed: int) -> None:
    trace = run_control_plane(_scenario(make_scenario, version), Streams(seed, 0))
    (ready,), (registered,), (opened,) = (trace.of(kind) for kind in (PodReady, TargetRegistered, ReadinessGateOpened))
    # DescribeSubnets … DescribeTargetHealth: 12 calls at most, and RegisterTargets.
    assert ready.time_s < registered.time_s <= ready.time_s + 13 * 0.1
    polls_s = [a.time_s for a in trace.of(ApiAttempt) if a.reconcile == NO_RECONCILE]
    # The interval runs from the reconcile's handing over, which is just before RegisterTargets.
    handed_s = registered.time_s - 0.1
    assert polls_s == pytest.approx([handed_s + 15 + k * 15.1 for k in range(len(polls_s))])
    healthy_s = _times(trace, TargetHealthy)[1]
    assert opened.time_s == pytest.approx(next(poll_s + 0.1 for poll_s in polls_s if poll_s + 0.1 >= healthy_s))


def test_v1_1_6_is_not_told_that_containers_are_ready(make_scenario) -> None:
    """No event comes between the pod's address and its readiness, for which it waits."""
    with pytest.raises(ScenarioError, match="over within a day"):
        run_control_plane(_scenario(make_scenario, "v1.1.6"), Streams(1, 0))


def test_with_fixed_lags_the_gate_opens_when_the_target_is_healthy(make_scenario) -> None:
    scenario = _scenario(
        make_scenario, "fixed_lag", controller__registration_lag_s=3, controller__deregistration_lag_s=1
    )
    trace = run_control_plane(scenario, Streams(1, 0))
    assert _times(trace, TargetRegistered)[1] == 8
    assert _times(trace, ReadinessGateOpened)[1] == pytest.approx(_times(trace, TargetHealthy)[1])
    assert trace.of(PodDeleted)[0].time_s == pytest.approx(_times(trace, ReadinessGateOpened)[1] + 0.1)


@pytest.mark.parametrize("version", GATED)
@given(replicas=st.integers(1, 8), surge=st.integers(0, 4), unavailable=st.integers(0, 4), seed=st.integers(0, 3))
@settings(max_examples=12)
def test_an_old_pod_goes_only_after_a_new_target_is_healthy(
    make_scenario, version: str, replicas: int, surge: int, unavailable: int, seed: int
) -> None:
    """At every moment as many targets are healthy at every node as may not be unavailable."""
    scenario = _scenario(
        make_scenario,
        version,
        deployment__replicas=replicas,
        deployment__max_surge=surge,
        deployment__max_unavailable=unavailable,
        target_group__alb_nodes=2,
    )
    trace = run_control_plane(scenario, Streams(seed, 0))
    healthy_s = {pod: max(r.time_s for r in trace.of(TargetHealthy) if r.pod == pod) for pod in _new(trace)}
    opened_s = _times(trace, ReadinessGateOpened)
    assert set(opened_s) == set(healthy_s) == set(range(replicas, 2 * replicas))
    assert all(opened_s[pod] >= healthy_s[pod] for pod in opened_s)
    least = replicas - scenario.deployment.unavailable
    deleted_s = sorted(record.time_s for record in trace.of(PodDeleted))
    for gone, time_s in enumerate(deleted_s, start=1):
        assert replicas - gone + sum(at_s <= time_s for at_s in healthy_s.values()) >= least
    assert len(trace.of(TargetDeregistered)) == replicas


def _new(trace: Trace) -> Iterable[int]:
    return {record.pod for record in trace.of(TargetRegistered)}


def test_without_the_gate_the_deployment_does_not_wait_for_the_target(make_scenario) -> None:
    took_s, healthy = [], []
    for gate in (True, False):
        trace = run_control_plane(_scenario(make_scenario, "v3.2", pod__readiness_gate=gate), Streams(1, 0))
        took_s.append(trace.of(RolloutComplete)[0].time_s)
        healthy.append(trace.of(TargetHealthy)[0].time_s <= trace.of(PodDeleted)[0].time_s)
    assert healthy == [True, False]
    assert took_s[0] > took_s[1] + 15


@pytest.mark.parametrize("version", [f"v1.1.{patch}" for patch in range(6)])
def test_a_version_without_gates_is_refused(make_scenario, version: str) -> None:
    with pytest.raises(ScenarioError, match=r"controller\.version: expected a version with readiness gates, v1\.1\.6"):
        _scenario(make_scenario, version)


class Target:
    """One target group with one gate, for the poller alone."""

    def __init__(self) -> None:
        self.poll_interval_s = 15.0
        self.opened: set[str] = set()
        self.state = "initial"

    def health(self, _of: set[str]) -> TargetHealth[str]:
        states: dict[str, set[str]] = {name: set() for name in ("initial", "healthy", "unhealthy", "draining")}
        return TargetHealth(**states | {self.state: {"a"}})

    def open(self, targets: Iterable[str]) -> None:
        self.opened |= set(targets)


def _poller(env: simpy.Environment, scenario: Scenario) -> tuple[GatePoller, Target, Trace]:
    simulation, target = Simulation(env, Streams(1, 0), Trace()), Target()
    api = AwsApi(simulation, scenario.aws_api)
    client = AwsClient(simulation, api, scenario.aws_api, cluster=0, policy="published", max_retries=7)
    return GatePoller(env, client, target, target), target, simulation.trace


def test_each_reconcile_starts_the_interval_anew(make_env, make_scenario) -> None:
    env = make_env()
    poller, target, trace = _poller(env, _scenario(make_scenario, "v1.1.9"))
    target.state = "healthy"

    def reconcile_every_10_s() -> Generator[simpy.Event]:
        for _ in range(10):
            yield from poller.watch({"a"})
            yield env.timeout(10)

    env.process(reconcile_every_10_s())
    env.run(until=200)
    assert [a.time_s for a in trace.of(ApiAttempt)] == [90 + 15]
    assert target.opened == {"a"}


def test_a_reconcile_waits_for_a_throttled_poll(make_env, make_scenario) -> None:
    """The poll at 15 s is throttled and retried after 1 and 1 s (the published schedule), then passes."""
    env = make_env()
    bucket = {"capacity": 1, "refill_per_s": 1 / 16.5}
    scenario = _scenario(make_scenario, "v1.1.9", aws_api__buckets={"elbv2_describe": bucket})
    poller, _, trace = _poller(env, scenario)
    taken_s: list[float] = []

    def reconcile() -> Generator[simpy.Event]:
        yield from poller._client.call(Action.DESCRIBE_TARGET_HEALTH, 0)
        yield from poller.watch({"a"})
        yield env.timeout(15.05)
        yield from poller.watch({"a"})
        taken_s.append(env.now)

    env.process(reconcile())
    env.run(until=30)
    polls = [a for a in trace.of(ApiAttempt) if a.reconcile == NO_RECONCILE]
    assert [a.throttled for a in polls] == [True, True, False]
    assert taken_s == pytest.approx([polls[-1].time_s + 0.1])


def test_a_gate_that_a_poll_opened_while_a_reconcile_waited_is_open_already(make_env, make_scenario) -> None:
    """The reconcile takes over the target as it knew it, and the next poll finds it healthy once more."""
    env = make_env()
    pod = Pod(0, env, 0, is_new=True)
    gates = ReadinessGates(cast("Endpoints", None), 15.0)
    poller, target, _ = _poller(env, _scenario(make_scenario, "v1.1.9"))
    target.state = "healthy"
    target.health = lambda of: TargetHealth(initial=set(), healthy=set(of), unhealthy=set(), draining={})
    poller._gates = gates
    opened_s: list[float] = []

    def reconcile() -> Generator[simpy.Event]:
        yield from poller.watch({pod})
        yield env.timeout(15.05)
        yield from poller.watch({pod})
        opened_s.append((yield pod.gate_opened) or env.now)

    env.process(reconcile())
    env.run(until=60)
    assert opened_s == pytest.approx([15.1])


def test_without_closed_gates_the_goroutine_ends(make_env, make_scenario) -> None:
    env = make_env()
    poller, _, trace = _poller(env, _scenario(make_scenario, "v1.1.9"))

    def reconcile() -> Generator[simpy.Event]:
        yield from poller.watch({"a"})
        yield env.timeout(40)
        yield from poller.watch(set())

    env.process(reconcile())
    env.run(until=200)
    assert [a.time_s for a in trace.of(ApiAttempt)] == pytest.approx([15, 30.1])

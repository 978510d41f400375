"""Oracle: what a process leaves behind when it ends, docs/facts/controller.md §3 and §4, and arithmetic by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sim.control_plane.controllers.leader import Leader
from sim.control_plane.simulation import Simulation
from sim.control_plane.trace import PodDeleted, TargetDeregistered, Trace
from sim.control_plane.trace.calls import NO_RECONCILE, ApiAttempt, ControllerRestarted, Reconciled
from sim.control_plane.world import run_control_plane
from sim.scenario.distributions import Constant
from sim.scenario.specs import ControllerSpec
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.scenario.specs import Scenario

PLENTY = {"capacity": 1e6, "refill_per_s": 1e6}
NAMES = ("elbv2_describe", "elbv2_register", "elbv2_account", "waf_regional", "wafv2", "ec2", "tagging")


def _run(scenario: Scenario, replication: int = 0) -> Trace:
    return run_control_plane(scenario, Streams(scenario.seed, replication))


def _quiet(make_scenario, version: str, **overrides: object) -> Scenario:
    """Return a scenario in an account without limits, each call taking 0.1 s and no resync; a pod starts in 30 s."""
    return make_scenario(
        **{
            "controller__version": version,
            "controller__sync_period_s": 0,
            "endpoints__propagation_s": 0.5,
            "aws_api__latency_s": 0.1,
            "aws_api__buckets": dict.fromkeys(NAMES, PLENTY),
            "pod__startup_s": 30,
        }
        | overrides
    )


def _attempts(trace: Trace) -> list[tuple[float, str]]:
    return [(attempt.time_s, attempt.action.split(":")[1]) for attempt in trace.of(ApiAttempt)]


@pytest.mark.parametrize("version", ["v1.1.4", "v1.1.9", "v2.4", "v3.2"])
def test_nobody_calls_between_two_processes_and_the_successor_deregisters_what_went_meanwhile(
    make_scenario, version: str
) -> None:
    """The first pod is deleted at 0 s; its reconcile begins at 0.5 s and is cut off at 0.65 s."""
    scenario = _quiet(
        make_scenario, version, controller__restart_at_s=0.65, controller__restart_takes_s=20, deployment__replicas=2
    ).with_overrides({"deployment.max_unavailable": 1, "deployment.max_surge": 0})
    trace = _run(scenario)
    assert trace.of(ControllerRestarted) == [ControllerRestarted(0.65, 20.65, 0)]
    first_deleted_s = min(deleted.time_s for deleted in trace.of(PodDeleted))
    assert first_deleted_s < 0.5
    times_s = [time_s for time_s, _ in _attempts(trace)]
    assert any(0.5 <= time_s < 0.65 for time_s in times_s)
    assert not any(0.65 <= time_s < 20.6 for time_s in times_s)
    first, *_ = trace.of(TargetDeregistered)
    assert 20.6 < first.time_s < 23
    assert first.pod == min(trace.of(PodDeleted), key=lambda deleted: deleted.time_s).pod
    of_reconciles = [attempt for attempt in trace.of(ApiAttempt) if attempt.reconcile != NO_RECONCILE]
    numbers = [attempt.reconcile for attempt in of_reconciles]
    assert numbers == sorted(numbers)
    assert next(attempt.reconcile for attempt in of_reconciles if attempt.time_s > 1) == 1


class _Process:
    """A leading process that notes what it is told."""

    sync_period_s = 0

    def __init__(self) -> None:
        self.told: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., list[Any]]:
        return lambda *_: self.told.append(name) or []


EVENTS: dict[str, int] = {
    "on_endpoints_change": 2,
    "on_containers_ready": 2,
    "on_instance_change": 2,
    "on_endpoints_behind_instances": 2,
    "on_ingress_change": 1,
    "on_cordon": 0,
}


@pytest.mark.parametrize("event", EVENTS)
def test_a_process_is_told_what_happens_as_long_as_it_leads(make_env, event: str) -> None:
    env, process = make_env(), _Process()
    simulation = Simulation(env, Streams(1, 0), Trace())
    spec = ControllerSpec(restart_at_s=10, restart_takes_s=Constant(value=5), sync_period_s=0)
    leader = Leader(simulation, spec, lambda _: process, cluster=0)
    for until_s in (9, 12, 16):
        env.run(until=until_s)
        getattr(leader, event)(*[None] * EVENTS[event])
    assert process.told.count(event) == 2


def test_a_node_s_events_come_at_their_rate(make_env) -> None:
    """2 a second for 500 s, within four standard deviations."""
    env, process = make_env(), _Process()
    spec = ControllerSpec(node_events_per_s=2, sync_period_s=0)
    Leader(Simulation(env, Streams(1, 0), Trace()), spec, lambda _: process, cluster=0)
    env.run(until=500)
    assert abs(process.told.count("on_node_event") - 1000) < 4 * 1000**0.5


@pytest.mark.parametrize(("sent_before_s", "is_done"), [(0.05, True), (-0.05, False)])
def test_what_was_under_way_takes_effect_and_what_was_not_sent_does_not(
    make_scenario,
    sent_before_s: float,
    is_done: bool,  # noqa: FBT001 - pytest names it
) -> None:
    undisturbed = _quiet(make_scenario, "v2.4", deployment__max_unavailable=1, deployment__max_surge=0)
    sent_s = next(time_s for time_s, action in _attempts(_run(undisturbed)) if action == "DeregisterTargets")
    trace = _run(undisturbed.with_overrides({"controller.restart_at_s": sent_s + sent_before_s}))
    first = trace.of(TargetDeregistered)[0]
    assert (first.time_s == pytest.approx(sent_s + 0.1)) is is_done
    assert len({record.pod for record in trace.of(TargetDeregistered)}) == len(trace.of(TargetDeregistered)) == 4


def test_a_throttled_attempt_under_way_changes_nothing(make_scenario) -> None:
    scenario = _quiet(make_scenario, "v2.4", deployment__max_unavailable=1, deployment__max_surge=0)
    scenario = scenario.with_overrides({"aws_api.buckets.elbv2_register": {"capacity": 1, "refill_per_s": 0.05}})
    undisturbed = [a for a in _run(scenario).of(ApiAttempt) if a.action.endswith(":DeregisterTargets")]
    sent_s = next(attempt.time_s for attempt in undisturbed if attempt.throttled)
    trace = _run(scenario.with_overrides({"controller.restart_at_s": sent_s + 0.05}))
    assert [a.time_s for a in trace.of(ApiAttempt) if a.throttled and a.time_s < sent_s + 1] == [sent_s]
    assert not [record for record in trace.of(TargetDeregistered) if sent_s < record.time_s < sent_s + 13]
    assert len(trace.of(TargetDeregistered)) == 4


def test_the_successor_starts_with_cold_caches_and_a_full_limiter(make_scenario) -> None:
    """v1.1.9 remembers for ten minutes that there is no web ACL; a new process asks again, for each ingress."""
    scenario = _quiet(make_scenario, "v1.1.9", controller__ingresses=5, deployment__replicas=8)
    asked = [attempt for attempt in _attempts(_run(scenario)) if attempt[1] == "GetWebACLForResource"]
    assert len(asked) == 2
    again = _run(scenario.with_overrides({"controller.restart_at_s": 20, "controller.restart_takes_s": 1}))
    asked = [attempt for attempt in _attempts(again) if attempt[1] == "GetWebACLForResource"]
    assert len([time_s for time_s, _ in asked if time_s < 20]) == 2
    assert len([time_s for time_s, _ in asked if time_s > 20]) == 2 * 5


def test_the_successor_reconciles_every_ingress_in_an_order_by_chance(make_scenario) -> None:
    scenario = _quiet(
        make_scenario, "v1.1.9", controller__ingresses=8, controller__restart_at_s=10, controller__restart_takes_s=5
    )
    orders = set()
    for replication in range(6):
        reconciled = [r.ingress for r in _run(scenario, replication).of(Reconciled) if r.time_s >= 15]
        assert sorted(reconciled[:8]) == list(range(8))
        orders.add(tuple(reconciled[:8]))
    assert len(orders) == 6


@pytest.mark.parametrize(("version", "touched"), [("v2.8", set(range(6))), ("v2.9.1", {0}), ("v3.2", {0})])
def test_from_v2_9_1_on_a_successor_passes_over_what_has_not_changed(
    make_scenario, version: str, touched: set[int]
) -> None:
    scenario = _quiet(
        make_scenario, version, controller__ingresses=6, controller__restart_at_s=10, controller__restart_takes_s=5
    )
    trace = _run(scenario)
    calls = {attempt.reconcile for attempt in trace.of(ApiAttempt)}
    assert {r.ingress for r in trace.of(Reconciled) if r.time_s >= 15} == set(range(6))
    assert {r.ingress for r in trace.of(Reconciled) if r.time_s >= 15 and r.reconcile in calls} == touched

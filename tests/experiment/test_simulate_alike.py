"""Scenarios simulated with one control plane give to the bit what each gives by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sim.control_plane.trace.calls import ApiAttempt, ControllerRestarted, Reconciled
from sim.experiment.replication import simulate, simulate_alike
from sim.experiment.sharing import control_plane_key
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario
from tests.experiment.test_any_scenario import SCENARIOS

CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "pod.pre_stop_sleep_s": st.sampled_from([0, 2.7, 20, 90]),
        "pod.pre_stop_fails_health_check": st.booleans(),
        "pod.termination_grace_period_s": st.sampled_from([0, 12.5, 60]),
        "pod.on_sigterm": st.sampled_from(["exit", "drain", "ignore"]),
        "pod.serve_after_sigterm_s": st.sampled_from([0, 4.4, 40]),
        "pod.sandbox_teardown_s": st.sampled_from([0, 5]),
        "pod.after_teardown": st.sampled_from(["host_unreachable", "connect_timeout"]),
        "traffic.arrival_rate_rps": st.sampled_from([1, 30]),
        "target_group.routing": st.sampled_from(["round_robin", "random"]),
        "target_group.idle_timeout_s": st.sampled_from([2, 60]),
    },
)
OTHERS = [{"ingresses": 3, "churn_per_s": 0.4, "controller": {"version": "v1.1.9"}}]


@pytest.mark.slow
@settings(max_examples=40)
@given(raw=SCENARIOS, changes=st.lists(CHANGES, min_size=2, max_size=4), loaded=st.booleans())
def test_together_is_as_by_itself(raw: dict[str, Any], changes: list[dict[str, Any]], loaded: bool) -> None:  # noqa: FBT001 - hypothesis names it
    first = Scenario.model_validate(raw)
    if loaded:
        first = first.with_overrides({"aws_api.other_clusters": OTHERS})
    scenarios = [first, *(first.with_overrides(change) for change in changes)]
    alike = [scenario for scenario in scenarios if control_plane_key(scenario) == control_plane_key(first)]
    assume(len(alike) > 1)
    seen = set()
    for place, together in simulate_alike(alike, replication=1, estimator="sampled", whole_account=True):
        alone = simulate(alike[place], replication=1, estimator="sampled")
        for kind in {*together.trace.kinds, *alone.trace.kinds}:
            assert together.trace.of(kind) == alone.trace.of(kind)
        assert np.array_equal(together.figures().row(), alone.figures().row(), equal_nan=True)
        seen.add(place)
    assert seen == set(range(len(alike)))


def test_pods_that_live_longer_see_more_of_what_the_controllers_do(make_scenario) -> None:
    scenarios = [
        make_scenario(
            pod__pre_stop_sleep_s=sleep_s, pod__termination_grace_period_s=1000, aws_api__other_clusters=OTHERS
        )
        for sleep_s in (900, 0, 300)
    ]
    whole = list(simulate_alike(scenarios, replication=0, estimator="expected", whole_account=True))
    assert [place for place, _ in whole] == [1, 2, 0]
    attempts = [len(replication.trace.of(ApiAttempt)) for _, replication in whole]
    assert attempts[0] < attempts[1] < attempts[2]


def test_only_traces_of_the_whole_account_hold_what_other_clusters_did(make_scenario) -> None:
    scenario = make_scenario(controller__restart_at_s=10, aws_api__other_clusters=OTHERS)
    ((_, without),) = simulate_alike([scenario], replication=0, estimator="expected")
    whole = simulate(scenario, estimator="expected")
    of_calls = (ApiAttempt, Reconciled, ControllerRestarted)
    assert {attempt.cluster for attempt in whole.trace.of(ApiAttempt)} == {0, 1}
    for kind in whole.trace.kinds:
        records = whole.trace.of(kind)
        ours = [record for record in records if record.cluster == 0] if kind in of_calls else records
        assert without.trace.of(kind) == ours
    assert np.array_equal(without.figures().row(), whole.figures().row(), equal_nan=True)


def test_those_that_are_over_within_a_day_come_before_the_one_that_is_not(make_scenario) -> None:
    endless = make_scenario(pod__pre_stop_sleep_s=2e5, pod__termination_grace_period_s=2e5)
    together = simulate_alike([endless, make_scenario(pod__pre_stop_sleep_s=5)], replication=0, estimator="expected")
    assert next(together)[0] == 1
    with pytest.raises(ScenarioError, match="over within a day"):
        next(together)


def test_what_a_control_plane_depends_on(make_scenario) -> None:
    scenario = make_scenario(controller__version="v1.1.4")
    for key, value in (
        ("pod.pre_stop_sleep_s", 1.5),
        ("traffic.arrival_rate_rps", 7),
        ("pod.concurrency", 3),
        ("pod.cold_factor", 3),
        ("pod.warm_up_s", 3),
        ("target_group.slow_start_s", 30),
    ):
        assert control_plane_key(scenario.with_overrides({key: value})) == control_plane_key(scenario)
    for key, value in (
        ("seed", 7),
        ("pod.startup_s", 3),
        ("deployment.replicas", 3),
        ("controller.aws_max_retries", 3),
        ("target_group.propagation_s", 3),
        ("target_group.deregistration_delay_s", 3),
    ):
        assert control_plane_key(scenario.with_overrides({key: value})) != control_plane_key(scenario)


def test_the_load_balancer_controller_asks_again_for_targets_that_are_unhealthy(make_scenario) -> None:
    scenario = make_scenario(controller__version="v2.8")
    assert control_plane_key(scenario.with_overrides({"pod.concurrency": 3})) == control_plane_key(scenario)
    assert control_plane_key(scenario.with_overrides({"pod.pre_stop_sleep_s": 3})) != control_plane_key(scenario)


def test_a_drain_of_node_after_node_waits_for_pods_to_be_gone(make_scenario) -> None:
    scenario = make_scenario(
        controller__version="v1.1.4", disruption="node_drain", node_drain={"nodes": 2, "pods_per_node": 2}
    )
    assert control_plane_key(scenario.with_overrides({"pod.concurrency": 3})) == control_plane_key(scenario)
    for key, value in (("pod.pre_stop_sleep_s", 1.5), ("pod.sandbox_teardown_s", 3)):
        assert control_plane_key(scenario.with_overrides({key: value})) != control_plane_key(scenario)
    at_once = scenario.with_overrides({"node_drain.nodes_at_once": 2})
    assert control_plane_key(at_once.with_overrides({"pod.pre_stop_sleep_s": 3})) == control_plane_key(at_once)


def test_a_deployment_that_waits_for_terminating_pods_depends_on_how_they_end(make_scenario) -> None:
    scenario = make_scenario(controller__version="v1.1.4", deployment__pod_replacement_policy="TerminationComplete")
    assert control_plane_key(scenario.with_overrides({"pod.concurrency": 3})) == control_plane_key(scenario)
    for key, value in (
        ("pod.pre_stop_sleep_s", 1.5),
        ("pod.termination_grace_period_s", 7),
        ("pod.on_sigterm", "ignore"),
        ("pod.serve_after_sigterm_s", 4),
        ("pod.sandbox_teardown_s", 3),
    ):
        assert control_plane_key(scenario.with_overrides({key: value})) != control_plane_key(scenario)

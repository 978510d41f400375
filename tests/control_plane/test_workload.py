"""Oracle: the limiter's arithmetic by hand (20 a second, burst 30, two writes for a pod), and counting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.control_plane.trace import PodCreated, PodDeleted, PodReady, TargetDeregistered, TargetRegistered, Trace
from sim.control_plane.trace.calls import ApiAttempt, Reconciled
from sim.control_plane.world import run_control_plane
from sim.scenario.problems import ScenarioError
from sim.streams import Streams

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario


def _run(scenario: Scenario, replication: int = 0) -> Trace:
    return run_control_plane(scenario, Streams(scenario.seed, replication))


def _at_once(make_scenario, n_deployments: int, **overrides: object) -> Scenario:
    """Return a scenario of ten ingresses, of which so many belong to a Deployment that is rolled."""
    rolled = {"controller__ingresses": 10, "controller__sync_period_s": 0, "deployment__rolled_at_once": n_deployments}
    return make_scenario(**rolled | overrides)


@pytest.mark.parametrize("version", ["v1.1.9", "v2.4", "v3.2"])
def test_each_one_s_ingress_is_reconciled_and_the_trace_is_the_first_one_s(make_scenario, version: str) -> None:
    trace = _run(_at_once(make_scenario, 4, controller__version=version, deployment__replicas=6))
    assert {reconciled.ingress for reconciled in trace.of(Reconciled)} == {0, 1, 2, 3}
    for kind, n_pods in ((PodCreated, 6), (PodReady, 6), (PodDeleted, 6), (TargetDeregistered, 6)):
        assert sorted({record.pod for record in trace.of(kind)}) == [
            r.pod for r in sorted(trace.of(kind), key=lambda r: r.pod)
        ]
        assert len(trace.of(kind)) == n_pods
    changes = [a for a in trace.of(ApiAttempt) if a.action.endswith("DeregisterTargets") and not a.throttled]
    # The others' targets are deregistered by calls of their own.
    assert len(changes) > len({record.time_s for record in trace.of(TargetDeregistered)})


def test_each_has_draws_of_its_own_and_the_first_one_s_are_those_of_one_alone(make_scenario) -> None:
    def startups_s(n_deployments: int) -> list[float]:
        trace = _run(_at_once(make_scenario, n_deployments, deployment__replicas=6))
        created_s = {record.pod: record.time_s for record in trace.of(PodCreated)}
        return [record.time_s - created_s[record.pod] for record in sorted(trace.of(PodReady), key=lambda r: r.pod)]

    assert startups_s(1) == pytest.approx(startups_s(5))


def test_they_share_the_controller_manager_s_client(make_scenario) -> None:
    """40 pods to create, two writes each: alone that takes 2.5 s, for five Deployments together 18.5 s.

    Which Deployment is last is by chance: of ten replications the counted one is among the last two in some.
    """
    lag = {"version": "fixed_lag", "deregistration_lag_s": 1}
    scenario = make_scenario(deployment__replicas=40, deployment__max_surge="100%", deployment__max_unavailable=0)
    scenario = scenario.with_overrides({"controller": lag, "pod.startup_s": 60})

    def last_created_s(n_deployments: int, replication: int) -> float:
        at_once = scenario.with_overrides({"deployment.rolled_at_once": n_deployments})
        return max(record.time_s for record in _run(at_once, replication).of(PodCreated))

    assert last_created_s(1, 0) == pytest.approx((2 * 40 - 1 - 30) / 20, abs=0.3)
    ends_s = [last_created_s(5, replication) for replication in range(10)]
    assert (2 * 120 - 30) / 20 < max(ends_s) < (2 * 200 - 30) / 20 + 0.3
    assert min(ends_s) > 2.5


def test_the_others_hold_the_first_one_s_deregistrations_up(make_scenario) -> None:
    """One worker, ten ingresses that change together: in the mean over replications it takes longer, pod by pod."""

    def lag_s(n_deployments: int) -> float:
        lags_s = []
        for replication in range(5):
            trace = _run(_at_once(make_scenario, n_deployments, deployment__replicas=12), replication)
            deleted_s = {record.pod: record.time_s for record in trace.of(PodDeleted)}
            lags_s += [record.time_s - deleted_s[record.pod] for record in trace.of(TargetDeregistered)]
        return sum(lags_s) / len(lags_s)

    assert lag_s(10) > 2 * lag_s(1)


def test_each_needs_an_ingress_of_its_own(make_scenario) -> None:
    with pytest.raises(ScenarioError, match=r"controller.ingresses.*at least 3, deployment.rolled_at_once.*\(?got 2"):
        make_scenario(deployment__rolled_at_once=3, controller__ingresses=2)
    with pytest.raises(ScenarioError, match=r"controller.*at least 2, deployment.rolled_at_once.*\(?got 1"):
        make_scenario(deployment__rolled_at_once=2)
    make_scenario(deployment__rolled_at_once=3, controller__ingresses=3)


def test_registrations_of_the_others_are_not_in_the_trace(make_scenario) -> None:
    trace = _run(_at_once(make_scenario, 3, deployment__replicas=5))
    assert sorted(record.pod for record in trace.of(TargetRegistered)) == list(range(5, 10))

"""Oracles: the autoscaler's limits by hand, and the way of a new pod with fixed lags (docs/facts/kubernetes.md §3)."""

from __future__ import annotations

import pytest

from sim.control_plane.trace import (
    PodCreated,
    PodDeleted,
    PodReady,
    ReplicaSetScaled,
    RolloutComplete,
    TargetHealthy,
    TargetRegistered,
)
from sim.control_plane.world import run_control_plane
from sim.data_plane.outcomes import Outcome
from sim.experiment.replication import simulate
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario
from sim.streams import Streams

API_OWN = [{"type": "Pods", "value": 4, "period_s": 15}, {"type": "Percent", "value": 100, "period_s": 15}]


def _scenario(replicas: int = 4, **changes: object) -> Scenario:
    base = Scenario.model_validate(
        {
            "name": "test",
            "traffic": {"arrival_rate_rps": 10},
            "deployment": {"replicas": replicas},
            "pod": {"startup_s": 20},
            "controller": {"version": "fixed_lag", "deregistration_lag_s": 1, "registration_lag_s": 5},
            "target_group": {"health_check": None},
            "disruption": "scale_out",
        }
    )
    return base.with_overrides(changes)


def test_new_pods_become_targets_after_start_and_lag() -> None:
    """Batches of the slow start are 1, 2 and 1, all at once for the client: Ready at 20 s, targets at 25 s."""
    trace = run_control_plane(_scenario(scale_out={"to_replicas": 8, "counted_until_s": 40}), Streams(1, 0))
    assert [record.time_s for record in trace.of(PodCreated)] == [0] * 4
    assert [record.time_s for record in trace.of(PodReady)] == [20] * 4
    assert [record.time_s for record in trace.of(TargetRegistered)] == [25] * 4
    assert trace.of(PodDeleted) == []
    assert [record.time_s for record in trace.of(RolloutComplete)] == [40]


def test_the_counting_waits_for_the_last_pod() -> None:
    trace = run_control_plane(_scenario(scale_out={"to_replicas": 5, "counted_until_s": 1}), Streams(1, 0))
    assert [record.time_s for record in trace.of(RolloutComplete)] == [20]


@pytest.mark.parametrize(
    ("replicas", "to_replicas", "spec", "steps"),
    [
        (4, "200%", {}, [(0, 8)]),
        (3, "150%", {}, [(0, 5)]),
        # 4 pods are more than 100 % of two; then 100 % of 6 is more than 4.
        (2, 20, {"policies": API_OWN}, [(0, 6), (15, 12), (30, 20)]),
        (2, 20, {"policies": API_OWN, "select_policy": "Min"}, [(0, 4), (15, 8), (30, 12), (45, 16), (60, 20)]),
        # 10 % of 15 are a pod and a half, and a fraction of a pod comes too: 17; within 30 s no more.
        (15, 20, {"policies": [{"type": "Percent", "value": 10, "period_s": 30}]}, [(0, 17), (30, 19), (60, 20)]),
        (4, 8, {"policies": [{"type": "Pods", "value": 2, "period_s": 20}], "sync_period_s": 10}, [(0, 6), (20, 8)]),
    ],
)
def test_an_autoscaler_goes_up_as_its_policies_allow(
    replicas: int, to_replicas: object, spec: dict[str, object], steps: list[tuple[float, int]]
) -> None:
    scenario = _scenario(replicas, scale_out={"to_replicas": to_replicas} | spec)
    trace = run_control_plane(scenario, Streams(1, 0))
    assert [(record.time_s, record.replicas) for record in trace.of(ReplicaSetScaled)] == steps
    assert len(trace.of(PodCreated)) == steps[-1][1] - replicas


@pytest.mark.parametrize("to_replicas", [4, "100%", 1, "99%"])
def test_a_step_that_adds_nobody_is_refused(to_replicas: object) -> None:
    with pytest.raises(ScenarioError, match=r"scale_out\.to_replicas: expected more than 4, deployment\.replicas"):
        _scenario(scale_out={"to_replicas": to_replicas})


def test_behind_worker_nodes_new_pods_join_each_one_s_rules() -> None:
    """No controller has anything to do: Ready at 20 s, in the Endpoints half a second later, in the rules after 2 s."""
    workers = {"target_type": "instance", "instances": 3, "kube_proxy_sync_s": 2}
    scenario = _scenario(target_group=workers, **{"endpoints.propagation_s": 0.5})
    trace = run_control_plane(scenario, Streams(1, 0))
    joined = sorted((record.time_s, record.pod, record.node) for record in trace.of(TargetHealthy))
    assert joined == [(22.5, pod, node) for pod in range(4, 8) for node in range(3)]


def test_several_deployments_share_the_client_that_creates_pods() -> None:
    """Each of three gets one pod more.

    A create and its Event take two tokens of a bucket of two, which gets one a second. The creates pass at 0, 1 and 3
    s, in a random order of the Deployments.
    """
    client = {"controller_manager_api_burst": 2, "controller_manager_api_qps": 1}
    scenario = _scenario(kubernetes=client, scale_out={"to_replicas": 5}, **{"deployment.rolled_at_once": 3})
    created = {run_control_plane(scenario, Streams(1, number)).of(PodCreated)[0].time_s for number in range(20)}
    assert created == {0, 1, 3}


@pytest.mark.parametrize("estimator", ["expected", "sampled"])
def test_nothing_is_lost_where_pods_have_no_limit(estimator: str) -> None:
    """Requests of 60 s and those in flight at 0 s, none of which fails; each new target is healthy before it serves."""
    scenario = _scenario(scale_out={"counted_until_s": 60}, **{"traffic.arrivals": "even", "traffic.service_time_s": 1})
    counts = simulate(scenario, estimator=estimator).requests.counts
    assert counts[Outcome.OK] == counts.sum() == pytest.approx(610, abs=1)


def test_a_queue_drains_from_the_moment_at_which_the_new_targets_serve() -> None:
    """One pod that serves one request at a time, 1 s each, is sent 1.5 a second; from 25 s on two share them.

    Since 65 s before 0 s, a minute and the longest wait, requests queue at half a one a second: 45 s of work wait at
    25 s. Afterwards a quarter of a second is worked off each second. At 189 s less than 4 s wait, so that the client,
    who waits for 5, has the answer. Until then all are given up that the old pod is sent, since 5 s before 0 s.
    """
    scenario = _scenario(
        1,
        traffic={"arrival_rate_rps": 1.5, "arrivals": "even", "service_time_s": 1, "client_timeout_s": 5},
        scale_out={"to_replicas": 2, "counted_until_s": 200},
        **{"pod.concurrency": 1, "target_group.alb_nodes": 1},
    )
    counts = simulate(scenario, estimator="sampled").requests.counts
    assert counts[Outcome.CLIENT_TIMEOUT] == pytest.approx(1.5 * 30 + 0.75 * 164, abs=4)

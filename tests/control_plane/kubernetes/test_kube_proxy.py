"""Target type `instance`: the rules of kube-proxy, by hand, and what they do to requests."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.control_plane.kubernetes.endpoints import Endpoints
from sim.control_plane.kubernetes.kube_proxy import KubeProxies
from sim.control_plane.kubernetes.pod import Pod
from sim.control_plane.simulation import Simulation
from sim.control_plane.trace import EndpointAdded, EndpointRemoved, TargetDrained, TargetHealthy, Trace
from sim.control_plane.trace.calls import ApiAttempt
from sim.control_plane.world import run_control_plane
from sim.data_plane.outcomes import Outcome
from sim.experiment.replication import simulate
from sim.streams import Streams

BEHIND_NODES = {"target_group__target_type": "instance", "target_group__instances": 3}


def test_each_worker_node_syncs_in_its_own_time_after_the_endpoint(make_scenario) -> None:
    scenario = make_scenario(**BEHIND_NODES, target_group__kube_proxy_sync_s={"dist": "uniform", "low": 1, "high": 4})
    trace = run_control_plane(scenario, Streams(1, 0))
    for endpoint, rule in ((EndpointRemoved, TargetDrained), (EndpointAdded, TargetHealthy)):
        changed_s = {record.pod: record.time_s for record in trace.of(endpoint)}
        lags_s = [record.time_s - changed_s[record.pod] for record in trace.of(rule)]
        assert len(lags_s) == len(set(lags_s)) == 3 * 4
        assert 1 <= min(lags_s) < max(lags_s) <= 4
    assert trace.of(ApiAttempt) == []


def test_every_worker_node_sends_to_a_pod_whose_deletion_none_has_heard_of(make_env, make_scenario) -> None:
    env, scenario = make_env(), make_scenario(**BEHIND_NODES)
    simulation = Simulation(env, Streams(1, 0), Trace())
    pod = Pod(0, env, 0, is_new=False)
    endpoints = Endpoints(simulation, scenario.endpoints, [pod])
    assert KubeProxies(simulation, scenario.target_group, endpoints).sent_until_s(pod) == [math.inf] * 3


def test_refused_is_share_times_lag(make_scenario) -> None:
    """Four old pods one after the other, 0.5 + 2 s until no rule has them, a fifth of 100 requests a second each.

    (The new pod came before.) With a sleep of 1 s 1.5 s are left of it, with one of 3 s nothing.
    """
    at = {
        "deployment__max_surge": 1,
        "deployment__max_unavailable": 0,
        "deployment__min_ready_s": 5,
        "endpoints__propagation_s": 0.5,
        "target_group__kube_proxy_sync_s": 2,
        "pod__sandbox_teardown_s": 60,
    }
    for sleep_s, exposed_s in ((0, 2.5), (1, 1.5), (3, 0.0)):
        scenario = make_scenario(**BEHIND_NODES, **at, pod__pre_stop_sleep_s=sleep_s)
        result = simulate(scenario, estimator="expected")
        assert result.exposure_s()[:4] == pytest.approx(exposed_s)
        assert result.estimate.counts[Outcome.CONNECT_REFUSED] == pytest.approx(4 * 100 / 5 * exposed_s)
        sampled = simulate(scenario).requests.counts[Outcome.CONNECT_REFUSED]
        assert abs(sampled - 80 * exposed_s) <= 4 * math.sqrt(80 * exposed_s)


def test_a_worker_node_without_endpoints_refuses(make_scenario) -> None:
    """All old pods are deleted at once; until the new ones are there every connection is refused, none gets 503."""
    scenario = make_scenario(
        **BEHIND_NODES,
        deployment__max_surge=0,
        deployment__max_unavailable="100%",
        pod__sandbox_teardown_s=0.5,
        traffic__service_time_s=0,
    )
    counts = np.array([simulate(scenario, estimator=e).estimate.counts for e in ("sampled", "expected")])
    refused = counts[:, Outcome.CONNECT_REFUSED]
    assert refused.min() > 1500
    assert abs(refused[0] - refused[1]) < 4 * math.sqrt(refused[1])
    assert (counts[:, Outcome.NO_REGISTERED_TARGETS] == 0).all()


def test_a_readiness_gate_does_not_hold_a_rollout_up(make_scenario) -> None:
    gated, open_ = (
        simulate(make_scenario(**BEHIND_NODES, pod__readiness_gate=gate), estimator="expected")
        for gate in (True, False)
    )
    assert gated.timeline.rollout_complete_s == open_.timeline.rollout_complete_s

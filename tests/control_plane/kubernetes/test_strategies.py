"""Oracles: Recreate, StatefulSet and DaemonSet by hand (docs/model.md, "Other rollouts").

A pod takes 20 s to start, is told to end at its deletion, ends with SIGTERM 10 s later, and is gone 1 s after that. Who
replaces it hears of each end and of each readiness half a second later.
"""

from __future__ import annotations

from typing import Any

import pytest

from sim.control_plane.trace import PodCreated, PodDeleted, PodReady, ReplicaSetScaled, RolloutComplete, Trace
from sim.control_plane.world import run_control_plane
from sim.data_plane.outcomes import Outcome
from sim.experiment.replication import simulate
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario
from sim.streams import Streams


def _scenario(deployment: dict[str, Any], **changes: object) -> Scenario:
    base = {
        "name": "by-hand",
        "traffic": {"arrival_rate_rps": 40, "service_time_s": 0.1},
        "deployment": {"replicas": 4, "sync_latency_s": 0.5, **deployment},
        "pod": {"startup_s": 20, "pre_stop_sleep_s": 10, "sandbox_teardown_s": 1},
        "endpoints": {"propagation_s": 0},
        "controller": {"version": "fixed_lag", "deregistration_lag_s": 5, "registration_lag_s": 2},
        "target_group": {"alb_nodes": 1, "propagation_s": 3, "health_check": None},
    }
    return Scenario.model_validate(base).with_overrides(changes)


def _trace(deployment: dict[str, Any], **changes: object) -> Trace:
    return run_control_plane(_scenario(deployment, **changes), Streams(1, 0))


def _deleted(trace: Trace) -> list[tuple[float, int]]:
    return [(record.time_s, record.pod) for record in trace.of(PodDeleted)]


def test_a_stateful_set_goes_down_one_by_one_each_gone_before_the_next_comes() -> None:
    """Each pod takes 10 + 1 + 0.5 s to go and 20 + 0.5 s to come: 32 s."""
    trace = _trace({"kind": "StatefulSet"})
    assert _deleted(trace) == [(0, 3), (32, 2), (64, 1), (96, 0)]
    assert [record.time_s for record in trace.of(PodCreated)] == [11.5, 43.5, 75.5, 107.5]
    assert trace.of(RolloutComplete)[0].time_s == 128


def test_pods_below_the_partition_stay() -> None:
    trace = _trace({"kind": "StatefulSet", "partition": 2})
    assert _deleted(trace) == [(0, 3), (32, 2)]
    assert trace.of(RolloutComplete)[0].time_s == 64


@pytest.mark.parametrize(("max_unavailable", "at_once"), [(2, 2), ("50%", 2), ("74%", 2), ("10%", 1)])
def test_several_of_a_stateful_set_may_be_unavailable(max_unavailable: object, at_once: int) -> None:
    """A percentage is rounded down, and is one at least."""
    trace = _trace({"kind": "StatefulSet", "max_unavailable": max_unavailable})
    assert _deleted(trace)[at_once] == (32, 3 - at_once)
    assert [pod for _, pod in _deleted(trace)] == [3, 2, 1, 0]


def test_a_daemon_set_takes_one_after_another_in_any_order() -> None:
    trace = _trace({"kind": "DaemonSet"})
    assert [time_s for time_s, _ in _deleted(trace)] == [0, 32, 64, 96]
    assert {pod for _, pod in _deleted(trace)} == {0, 1, 2, 3}
    rounded_up = _trace({"kind": "DaemonSet", "max_unavailable": "26%"})
    assert [time_s for time_s, _ in _deleted(rounded_up)] == [0, 0, 32, 32]


def test_a_daemon_set_that_surges_deletes_what_has_its_successor() -> None:
    """Two come at once, are available after 20.5 s, and then their predecessors go."""
    trace = _trace({"kind": "DaemonSet", "max_surge": 2})
    assert [record.time_s for record in trace.of(PodCreated)] == [0, 0, 20.5, 20.5]
    assert [time_s for time_s, _ in _deleted(trace)] == [20.5, 20.5, 41, 41]
    assert trace.of(RolloutComplete)[0].time_s == 41


def test_a_daemon_set_with_a_surge_of_one_starts_each_successor_before_its_predecessor_goes() -> None:
    """Each of the four takes 20.5 s to be available. Only then does its predecessor go and the next one come."""
    trace = _trace({"kind": "DaemonSet", "max_surge": 1})
    assert [record.time_s for record in trace.of(PodCreated)] == [0, 20.5, 41, 61.5]
    assert [time_s for time_s, _ in _deleted(trace)] == [20.5, 41, 61.5, 82]


def test_recreate_scales_the_old_replica_set_to_none_and_then_the_new_one_up() -> None:
    """The old pods are gone 11 s after their deletion, which is noticed 0.5 s later."""
    scaled = _trace({"strategy": "Recreate"}).of(ReplicaSetScaled)
    assert scaled == [ReplicaSetScaled(0, "old", 0), ReplicaSetScaled(11.5, "new", 4)]


def test_recreate_waits_for_the_last_old_pod_and_has_an_outage() -> None:
    """All go at 0 s, are gone at 11.5 s, and the new ones are ready at 31.5 s and registered at 33.5 s.

    The ALB forgets the old ones 8 s after their deletion, and they serve for 10 s: nothing but 503 from 8 s to 33.5 s.
    """
    scenario = _scenario({"strategy": "Recreate"})
    whole = simulate(scenario, estimator="expected")
    assert [record.time_s for record in whole.trace.of(PodDeleted)] == [0] * 4
    assert [record.time_s for record in whole.trace.of(PodReady)] == [31.5] * 4
    assert whole.trace.of(RolloutComplete)[0].time_s == 32
    counts = whole.estimate.counts
    assert counts[Outcome.NO_REGISTERED_TARGETS] == pytest.approx(40 * (33.5 - 8))
    assert counts[1:].sum() == pytest.approx(counts[Outcome.NO_REGISTERED_TARGETS])


def test_min_ready_delays_the_next_one() -> None:
    """Kubernetes looks again one second after minReadySeconds."""
    assert _deleted(_trace({"kind": "StatefulSet", "min_ready_s": 4}))[1] == (32 + 5, 2)


@pytest.mark.parametrize(
    ("deployment", "message"),
    [
        ({"kind": "StatefulSet", "strategy": "Recreate"}, r"deployment\.strategy: expected RollingUpdate"),
        ({"partition": 1}, r"deployment\.partition: expected 0 without kind StatefulSet"),
        ({"kind": "StatefulSet", "partition": 4}, r"deployment\.partition: expected less than 4"),
        ({"kind": "DaemonSet", "max_surge": 1, "max_unavailable": 1}, r"deployment\.max_unavailable: expected 0"),
    ],
)
def test_what_kubernetes_does_not_take_is_refused(deployment: dict[str, Any], message: str) -> None:
    changes = {f"deployment.{key}": value for key, value in deployment.items()}
    with pytest.raises(ScenarioError, match=message):
        _scenario({}, **changes)


def test_several_unavailable_of_a_stateful_set_need_a_version_that_has_them() -> None:
    with pytest.raises(ScenarioError, match=r"kubernetes\.version: expected v1\.35 or later"):
        _scenario({"kind": "StatefulSet", "max_unavailable": 2}, **{"kubernetes.version": "v1.34"})

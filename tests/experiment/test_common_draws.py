"""Disruptions of the same scenario meet the same draws: a pod's own, those of its target, and the requests.

Oracle: the records themselves. What a pod does between two of its records is one draw, whatever the disruption.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from sim.control_plane.trace import (
    ContainerRestarted,
    PodCreated,
    PodReady,
    ProcessCut,
    TargetDeregistered,
    TargetDrained,
    TargetHealthy,
    TargetRegistered,
)
from sim.data_plane.arrivals import RequestSource
from sim.experiment.replication import Replication, simulate
from sim.scenario.specs import Scenario
from sim.streams import Streams

OLD = 6
BASE: dict[str, Any] = {
    "name": "common",
    "traffic": {"arrival_rate_rps": 5},
    "deployment": {"replicas": OLD},
    "pod": {"pre_stop_sleep_s": 30, "termination_grace_period_s": 60},
    "controller": {"version": "v2.8.2"},
    "aws_api": {"warm_up_s": 1},
}
DISRUPTIONS = {
    "rollout": {},
    "recreate": {"deployment.strategy": "Recreate"},
    "node_drain": {"disruption": "node_drain", "node_drain": {"nodes": 3, "pods_per_node": 2}},
    "scale_in": {"disruption": "scale_in"},
    "scale_out": {"disruption": "scale_out"},
    "blue_green": {"disruption": "blue_green"},
    "canary": {"disruption": "canary", "canary": {"steps": [], "ping_pong": True}},
    "crash": {"disruption": "crash", "crash": {"pods": 3}},
    "liveness_failure": {"disruption": "liveness_failure", "liveness_failure": {"pods": 3}},
    "node_lost": {"disruption": "node_lost", "node_lost": {"pods": 3, "toleration_s": 20}},
    "cluster_switch": {"disruption": "cluster_switch", "cluster_switch": {"old_pods_removed_at_s": 30}},
    "node_termination": {"disruption": "node_termination", "node_termination": {"nodes": 3, "pods_per_node": 2}},
}


@cache
def _replication(name: str) -> Replication:
    return simulate(Scenario.model_validate(BASE).with_overrides(DISRUPTIONS[name]), estimator="expected")


def _hearing_s(name: str) -> dict[tuple[int, int], float]:
    """Return how long each ALB node takes to hear of an old target's deregistration."""
    trace = _replication(name).trace
    called_s = {record.pod: record.time_s for record in trace.of(TargetDeregistered)}
    return {
        (record.pod, record.node): record.time_s - called_s[record.pod]
        for record in trace.of(TargetDrained)
        if record.pod < OLD
    }


def _starts_s(name: str) -> dict[int, float]:
    """Return how long each new pod takes to be ready, by its place in the new ReplicaSet."""
    trace = _replication(name).trace
    created_s = {record.pod: record.time_s for record in trace.of(PodCreated)}
    return {record.pod - OLD: record.time_s - created_s[record.pod] for record in trace.of(PodReady)}


def _first_checks_s(name: str) -> dict[tuple[int, int], float]:
    """Return how long each ALB node takes to check a new target, by the pod's place and the node."""
    trace = _replication(name).trace
    called_s = {record.pod: record.time_s for record in trace.of(TargetRegistered)}
    checks = [(record, record.time_s - called_s[record.pod]) for record in trace.of(TargetHealthy)]
    return {(record.pod - OLD, record.node % 2): after_s for record, after_s in checks}


@pytest.mark.parametrize("name", [name for name in DISRUPTIONS if name not in {"rollout", "scale_out"}])
def test_an_alb_node_hears_of_a_target_as_late_as_in_a_rollout(name: str) -> None:
    theirs, rollout = _hearing_s(name), _hearing_s("rollout")
    assert theirs
    assert theirs == pytest.approx({key: rollout[key] for key in theirs})


@pytest.mark.parametrize("name", ["recreate", "node_drain", "node_termination", "canary", "scale_out", "node_lost"])
def test_a_new_pod_starts_and_is_checked_as_fast_as_in_a_rollout(name: str) -> None:
    """A lost node's three pods are replaced by the first three new ones."""
    starts_s, checks_s = _starts_s(name), _first_checks_s(name)
    assert len(starts_s) == (3 if name == "node_lost" else OLD)
    assert starts_s == pytest.approx({key: _starts_s("rollout")[key] for key in starts_s})
    assert checks_s == pytest.approx({key: _first_checks_s("rollout")[key] for key in checks_s})


def test_a_container_that_hung_restarts_as_fast_as_one_that_crashed() -> None:
    """A container is back so long after its end, which the kubelet of a crashed one sees first."""
    scenario = {"crash.noticed_after_s": 0}
    crashed = simulate(Scenario.model_validate(BASE).with_overrides(DISRUPTIONS["crash"] | scenario)).trace
    hung = _replication("liveness_failure").trace
    cut_s = {record.pod: record.time_s for record in hung.of(ProcessCut)}
    assert {record.pod: record.time_s for record in crashed.of(ContainerRestarted)} == pytest.approx(
        {record.pod: record.time_s - cut_s[record.pod] for record in hung.of(ContainerRestarted)}
    )


def test_the_requests_are_the_same_whatever_the_split() -> None:
    scenario = Scenario.model_validate(BASE)
    one, other = (
        RequestSource(scenario.traffic, nodes=2, streams=Streams(1, 0), split=split) for split in (None, _split())
    )
    plain, split = one.take(500), other.take(500)
    assert np.array_equal(plain.arrival_s, split.arrival_s)
    assert np.array_equal(plain.service_s, split.service_s)
    assert np.array_equal(plain.node, split.node % 2)


def _split() -> Any:
    weights = _replication("canary").timeline.weights
    assert weights is not None
    return weights

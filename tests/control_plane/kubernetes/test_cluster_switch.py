"""The switch of clusters as the old cluster's control plane meets it."""

from __future__ import annotations

from typing import Any

import pytest

from sim.control_plane.trace import PodDeleted, RolloutComplete, TargetDeregistered, Trace
from sim.control_plane.trace.traffic import LoadBalancerDeleted, RecordChanged
from sim.control_plane.world import run_control_plane
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario
from sim.streams import Streams


def scenario(**switch: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "switch",
            "traffic": {"arrival_rate_rps": 1},
            "deployment": {"replicas": 3},
            "controller": {"version": "v2.7.0"},
            "aws_api": {"warm_up_s": 0},
            "disruption": "cluster_switch",
            "cluster_switch": {"old_pods_removed_at_s": 50, "old_alb_deleted_at_s": 200} | switch,
        }
    )


def trace(**switch: Any) -> Trace:
    return run_control_plane(scenario(**switch), Streams(1, 0))


def test_the_old_pods_go_and_then_their_load_balancer() -> None:
    told = trace(record_change_s=7)
    assert [record.time_s for record in told.of(RecordChanged)] == [7]
    assert [record.time_s for record in told.of(PodDeleted)] == [50, 50, 50]
    assert sorted(record.pod for record in told.of(TargetDeregistered)) == [0, 1, 2]
    assert [record.time_s for record in told.of(LoadBalancerDeleted)] == [200]
    assert [record.time_s for record in told.of(RolloutComplete)] == [200]


def test_the_last_of_both_ends_it() -> None:
    told = trace(old_alb_deleted_at_s=20)
    assert [record.time_s for record in told.of(RolloutComplete)] == [50]


@pytest.mark.parametrize(
    ("switch", "key"),
    [
        ({"old_alb_deleted_at_s": 20_000}, "cluster_switch.old_alb_deleted_at_s"),
        ({"old_pods_removed_at_s": 90_000, "counted_until_s": 1e6}, "cluster_switch.old_pods_removed_at_s"),
    ],
)
def test_an_old_side_that_outlives_the_count_is_refused(switch: dict[str, float], key: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        scenario().with_overrides({f"cluster_switch.{name}": value for name, value in switch.items()})
    assert [problem.key for problem in refused.value.problems] == [key]

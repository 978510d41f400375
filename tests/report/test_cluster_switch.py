"""A switch of clusters in words, in pictures and in written records."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.data_plane.outcomes import Outcome
from sim.diagnosis.findings import findings
from sim.experiment.replication import simulate
from sim.report.answer import answer
from sim.report.disruption import course_of
from sim.report.perfetto import perfetto
from sim.report.pictures.gantt import gantt
from sim.report.pictures.keep_curve import lost_afterwards
from sim.report.records.writing import write_records
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    from pathlib import Path

    from sim.experiment.replication import Replication

TALK = {
    "nodes": {"instance_type": "c5.4xlarge", "count": 65, "zones": 2},
    "vpc_cni": {},
    "deployment.replicas": 200,
    "controller": {"version": "fixed_lag", "deregistration_lag_s": 1},
}


def scenario(**changes: Any) -> Scenario:
    """Return a switch.

    Half of 5 requests a second go to the old side for ever; its pods go after 20 s, its ALB after 40 s.
    """
    switch = {"record_ttl_s": 0, "stale_fraction": 0, "pinned_fraction": 0.5}
    switch |= {"old_pods_removed_at_s": 20, "old_alb_deleted_at_s": 40, "counted_until_s": 60}
    base = {
        "name": "switch",
        "traffic": {"arrival_rate_rps": 5},
        "deployment": {"replicas": 2},
        "pod": {"pre_stop_sleep_s": 10},
        "aws_api": {"warm_up_s": 10},
        "target_group": {"propagation_s": 2},
        "disruption": "cluster_switch",
        "cluster_switch": switch,
    }
    return Scenario.model_validate(base).with_overrides(changes)


@pytest.fixture(scope="module")
def switch() -> Replication:
    return simulate(scenario(), estimator="sampled")


def test_the_story_has_both_sides(switch: Replication) -> None:
    said = " ".join(course_of(switch))
    assert (
        "At 0.0 s the DNS record passed from the old cluster's ALB to that of a new cluster with 2 healthy pods" in said
    )
    assert "when 50.0 % of requests still went to the old ALB, and that ALB at 40.0 s, when 50.0 % did" in said
    lost = int(switch.requests.counts[Outcome.OLD_ADDRESS_UNREACHABLE])
    assert f"{lost} found no answer at the old ALB's address, which was deleted at 40.0 s" in answer(findings(switch))


def test_the_chart_marks_the_record_and_the_end_of_the_load_balancer(switch: Replication) -> None:
    picture = gantt(findings(switch))
    labels = {text.get_text() for text in picture.legends[0].get_texts()}
    assert {"DNS record changed", "old ALB deleted", "503", "no answer from the old address"} <= labels


def test_the_trace_marks_them_too(switch: Replication) -> None:
    named = {event["name"]: event.get("ts") for event in json.loads(perfetto(findings(switch)))["traceEvents"]}
    assert (named["DNS record changed"], named["old ALB deleted"]) == (0, 40_000_000)


def test_the_curve_marks_the_given_time() -> None:
    (axes,) = lost_afterwards(scenario(**{"cluster_switch.pinned_fraction": 0})).axes
    assert "as given: 1 min" in axes.get_legend_handles_labels()[1]


def test_the_access_log_is_the_old_load_balancer_s(switch: Replication, tmp_path: Path) -> None:
    """The log has a line for each request at the old ALB, and none for those that found no ALB, or the new one."""
    write_records(switch, tmp_path)
    lines = [line for file in tmp_path.rglob("*.log.gz") for line in gzip.decompress(file.read_bytes()).splitlines()]
    statuses = [line.split()[8] for line in lines]
    assert statuses.count(b"503") == switch.requests.n_status(503)
    assert {*statuses} <= {b"200", b"502", b"503"}
    assert {line.split()[4].partition(b":")[0] for line in lines} <= {b"10.0.0.1", b"10.0.0.2", b"-"}


def test_a_new_pod_without_an_address_is_no_target() -> None:
    """Beside 33 and 32 nodes of 60 addresses, 63 and 123 of 2,043 are left for as many nodes: one and three interfaces.

    The scheduler puts four pods on the first nodes of each zone, so 4 + 12 of 200 have an address.
    """
    two_zones = simulate(scenario(**TALK), estimator="expected")
    assert np.isneginf(two_zones.timeline.healthy_from_s[2:, 200:]).all(axis=0).sum() == 16
    assert "16 healthy pods, 184 less than it should have" in " ".join(course_of(two_zones))


def test_a_switch_to_a_cluster_without_any_address_is_refused() -> None:
    with pytest.raises(ScenarioError, match="the new cluster"):
        simulate(scenario(**TALK, **{"nodes.zones": 1}), estimator="expected")


def test_the_story_says_how_the_new_pods_came() -> None:
    """Created at 5 s, Ready at 12 s, registered at 15 s."""
    late = {"pod.startup_s": 7, "target_group.health_check": None, "cluster_switch.new_pods_created_at_s": 5}
    late |= {"controller": {"version": "fixed_lag", "deregistration_lag_s": 1, "registration_lag_s": 3}}
    said = " ".join(course_of(simulate(scenario(**late))))
    assert "that of a new cluster with 0 healthy pods. The new cluster's 2 pods were created from 5.0 s on." in said
    assert "2 became healthy targets, the last of them at 15.0 s." in said


def test_the_story_names_new_pods_that_never_start() -> None:
    """Of a /28 the old node holds 10 addresses, and the new node is the 11th."""
    full = {"nodes": {"instance_type": "c5.large", "count": 1}, "vpc_cni.subnet_prefix_length": 28}
    said = " ".join(course_of(simulate(scenario(**full, **{"cluster_switch.new_pods_created_at_s": 0}))))
    assert "0 became healthy targets, none at all. Still waiting in the end: 2 pods for an address." in said

"""Oracle: a crash by hand. What is told and drawn of a pod that failed unasked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from matplotlib.colors import to_hex

from sim.data_plane.outcomes import Outcome
from sim.diagnosis.findings import findings
from sim.experiment.replication import simulate
from sim.report.perfetto import PODS, TARGETS, perfetto
from sim.report.pictures.canvas import PALE, VERMILION
from sim.report.pictures.gantt import gantt
from sim.report.story import story
from sim.report.story_json import story_json
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.diagnosis.findings import Findings

CRASH = {
    "name": "crash by hand",
    "traffic": {"arrival_rate_rps": 8, "arrivals": "even", "service_time_s": 0},
    "deployment": {"replicas": 4},
    "pod": {"startup_s": 30},
    "endpoints": {"propagation_s": 0.5},
    "controller": {"version": "fixed_lag", "deregistration_lag_s": 2, "registration_lag_s": 4},
    "target_group": {"alb_nodes": 1, "propagation_s": 3, "health_check": None},
    "disruption": "crash",
    "crash": {"noticed_after_s": 1},
}
S = 1_000_000
"""Seen at 1 s, deregistered at 3 s and out at 6 s; back at 31 s, and registered at 35 s. A quarter of 8 requests a
second is two a second: twelve are refused."""


@pytest.fixture(scope="module")
def found() -> Findings:
    return findings(simulate(Scenario.model_validate(CRASH), estimator="sampled"))


def test_a_crash_by_hand(found: Findings) -> None:
    (one,) = found.failures
    assert found.ends == []
    assert (one.endpoint_removed_s, one.deregistered_s, one.out_s, one.out_by) == (1.5, 3, 6, "API")
    assert (one.back_s, one.again_s, one.dead, one.exposed_s) == (31, 35, [(0, 6)], 6)
    assert one.failed.keys() == {Outcome.CONNECT_REFUSED}
    assert one.failed[Outcome.CONNECT_REFUSED] == pytest.approx(12, abs=1)


def test_the_story_tells_of_it(found: Findings) -> None:
    (one,) = found.failures
    told = story(found)
    assert "FAILED PODS" in told
    cells = ["0", "1.5", "3.0", "6.0", "API", "31.0", "35.0", "6.0", str(sum(one.failed.values()))]
    assert cells in [line.split() for line in told.splitlines()]
    assert "What ended the exposure: 1 by their deregistration." in told
    (record,) = json.loads(story_json(found))["failed_pods"]
    assert (record["left_rotation_s"], record["first_out_by"], record["sent_to_again_s"]) == (6, "API", 35)


def test_a_container_that_is_back_first_ends_it_itself() -> None:
    scenario = Scenario.model_validate(CRASH).with_overrides({"pod.startup_s": 4})
    (one,) = findings(simulate(scenario, estimator="sampled")).failures
    assert (one.out_s, one.out_by, one.back_s) == (5, "restart", 5)


def test_a_lost_node_s_pods_are_told_though_they_are_deleted_in_the_end() -> None:
    """The checks find them out: the second one in vain comes within 10 s, and waits for 5 s."""
    changes = {"disruption": "node_lost", "node_lost": {"pods": 2}, "target_group.health_check": {"interval_s": 5}}
    scenario = Scenario.model_validate(CRASH).with_overrides(changes)
    found = findings(simulate(scenario, estimator="sampled"))
    assert [one.out_by for one in found.failures] == ["checks"] * 2
    assert all(10 <= one.out_s <= 15 for one in found.failures)
    assert all(one.again_s == float("inf") for one in found.failures)
    assert "2 by their failing health checks." in story(found)


def test_the_chart_has_its_row(found: Findings) -> None:
    pods = gantt(found).axes[0]
    assert [label.get_text() for label in pods.get_yticklabels()] == ["0"]
    assert _bars(pods, VERMILION) == [(0, 6)]
    assert _bars(pods, PALE) == [(0, 31)]


def test_the_trace_for_perfetto_has_its_row(found: Findings) -> None:
    events = json.loads(perfetto(found))["traceEvents"]
    assert _spans(events, PODS, 0) == [("failed", 0, 31)]
    assert ("routable but dead", 0, 6) in _spans(events, TARGETS, 0)
    names = {one["args"]["name"] for one in events if one["name"] == "thread_name" and one["pid"] == PODS}
    assert names == {"failed pod 0"}


def test_a_container_that_is_back_before_another_serves_again_in_the_trace() -> None:
    changes = {"crash.pods": 2, "pod.startup_s": {"dist": "uniform", "low": 10, "high": 40}}
    found = findings(simulate(Scenario.model_validate(CRASH).with_overrides(changes), estimator="sampled"))
    later, sooner = sorted(found.failures, key=lambda one: -one.back_s)
    events = json.loads(perfetto(found))["traceEvents"]
    assert [name for name, *_ in _spans(events, PODS, later.pod)] == ["failed"]
    assert [name for name, *_ in _spans(events, PODS, sooner.pod)] == ["failed", "serving again"]


def test_a_pod_that_hangs_is_dead_in_the_trace_though_its_listener_is_open() -> None:
    """The third probe, of one each second, fails after a second: dead from 0 s on, and deregistered at 6 s or so."""
    changes = {"disruption": "liveness_failure", "liveness_failure": {"period_s": 1, "failure_threshold": 3}}
    found = findings(simulate(Scenario.model_validate(CRASH).with_overrides(changes), estimator="sampled"))
    events = json.loads(perfetto(found))["traceEvents"]
    (dead,) = [one for one in events if one["name"] == "routable but dead"]
    assert (dead["ts"], dead["dur"]) == (0, round(found.failures[0].dead[0][1] * S))


def _spans(events: list[dict[str, Any]], process: int, thread: int) -> list[tuple[str, float, float]]:
    spans = [one for one in events if (one["ph"], one["pid"], one["tid"]) == ("X", process, thread)]
    return [(one["name"], one["ts"] / S, (one["ts"] + one["dur"]) / S) for one in spans]


def _bars(axes: Axes, color: str) -> list[tuple[float, float]]:
    return [
        (float(path.vertices[:, 0].min()), float(path.vertices[:, 0].max()))
        for collection in axes.collections
        if to_hex(collection.get_facecolor()[0]) == color.lower()
        for path in collection.get_paths()
    ]

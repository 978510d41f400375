"""A drain whose course is known by hand: 3 pods on a node, 2 may go, replacements count 12.1 s after their creation."""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING

from sim.control_plane.kubernetes import disruptions as processes
from sim.diagnosis.findings import findings
from sim.experiment.replication import simulate
from sim.report import disruptions as courses
from sim.report.disruption import course_of, name_of
from sim.report.perfetto import perfetto
from sim.report.pictures.gantt import REFUSED, gantt
from sim.report.story import story
from sim.scenario.disruptions import DISRUPTIONS
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    import pytest

DRAIN = Scenario.model_validate(
    {
        "name": "drain",
        "traffic": {"arrival_rate_rps": 5},
        "deployment": {"replicas": 6},
        "pod": {"startup_s": 12, "pre_stop_sleep_s": 20},
        "controller": {"version": "fixed_lag", "deregistration_lag_s": 1},
        "disruption": "node_drain",
        "node_drain": {"pods_per_node": 3, "max_unavailable": "33%"},
    }
)


def _course(**changes: object) -> list[str]:
    return list(course_of(simulate(DRAIN.with_overrides({f"node_drain.{key}": to for key, to in changes.items()}))))


def test_what_the_budget_did_is_told() -> None:
    began, budget, *waves = _course()
    assert began == (
        "Began at 0 s, and every evicted pod was replaced after 27.0 s: 1 node with 3 pods on each, drained by "
        "kubectl, 1 at a time."
    )
    assert budget == (
        "The PodDisruptionBudget kept 4 of 6 pods healthy and refused 3 evictions; pod 2 waited longest for its own, "
        "15.0 s."
    )
    assert waves == [
        "Replacements created: 2 at 0.0 s, 1 at 15.0 s.",
        "Replacements ready: 2 at 12.0 s, 1 at 27.0 s.",
        "Pods evicted: 2 at 0.0 s, 1 at 15.0 s.",
    ]
    assert _course(max_unavailable=3)[1] == "The PodDisruptionBudget kept 3 of 6 pods healthy and refused no eviction."
    assert _course(max_unavailable=None)[1] == "No PodDisruptionBudget kept pods: every eviction was admitted at once."


def test_pods_that_a_timeout_leaves_are_told() -> None:
    assert _course(timeout_s=15)[1] == "Time was up after 15.0 s a node: 1 pod stayed, not evicted."


def test_the_story_and_the_pictures_call_it_a_node_drain() -> None:
    replication = simulate(DRAIN)
    assert name_of(DRAIN) == "node drain"
    assert "\nNODE DRAIN\n" in story(findings(replication))
    picture = gantt(findings(replication))
    labels = [text.get_text() for text in picture.legends[0].get_texts()]
    assert {REFUSED, DISRUPTIONS["node_drain"].complete} <= set(labels)
    (refused,) = [dots for dots in picture.axes[0].collections if dots.get_label() == REFUSED]
    assert refused.get_offsets().tolist() == [[0, 2], [5, 2], [10, 2]]
    assert perfetto(findings(replication)).count('"eviction refused"') == 3


def test_a_rollout_that_waits_for_terminating_pods_is_told_as_one() -> None:
    rollout = DRAIN.with_overrides({"disruption": "rollout"})
    waits = rollout.with_overrides({"deployment.pod_replacement_policy": "TerminationComplete"})
    sentence = "Terminating pods counted against the surge until they were gone."
    assert sentence in list(course_of(simulate(waits)))
    assert sentence not in list(course_of(simulate(rollout)))


def test_a_readiness_gate_is_told_apart_from_the_containers() -> None:
    gated = Scenario.model_validate(
        {
            "name": "gated",
            "traffic": {"arrival_rate_rps": 5},
            "deployment": {"replicas": 1, "max_surge": 1, "max_unavailable": 0},
            "pod": {"startup_s": 12, "readiness_gate": True},
            "controller": {"version": "v3.2"},
            "target_group": {"alb_nodes": 1, "health_check": None},
        }
    )
    replication = simulate(gated)
    lines = list(course_of(replication))
    registered_s = float(replication.timeline.registered_from_s[0, 1])
    assert "New pods with their containers ready: 1 at 12.0 s." in lines
    assert any(line.startswith(f"New targets healthy at every ALB node: 1 at {registered_s:.1f} s.") for line in lines)
    assert not any("gate" in line for line in course_of(simulate(gated.with_overrides({"pod.readiness_gate": False}))))


def test_a_scale_in_is_told_as_one() -> None:
    scale_in = DRAIN.with_overrides({"disruption": "scale_in", "scale_in": {"to_replicas": 4}})
    assert name_of(scale_in) == "scale-in"
    assert list(course_of(simulate(scale_in))) == [
        "Began at 0 s, from 6 replicas to 4: the last pod was deleted after 0.0 s.",
        "Pods deleted: 2 at 0.0 s.",
    ]


def test_the_steps_of_an_autoscaler_and_the_pods_that_are_not_ready_are_told() -> None:
    policies = [{"type": "Pods", "value": 1, "period_s": 15}]
    changes = {"disruption": "scale_in", "scale_in": {"to_replicas": 4, "policies": policies, "unready": 1}}
    assert list(course_of(simulate(DRAIN.with_overrides(changes)))) == [
        "Began at 0 s, from 6 replicas to 4: the last pod was deleted after 15.0 s.",
        "Pods that were not Ready, and so no targets: 1. Such pods go first.",
        "The autoscaler went down in 2 steps, the first to 5.",
        "Pods deleted: 1 at 0.0 s, 1 at 15.0 s.",
    ]


def test_every_file_of_disruptions_is_of_a_kind_and_every_kind_has_its_process() -> None:
    assert {file.name for file in pkgutil.iter_modules(processes.__path__)} == DISRUPTIONS.keys()
    assert {file.name for file in pkgutil.iter_modules(courses.__path__)} <= DISRUPTIONS.keys()
    assert all(spec.noun and spec.complete for spec in DISRUPTIONS.values())


def test_a_kind_without_a_file_of_its_own_is_told_of_in_general(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.report.disruption.find_spec", lambda _name: None)
    scale_in = DRAIN.with_overrides({"disruption": "scale_in", "scale_in": {"to_replicas": 4}})
    assert next(course_of(simulate(scale_in))) == "Began at 0 s; last step taken after 0.0 s."

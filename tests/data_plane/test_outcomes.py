"""Every row of the table of outcomes, at its edges, worked out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
from albsim_tests.data_plane import NEVER, meeting, timeline

from sim.data_plane.classify import classify, first_trouble_s
from sim.data_plane.ends import Met, ends_of
from sim.data_plane.outcomes import Outcome
from sim.data_plane.sent import Sent, Way
from sim.scenario.specs import PodSpec, TargetGroupSpec, TrafficSpec

if TYPE_CHECKING:
    from sim.data_plane.timeline import Timeline

Teardown = Literal["host_unreachable", "connect_timeout"]
TRAFFIC = TrafficSpec(arrival_rate_rps=1)
OK, CLOSED, ELAPSED, IDLE = "ok", "closed_in_flight", "deregistration_delay_elapsed", "idle_timeout"


def answer(
    scene: Timeline,
    arrival_s: float,
    finish_s: float,
    *,
    target: int = 0,
    after_teardown: Teardown = "host_unreachable",
) -> tuple[str, float]:
    """Return one request's outcome; the network goes 5 s after the cut, the idle timeout is 60 s."""
    at, node, to, way = (
        np.array([arrival_s]),
        np.array([0], np.int16),
        np.array([target], np.int32),
        np.zeros(1, np.int8),
    )
    sent = Sent(at, np.array([finish_s]), node, to, at, way, node)
    scene = meeting(scene, after_teardown)
    ends = ends_of(scene, TRAFFIC, PodSpec(), TargetGroupSpec(idle_timeout_s=60))
    answers = classify(sent, scene, ends, network_gone_s=scene.cut_s + 5)
    return Outcome(answers.outcome[0]).name.lower(), float(answers.answered_s[0])


# The listener closes at 10, the process is cut at 20, its network goes at 25; the node hears at 15, the deadline is 18.
SCENE = timeline(1, listener_closed_s=10, cut_s=20, registered_until_s=15, drain_deadline_s=18)
NO_DEADLINE = timeline(1, listener_closed_s=10, cut_s=20)
HEARS_LATE = timeline(1, listener_closed_s=10, cut_s=20, registered_until_s=15, drain_deadline_s=5)


@pytest.mark.parametrize(
    ("scene", "arrival_s", "finish_s", "outcome", "answered_s"),
    [
        (SCENE, 9, 9.5, OK, 9.5),
        (SCENE, 9.999, 18, OK, 18),
        (SCENE, 9.999, 18.001, ELAPSED, 18),
        (NO_DEADLINE, 9.999, 20, OK, 20),
        (NO_DEADLINE, 9.999, 20.001, CLOSED, 20),
        (SCENE, 10, 10, "connect_refused", 10),
        (SCENE, 10, 10.5, "connect_refused", 10),
        (SCENE, 24.999, 25.5, "connect_refused", 24.999),
        (SCENE, 25, 25.5, "host_unreachable", 28.1),
        (SCENE, 26, 26.5, "host_unreachable", 29.1),
        (timeline(1), 0, 60, OK, 60),
        (timeline(1), 0, 60.001, IDLE, 60),
        (timeline(1, cut_s=60, listener_closed_s=60), 0, 61, CLOSED, 60),
        (timeline(1, cut_s=60, listener_closed_s=60), 0.5, 61, CLOSED, 60),
        (timeline(1, cut_s=60, listener_closed_s=60), -0.5, 61, IDLE, 59.5),
        (timeline(1, drain_deadline_s=60, registered_until_s=1), 0, 61, ELAPSED, 60),
        (timeline(1, drain_deadline_s=60, registered_until_s=60, cut_s=60, listener_closed_s=60), 0, 61, CLOSED, 60),
        (HEARS_LATE, 4, 4.5, OK, 4.5),
        (HEARS_LATE, 4, 9, OK, 9),
        (HEARS_LATE, 4, 15.5, ELAPSED, 15),
        (HEARS_LATE, 5, 15, OK, 15),
        (HEARS_LATE, 5, 15.5, ELAPSED, 15),
        (HEARS_LATE, 6, 15.5, ELAPSED, 15),
    ],
)
def test_earliest_cause_wins(
    scene: Timeline, arrival_s: float, finish_s: float, outcome: str, answered_s: float
) -> None:
    name, at_s = answer(scene, arrival_s, finish_s)
    assert name == outcome
    assert at_s == pytest.approx(answered_s)


def test_a_silent_address_costs_ten_seconds() -> None:
    assert answer(SCENE, 25, 26, after_teardown="connect_timeout") == ("connect_timeout", 35)


def test_without_a_target_the_answer_comes_at_once() -> None:
    assert answer(timeline(1), 7, 8, target=-1) == ("no_registered_targets", 7)


def test_a_worker_node_without_endpoints_refuses() -> None:
    def nowhere(target_type: str) -> Outcome:
        ends = ends_of(timeline(1), TRAFFIC, PodSpec(), TargetGroupSpec(target_type=target_type))
        return ends.by(Met.NO_TARGET)

    assert nowhere("ip") is Outcome.NO_REGISTERED_TARGETS
    assert nowhere("instance") is Outcome.CONNECT_REFUSED


NEW, POOLED, RACED = Way


@pytest.mark.parametrize(
    ("way", "arrival_s", "start_s", "accept", "outcome"),
    [
        (NEW, 9, 9.5, "prefork", OK),
        (NEW, 9, 9.5, "eager", OK),
        (NEW, 9, 10, "prefork", CLOSED),  # in the kernel's backlog when the listener closes
        (NEW, 9, 11, "prefork", CLOSED),
        (NEW, 9, 11, "eager", OK),
        (NEW, 11, 11, "prefork", "connect_refused"),
        (POOLED, 9, 9, "eager", OK),
        (POOLED, 9, 11, "prefork", OK),  # its worker has had the connection for long
        (POOLED, 11, 11, "eager", OK),
        (POOLED, 11, 11, "prefork", OK),
        (RACED, 9, 9, "eager", "keep_alive_race"),
        (RACED, 11, 11, "prefork", "keep_alive_race"),
    ],
)
def test_the_way_decides_who_is_let_in(way: Way, arrival_s: float, start_s: float, accept, outcome: str) -> None:
    """The listener closes at 10, and the answer would come at 12; there are two targets, and the second is meant."""
    scene = timeline(2, listener_closed_s=[NEVER, 10], cut_s=[NEVER, 20])
    at = np.array([arrival_s])
    node = np.zeros(1, np.int16)
    sent = Sent(at, np.array([12.0]), node, np.ones(1, np.int32), np.array([start_s]), np.array([way], np.int8), node)
    ends = ends_of(scene, TRAFFIC, PodSpec(accept=accept), TargetGroupSpec())
    answers = classify(sent, scene, ends, network_gone_s=scene.cut_s + 5)
    assert Outcome(answers.outcome[0]).name.lower() == outcome
    expected_s = {OK: 12, CLOSED: 10}.get(outcome, arrival_s)
    assert answers.answered_s.tolist() == [expected_s]


def test_a_prefork_pod_that_vanishes_with_its_node_resets_nothing() -> None:
    """The listener closes at 10 as the node is lost: who waits in the backlog since 9 waits for the idle timeout."""
    scene = timeline(1, listener_closed_s=10, vanishes_s=10, answers_until_s=10)
    at, never = np.array([9.0]), np.array([NEVER])
    node = np.zeros(1, np.int16)
    sent = Sent(at, never, node, np.zeros(1, np.int32), np.array([11.0]), np.zeros(1, np.int8), node)
    ends = ends_of(scene, TRAFFIC, PodSpec(accept="prefork"), TargetGroupSpec(idle_timeout_s=60))
    answers = classify(sent, scene, ends, network_gone_s=scene.vanishes_s)
    assert (answers.outcome.tolist(), answers.answered_s.tolist()) == ([Outcome.IDLE_TIMEOUT], [9 + 60])


def test_the_numbers_are_the_order_of_a_results_columns() -> None:
    assert [*Outcome] == [*range(11)]
    assert [*Way] == [*range(3)]


def test_statuses_are_those_of_the_table() -> None:
    status = {outcome.name.lower(): outcome.status for outcome in Outcome}
    assert status == {
        "ok": 200,
        "connect_refused": 502,
        "host_unreachable": 502,
        "connect_timeout": 504,
        "closed_in_flight": 502,
        "keep_alive_race": 502,
        "deregistration_delay_elapsed": 502,
        "idle_timeout": 504,
        "no_registered_targets": 503,
        "client_timeout": 460,
        "old_address_unreachable": None,
    }


def test_first_trouble_is_the_earliest_and_no_target_is_trouble_at_once() -> None:
    scene = timeline(3, listener_closed_s=[1, 5, NEVER], cut_s=[2, 6, NEVER], drain_deadline_s=[3, 4, NEVER])
    assert first_trouble_s(scene).tolist() == [1, 4, NEVER, -NEVER]

"""Held against the Trace Event Format: the fields of each kind of event, and how events of one thread nest."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from albsim_tests.reports import WAF, by_hand

from sim.data_plane.outcomes import Outcome
from sim.diagnosis.findings import findings
from sim.experiment.replication import simulate
from sim.report.perfetto import AWS_API, CONTROLLER, DEPLOYMENT, PODS, REQUESTS, TARGETS, perfetto
from sim.scenario.loading import load_scenario

Event = dict[str, Any]
S = 1_000_000
FIELDS = {
    "M": {"ph", "pid", "tid", "name", "args"},
    "X": {"ph", "pid", "tid", "name", "ts", "dur", "args"},
    "i": {"ph", "pid", "tid", "name", "ts", "s"},
    "C": {"ph", "pid", "tid", "name", "ts", "args"},
}


def _events(text: str) -> list[Event]:
    return json.loads(text)["traceEvents"]


def _of(events: list[Event], kind: str, process: int, thread: int) -> list[Event]:
    return [e for e in events if (e["ph"], e["pid"], e["tid"]) == (kind, process, thread)]


def _spans(events: list[Event], process: int, thread: int) -> list[tuple[str, float, float]]:
    return [(e["name"], e["ts"] / S, (e["ts"] + e["dur"]) / S) for e in _of(events, "X", process, thread)]


def _check(text: str) -> None:
    events = _events(text)
    for event in events:
        assert event.keys() == FIELDS[event["ph"]], event
        for field in ("ts", "dur"):
            assert isinstance(event.get(field, 0), int)
            assert event.get(field, 0) >= 0
    threads: dict[tuple[int, int], list[Event]] = {}
    for event in events:
        if event["ph"] in "Xi":
            threads.setdefault((event["pid"], event["tid"]), []).append(event)
    named = Counter((e["pid"], e["tid"]) for e in events if e["name"] == "thread_name")
    assert all(named[thread] == 1 for thread in threads)
    assert {e["pid"] for e in events} == {e["pid"] for e in events if e["name"] == "process_name"}
    for on_thread in threads.values():
        assert all(one["ts"] <= following["ts"] for one, following in pairwise(on_thread))
        _check_nesting([event for event in on_thread if event["ph"] == "X"])


def _check_nesting(spans: list[Event]) -> None:
    """Each one, in the order of their beginnings, ends within whatever is open when it begins."""
    open_until: list[int] = []
    for span in spans:
        until = span["ts"] + span["dur"]
        while open_until and open_until[-1] <= span["ts"]:
            open_until.pop()
        assert not open_until or until <= open_until[-1], span
        open_until.append(until)


def test_the_check_can_fail() -> None:
    span = {"ph": "X", "pid": 1, "tid": 1, "name": "x", "args": {}}
    _check_nesting([{**span, "ts": 0, "dur": 5}, {**span, "ts": 1, "dur": 4}, {**span, "ts": 5, "dur": 9}])
    with pytest.raises(AssertionError):
        _check_nesting([{**span, "ts": 0, "dur": 5}, {**span, "ts": 1, "dur": 5}])


def test_by_hand() -> None:
    text = perfetto(findings(by_hand()))
    _check(text)
    events = _events(text)
    assert _spans(events, PODS, 0) == [("preStop", 0, 10)]
    assert _spans(events, PODS, 2) == [("serving", 0, 4), ("preStop", 4, 14)]
    assert _spans(events, PODS, 3) == [("starting", 0.25, 5), ("serving", 5, 40)]
    assert _spans(events, TARGETS, 2) == [("in rotation", 0, 30), ("routable but dead", 14, 30)]
    assert _spans(events, TARGETS, 3) == [("in rotation", 10, 40)]
    instants = {(e["tid"], e["name"], e["ts"] / S) for e in events if e["ph"] == "i" and e["pid"] == TARGETS}
    assert instants == {
        (0, "DeregisterTargets", 7),
        (1, "DeregisterTargets", 10),
        (2, "DeregisterTargets", 10),
        (3, "RegisterTargets", 9.5),
    }


def test_the_controller_by_hand() -> None:
    events = _events(perfetto(findings(by_hand())))
    spans = _spans(events, CONTROLLER, 0)
    assert [span for span in spans if span[0].startswith("reconcile")] == [
        ("reconcile 7", 1, 8),
        ("reconcile 8", 8, 10),
    ]
    begin = spans.index((WAF, 1.5, 6.5))
    assert spans[begin + 1 : begin + 6] == [
        ("throttled", 1.5, 2),
        ("backing off", 2, 3),
        ("throttled", 3, 3.5),
        ("backing off", 3.5, 6),
        ("attempt", 6, 6.5),
    ]
    reconcile = _of(events, "X", CONTROLLER, 0)[0]
    assert reconcile["args"] == {"error": None, "ended": True, "registered": 0, "deregistered": 1}


def test_the_deployment_by_hand() -> None:
    events = _events(perfetto(findings(by_hand())))
    assert _spans(events, DEPLOYMENT, 0) == [("rollout", 0, 21)]
    scaled = [(e["name"], e["ts"] / S, e["args"]["n"]) for e in _of(events, "C", DEPLOYMENT, 0)]
    assert scaled == [("new ReplicaSet, replicas", 0.25, 1), ("old ReplicaSet, replicas", 4, 0)]


def test_every_cluster_s_attempts_since_the_start() -> None:
    events = [e for e in _events(perfetto(findings(by_hand()))) if e["pid"] == AWS_API and e["ph"] == "i"]
    assert Counter(e["name"] for e in events) == {
        "ok, cluster 0": 6,
        "throttled, cluster 0": 3,
        "throttled, cluster 1": 1,
    }


def test_failures_are_counted_by_second() -> None:
    counters = [e for e in _events(perfetto(findings(by_hand()))) if e["pid"] == REQUESTS and e["ph"] == "C"]
    assert {e["name"] for e in counters} == {
        "connect_refused (502) per second",
        "host_unreachable (502) per second",
        "idle_timeout (504) per second",
    }
    assert {(e["name"][:4], e["ts"] // S, e["args"]["n"]) for e in counters if e["args"]["n"]} == {
        ("conn", 11, 1),
        ("conn", 20, 1),
        ("host", 12, 2),
        ("idle", 22, 1),
    }


def test_a_request_in_flight_at_the_start_counts_in_the_first_second() -> None:
    events = _events(perfetto(findings(by_hand(failed=[(-3.0, 0, 0, Outcome.CLOSED_IN_FLIGHT)]))))
    counters = [e for e in events if e["ph"] == "C" and e["pid"] == REQUESTS]
    assert (counters[0]["ts"], counters[0]["args"]["n"]) == (0, 1)
    assert sum(e["args"]["n"] for e in counters) == 1


def test_nothing_failed() -> None:
    text = perfetto(findings(by_hand(failed=[])))
    _check(text)
    assert not [e for e in _events(text) if e["ph"] == "C" and e["pid"] == REQUESTS]


@pytest.mark.slow
def test_real_replications_nest(replications) -> None:
    for replication in replications:
        text = perfetto(findings(replication))
        _check(text)
        assert json.loads(text)["otherData"]["scenario"] == replication.scenario.name


def test_the_same_replication_gives_the_same_bytes() -> None:
    scenario = load_scenario("scenarios/baseline.yaml")
    assert perfetto(findings(simulate(scenario))) == perfetto(findings(simulate(scenario)))

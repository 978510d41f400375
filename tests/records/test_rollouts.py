"""Rollouts, lags and causes, against a few requests whose answer is worked out by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from albsim_tests.records import BEGIN_S, GROUP, NODES, call, iso, line, log, log_name, refused, trail

from sim.records.clocks import clock_doubts
from sim.records.deregistrations import changes
from sim.records.observation import Observation, observe
from sim.records.reading import read

if TYPE_CHECKING:
    from pathlib import Path

OLD, SECOND, NEW = "10.0.1.72:8080", "10.0.1.73:8080", "10.0.1.90:8080"


def said(time_s: float, msg: str, targets: tuple[str, ...] = ()) -> str:
    """Return a line of the controller's log."""
    of_line: dict[str, Any] = {"level": "info", "ts": BEGIN_S + time_s, "msg": msg, "arn": GROUP}
    if targets:
        of_line["targets"] = [{"Id": one.split(":")[0], "Port": int(one.split(":")[1])} for one in targets]
    return json.dumps(of_line)


def deleted(time_s: float, name: str) -> str:
    """Return an event of the audit log."""
    return json.dumps(
        {
            "apiVersion": "audit.k8s.io/v1",
            "auditID": name,
            "verb": "delete",
            "objectRef": {"resource": "pods", "namespace": "shop", "name": name},
            "requestReceivedTimestamp": iso(time_s),
        }
    )


def pod_list(path: Path, **addresses: str) -> None:
    """Write a list of pods."""
    items = [
        {"kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, "status": {"podIP": address}}
        for name, address in addresses.items()
    ]
    path.write_text(json.dumps({"kind": "List", "items": items}))


@pytest.fixture
def one_rollout(tmp_path: Path) -> Observation:
    """Return a rollout.

    A pod is deleted at 4, its target deregistered at 10.0 to 10.1, and sent requests until 13 and 19.
    """
    log(tmp_path / log_name(), *(line(second, OLD) for second in range(4)), refused(11, OLD), refused(12.999, OLD))
    log(tmp_path / log_name(NODES[1]), line(2, OLD), refused(18.5, OLD), line(19, NEW), line(40, OLD))
    log(
        tmp_path / "controller.log",
        said(2, "registering targets", (NEW,)),
        said(2.1, "registered targets"),
        said(10, "deRegistering targets", (OLD,)),
        said(10.1, "deRegistered targets"),
        said(30, "registering targets", (OLD,)),
        said(30.1, "registered targets"),
    )
    log(tmp_path / "audit.log", deleted(4, "web-1"))
    pod_list(tmp_path / "pods.json", **{"web-1": "10.0.1.72"})
    return observe(read([tmp_path]))


def test_a_rollout_by_hand(one_rollout: Observation) -> None:
    (rollout,) = one_rollout.rollouts
    assert rollout.from_s == BEGIN_S + 4
    assert rollout.until_s == pytest.approx(BEGIN_S + 18.5, abs=0.002)
    assert rollout.new_targets == 1
    assert {name: n for name, n in rollout.outcomes.items() if n} == {"reset": 3}


def test_a_lag_by_hand(one_rollout: Observation) -> None:
    (lag,) = one_rollout.rollouts[0].lags
    assert lag.pod == "shop/web-1"
    assert lag.begun_s - lag.deleted_s == pytest.approx(6)
    assert lag.deregistered_s - lag.begun_s == pytest.approx(0.05)
    after_s = {node: at_s - BEGIN_S for node, at_s in lag.last_s.items()}
    assert after_s == pytest.approx({NODES[0]: 12.999, NODES[1]: 18.5}, abs=0.002)
    assert lag.lag_s == pytest.approx(14.5, abs=0.002)


def test_calls_one_soon_after_the_other_are_one_rollout(tmp_path: Path) -> None:
    at_s = (0, 50, 100, 400, 440)
    trail(tmp_path / "trail", *(call(second, "DeregisterTargets", (f"10.0.1.{second % 251}:80",)) for second in at_s))
    found = observe(read([tmp_path])).rollouts
    assert [rollout.from_s - BEGIN_S for rollout in found] == [0, 400]
    assert [len(rollout.lags) for rollout in found] == [3, 2]


def test_a_throttled_call_deregisters_nothing(tmp_path: Path) -> None:
    throttled = call(0, "DeregisterTargets", (OLD,), error="ThrottlingException", requestParameters=None)
    records = read([trail(tmp_path / "trail", throttled, call(2, "DeregisterTargets", (OLD,)))])
    (change,) = changes(records, "deregister")
    assert (change.from_s - BEGIN_S, change.until_s - BEGIN_S) == (2, 3)
    (client,) = observe(records).clients
    assert (client.name, client.calls, client.throttled) == ("cluster-a-lbc", 2, 1)


def test_a_call_in_two_records_is_one(tmp_path: Path) -> None:
    trail(tmp_path / "trail", call(10, "DeregisterTargets", (OLD,)), call(70, "DeregisterTargets", (SECOND,)))
    lines = [said(10.2, "deRegistering targets", (OLD,)), said(10.3, "deRegistered targets")]
    throttled = [said(30, "deRegistering targets", (SECOND,)), said(70.9, "deRegistered targets")]
    log(tmp_path / "controller.log", *lines, *throttled)
    first, second = changes(read([tmp_path]), "deregister")
    assert (first.from_s - BEGIN_S, first.until_s - BEGIN_S) == pytest.approx((10.2, 10.3))
    assert (second.begun_s - BEGIN_S, second.from_s - BEGIN_S, second.until_s - BEGIN_S) == (30, 70, 71)


@pytest.mark.parametrize("ahead_s", [-20, -3, 3, 20])
def test_a_call_in_two_records_whose_clocks_are_apart_is_one(tmp_path: Path, ahead_s: float) -> None:
    trail(tmp_path / "trail", call(100, "DeregisterTargets", (OLD,)))
    lines = [said(100 + ahead_s, "deRegistering targets", (OLD,)), said(100.1 + ahead_s, "deRegistered targets")]
    log(tmp_path / "controller.log", *lines)
    assert len(changes(read([tmp_path]), "deregister")) == 1


def test_a_failed_call_has_a_beginning_and_no_end(tmp_path: Path) -> None:
    begun = [said(second, "deRegistering targets", (OLD,)) for second in (1, 5)]
    (change,) = changes(read([log(tmp_path / "log", *begun, said(5.5, "deRegistered targets"))]), "deregister")
    assert (change.from_s - BEGIN_S, change.until_s - BEGIN_S) == (5, 5.5)


def test_what_the_deregistration_delay_cut(tmp_path: Path) -> None:
    cut = {"status": "502", "target_status": "-", "times": (0.001, -1, -1)}
    log(tmp_path / "log", line(5, OLD, elapsed_s=305.2, **cut), line(5, OLD, elapsed_s=200, **cut))  # type: ignore[arg-type]
    trail(tmp_path / "trail", call(10, "DeregisterTargets", (OLD,)))
    outcomes = observe(read([tmp_path])).outcomes
    assert {name: n for name, n in outcomes.items() if n} == {"deregistration_delay_elapsed": 1, "reset": 1}


def test_what_a_pods_stop_tells(tmp_path: Path) -> None:
    in_flight = line(19.5, OLD, status="502", times=None, elapsed_s=0.7)
    log(tmp_path / "log", refused(5, OLD), in_flight, refused(22, OLD))
    state = {"terminated": {"finishedAt": iso(20, "%Y-%m-%dT%H:%M:%SZ")}}
    pod = {
        "kind": "Pod",
        "metadata": {"name": "web-1"},
        "status": {"podIP": "10.0.1.72", "containerStatuses": [{"state": state}]},
    }
    (tmp_path / "pods.json").write_text(json.dumps(pod))
    outcomes = observe(read([tmp_path])).outcomes
    assert {name: n for name, n in outcomes.items() if n} == {"reset": 1, "closed_in_flight": 1, "connect_refused": 1}


def test_a_file_that_a_node_lacks(tmp_path: Path) -> None:
    for node in NODES:
        for minute in ("05", "10", "15"):
            if (node, minute) != (NODES[1], "10"):
                log(tmp_path / log_name(node, f"20260817T10{minute}Z"), line(0))
    (missing,) = observe(read([tmp_path])).missing_files
    assert (missing.node, missing.from_s - BEGIN_S) == (NODES[1], 300)


def test_a_request_before_its_target_was_registered_betrays_the_clocks(tmp_path: Path) -> None:
    log(tmp_path / "log", line(3, NEW), line(8, OLD))
    trail(tmp_path / "trail", call(5, "RegisterTargets", (NEW,)), call(20, "DeregisterTargets", (OLD,)))
    clocks = observe(read([tmp_path])).clocks
    assert (clocks.n_came, clocks.earliest_s) == (1, -2)
    assert (clocks.n_left, clocks.n_silent_before, clocks.silent_before_s) == (1, 1, pytest.approx(12.5, abs=0.002))


def test_a_call_may_be_noted_late_by_as_much_as_came_after_its_pods_deletion(tmp_path: Path) -> None:
    """The call is completed in the second after 12, and so before 13."""
    log(tmp_path / "log", line(3, OLD))
    metadata = {"name": "web-1", "deletionTimestamp": iso(38, "%Y-%m-%dT%H:%M:%SZ"), "deletionGracePeriodSeconds": 30}
    pod = {"kind": "Pod", "metadata": metadata, "status": {"podIP": "10.0.1.72"}}
    (tmp_path / "pods.json").write_text(json.dumps(pod))
    trail(tmp_path / "trail", call(12, "DeregisterTargets", (OLD,)))
    assert observe(read([tmp_path])).clocks.most_late_s == pytest.approx(5, abs=0.01)
    assert "the calls' clock may be up to 5.0 s ahead of the ALB's" in clock_sentences(tmp_path)


def test_without_a_pods_deletion_it_may_be_late_by_any_time(tmp_path: Path) -> None:
    log(tmp_path / "log", line(3, OLD))
    trail(tmp_path / "trail", call(12, "DeregisterTargets", (OLD,)))
    assert "The calls' clock may be ahead of the ALB's by any time" in clock_sentences(tmp_path)


def clock_sentences(path: Path) -> str:
    """Return what is said of the clocks."""
    return " ".join(clock_doubts(observe(read([path])).clocks))


def test_a_call_before_its_pods_deletion_betrays_an_early_clock(tmp_path: Path) -> None:
    log(tmp_path / "log", line(3, OLD))
    log(tmp_path / "controller.log", said(10, "deRegistering targets", (OLD,)), said(10.1, "deRegistered targets"))
    log(tmp_path / "audit.log", deleted(11.6, "web-1"))
    pod_list(tmp_path / "pods.json", **{"web-1": "10.0.1.72"})
    clocks = observe(read([tmp_path])).clocks
    assert (clocks.n_deleted, clocks.before_deletion_s) == (1, pytest.approx(1.5))
    assert "1.5 s before the pods' deletions" in clock_sentences(tmp_path)


def test_a_new_targets_first_request_bounds_an_early_clock(tmp_path: Path) -> None:
    log(tmp_path / "log", line(7.5, NEW), line(8, OLD), line(9, SECOND), line(-200, SECOND))
    came = call(5, "RegisterTargets", (NEW, SECOND))
    trail(tmp_path / "trail", came, call(20, "DeregisterTargets", (OLD,), eventID="other"))
    assert observe(read([tmp_path])).clocks.most_early_s == 2.5
    assert "up to 2.5 s behind the ALB's" in clock_sentences(tmp_path)
    assert "too long by as much" in clock_sentences(tmp_path)


def test_without_a_new_target_an_early_clock_has_no_bound(tmp_path: Path) -> None:
    log(tmp_path / "log", line(8, OLD))
    trail(tmp_path / "trail", call(5, "DeregisterTargets", (OLD,)))
    assert "behind the ALB's by any time" in clock_sentences(tmp_path)
    assert "too long by as much" in clock_sentences(tmp_path)


def test_an_answer_after_a_pods_stop_betrays_kubernetes_clock(tmp_path: Path) -> None:
    log(tmp_path / "log", line(10, OLD), line(23, OLD))
    trail(tmp_path / "trail", call(15, "DeregisterTargets", (OLD,)))
    state = {"terminated": {"finishedAt": iso(20, "%Y-%m-%dT%H:%M:%SZ")}}
    metadata = {"name": "web-1", "deletionTimestamp": iso(40, "%Y-%m-%dT%H:%M:%SZ"), "deletionGracePeriodSeconds": 30}
    status = {"podIP": "10.0.1.72", "containerStatuses": [{"state": state}]}
    (tmp_path / "pods.json").write_text(json.dumps({"kind": "Pod", "metadata": metadata, "status": status}))
    assert observe(read([tmp_path])).clocks.after_stop_s == pytest.approx(2)
    assert "2.0 s after it had stopped" in clock_sentences(tmp_path)

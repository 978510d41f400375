"""Oracles: crashes, failed liveness probes and lost nodes by hand (docs/model.md, "Unplanned ends").

40 requests per second over 4 pods, so 10 per second to each, at one ALB node, with constant lags throughout.
"""

from __future__ import annotations

from typing import Any

import pytest

from sim.control_plane.trace import (
    ContainerRestarted,
    EndpointAdded,
    EndpointRemoved,
    PodDeleted,
    ProcessCut,
    Record,
    RolloutComplete,
    Sigterm,
    TargetDeregistered,
    TargetRecovered,
    TargetRegistered,
    TargetUnhealthy,
)
from sim.data_plane.outcomes import Outcome
from sim.experiment.replication import Replication, simulate
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario

CHECKS = {"interval_s": 10, "timeout_s": 4, "healthy_threshold": 3, "unhealthy_threshold": 2}


def _scenario(disruption: str, spec: dict[str, Any], **changes: object) -> Scenario:
    base = {
        "name": "by-hand",
        "traffic": {"arrival_rate_rps": 40, "service_time_s": 0.1},
        "deployment": {"replicas": 4},
        "pod": {"startup_s": 20, "pre_stop_sleep_s": 3, "termination_grace_period_s": 12},
        "endpoints": {"propagation_s": 0.5},
        "controller": {"version": "fixed_lag", "deregistration_lag_s": 5, "registration_lag_s": 2},
        "target_group": {"alb_nodes": 1, "propagation_s": 3, "health_check": None},
        "disruption": disruption,
        disruption: spec,
    }
    return Scenario.model_validate(base).with_overrides(changes)


def _run(disruption: str, spec: dict[str, Any], **changes: object) -> Replication:
    return simulate(_scenario(disruption, spec, **changes), estimator="expected")


def _failures(replication: Replication) -> dict[str, float]:
    counts = replication.estimate.counts
    return {
        outcome.name.lower(): round(float(counts[outcome]), 6) for outcome in Outcome if outcome and counts[outcome]
    }


def _at(replication: Replication, kind: type[Record]) -> list[float]:
    return [record.time_s for record in replication.trace.of(kind)]


def test_a_crash_is_refused_until_the_deregistration_has_arrived() -> None:
    """Seen after 1 s, deregistered 5 s later, heard 3 s after that: 9 s of 10 requests, and the one in flight."""
    crash = _run("crash", {"noticed_after_s": 1, "restart_s": 20})
    assert _failures(crash) == {"connect_refused": 90, "closed_in_flight": 1}
    assert _at(crash, EndpointRemoved) == [1.5]
    assert _at(crash, TargetDeregistered) == [6]
    assert _at(crash, ContainerRestarted) == _at(crash, RolloutComplete) == [21]
    assert _at(crash, EndpointAdded) == [21.5]
    assert _at(crash, TargetRegistered) == [23]
    assert crash.timeline.pod.tolist() == [0, 1, 2, 3, 0]
    assert crash.timeline.registered_from_s[0, 4] == 23
    assert crash.deregistration_lag_s()[0] == crash.exposure_s()[0] == 9


def test_a_container_that_is_back_before_the_lag_is_over_is_never_deregistered() -> None:
    """Back after 1 + 4 s: 5 s of 10 requests, none later."""
    crash = _run("crash", {"noticed_after_s": 1, "restart_s": 4})
    assert _failures(crash) == {"connect_refused": 50, "closed_in_flight": 1}
    assert _at(crash, TargetDeregistered) == _at(crash, TargetRegistered) == []


def test_the_back_off_delays_the_restart() -> None:
    assert _at(_run("crash", {"noticed_after_s": 1, "restart_s": 4, "back_off_s": 10}), ContainerRestarted) == [15]


@pytest.mark.parametrize("timeout_s", [4, 9])
def test_health_checks_take_a_crashed_target_out_and_bring_it_back(timeout_s: float) -> None:
    """Out with the second check after 0 s, in with the third after 41 s. RSTs take a check no time."""
    checks = {**CHECKS, "timeout_s": timeout_s}
    slow = {"target_group.health_check": checks, "controller.deregistration_lag_s": 100}
    crash = _run("crash", {"noticed_after_s": 1, "restart_s": 40}, **slow)
    (out_s,), (back_s,) = _at(crash, TargetUnhealthy), _at(crash, TargetRecovered)
    assert 10 <= out_s < 20
    assert 61 <= back_s < 71
    assert (back_s - out_s) % 10 == pytest.approx(0, abs=1e-9) or (back_s - out_s) % 10 == pytest.approx(10)
    assert _failures(crash)["connect_refused"] == pytest.approx(10 * out_s)
    assert crash.timeline.healthy_from_s[0, 4] == back_s


def test_a_restart_between_two_checks_is_not_noticed_by_them() -> None:
    slow = {"target_group.health_check": CHECKS, "controller.deregistration_lag_s": 100}
    crash = _run("crash", {"noticed_after_s": 1, "restart_s": 8}, **slow)
    assert _at(crash, TargetUnhealthy) == _at(crash, TargetRecovered) == []
    assert _failures(crash)["connect_refused"] == pytest.approx(90)


def test_a_failed_liveness_probe_by_hand() -> None:
    """Three probes of 10 s, the last fails 1 s later, at x in [21, 31). SIGTERM after 3 s of preStop ends the process.

    The ALB hears 8 s after x, and the process ends before. Every request from 0.1 s before 0 s to x + 3 is cut, and
    those until x + 8 are refused.
    """
    hung = _run("liveness_failure", {"restart_s": 30})
    (sigterm_s,) = _at(hung, Sigterm)
    assert 24 <= sigterm_s < 34
    assert _at(hung, ProcessCut) == [sigterm_s]
    assert _at(hung, TargetDeregistered) == [pytest.approx(sigterm_s - 3 + 5)]
    assert _at(hung, ContainerRestarted) == [sigterm_s + 30]
    assert _failures(hung) == {
        "closed_in_flight": pytest.approx(10 * (sigterm_s + 0.1)),
        "connect_refused": pytest.approx(10 * 5),
    }


def test_a_hung_server_with_a_handler_ends_by_sigkill_and_its_requests_time_out() -> None:
    """3 s of preStop, then 9 s of grace: cut at x + 12. Requests older than 6 s have had 504 by then."""
    hung = _run("liveness_failure", {"restart_s": 30}, **{"pod.on_sigterm": "drain", "target_group.idle_timeout_s": 6})
    (sigterm_s,), (cut_s,) = _at(hung, Sigterm), _at(hung, ProcessCut)
    assert cut_s == sigterm_s + 9
    heard_s = sigterm_s + 5
    assert _failures(hung) == {
        "idle_timeout": pytest.approx(10 * (cut_s - 6 + 0.1)),
        "closed_in_flight": pytest.approx(10 * (heard_s - (cut_s - 6))),
    }


def test_a_lost_node_by_hand() -> None:
    """A heartbeat 4 s old, 40 s of grace, 2 s until somebody looks: NotReady at 38 s, and heard of 5 + 3 s later.

    Until then 2 of 4 pods get 20 requests per second: 504 after 10 s. The one in flight at each gets 504 after 60 s.
    """
    spec = {"pods": 2, "heartbeat_age_s": 4, "monitored_after_s": 2}
    lost = _run("node_lost", spec, **{"kubernetes.version": "v1.31"})
    assert _failures(lost) == {"connect_timeout": 20 * 46, "idle_timeout": 2}
    assert _at(lost, PodDeleted) == [338, 338]
    assert _at(lost, RolloutComplete) == [pytest.approx(358)]
    assert _at(_run("node_lost", spec), TargetDeregistered) == [53, 53]  # v1.32 waits 10 s longer


def test_a_check_without_an_answer_takes_its_timeout() -> None:
    lost = _run("node_lost", {}, **{"target_group.health_check": CHECKS})
    (out_s,) = _at(lost, TargetUnhealthy)
    assert 14 <= out_s < 24
    assert _failures(lost)["connect_timeout"] == pytest.approx(10 * out_s)


@pytest.mark.parametrize("kind", ["crash", "liveness_failure", "node_lost"])
def test_more_pods_than_there_are_and_worker_nodes_are_refused(kind: str) -> None:
    with pytest.raises(ScenarioError, match=rf"{kind}\.pods: expected at most 4"):
        _scenario(kind, {}, **{f"{kind}.pods": 5})
    with pytest.raises(ScenarioError, match=r"not simulated with target_group\.target_type"):
        _scenario(kind, {}, **{"target_group.target_type": "instance"})


@pytest.mark.parametrize("version", ["v1.1.4", "v2.8.2"])
def test_real_controllers_take_the_target_out_and_bring_it_back(version: str) -> None:
    controller = {"version": version, "deregistration_lag_s": None, "registration_lag_s": None}
    crash = _run("crash", {"noticed_after_s": 1, "restart_s": 60}, controller=controller)
    assert _at(crash, TargetDeregistered)[0] < 61 < _at(crash, TargetRegistered)[0]

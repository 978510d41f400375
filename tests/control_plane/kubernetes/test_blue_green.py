"""Oracles: a blue/green switch by hand (docs/model.md, "Blue/green").

40 requests per second over 4 pods at one ALB node, with constant lags.
"""

from __future__ import annotations

import pytest

from sim.control_plane.trace import PodDeleted, RolloutComplete, TargetDeregistered, TargetRegistered
from sim.data_plane.outcomes import Outcome
from sim.experiment.recommend import least_sleep_s
from sim.experiment.replication import Replication, simulate
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario


def _scenario(delay_s: float, **changes: object) -> Scenario:
    base = {
        "name": "by-hand",
        "replications": 2,
        "traffic": {"arrival_rate_rps": 40, "service_time_s": 0.1, "arrivals": "even"},
        "deployment": {"replicas": 4},
        "pod": {"pre_stop_sleep_s": 2, "sandbox_teardown_s": 60, "on_sigterm": "drain"},
        "endpoints": {"propagation_s": 0},
        "controller": {"version": "fixed_lag", "deregistration_lag_s": 20, "registration_lag_s": 5},
        "target_group": {"alb_nodes": 1, "propagation_s": 10, "health_check": None},
        "disruption": "blue_green",
        "blue_green": {"scale_down_delay_s": delay_s},
    }
    return Scenario.model_validate(base).with_overrides(changes)


def _run(delay_s: float) -> Replication:
    return simulate(_scenario(delay_s), estimator="expected")


def _refused(delay_s: float) -> float:
    return float(_run(delay_s).estimate.counts[Outcome.CONNECT_REFUSED])


def test_all_targets_are_swapped_at_once() -> None:
    whole = _run(30)
    assert {record.time_s for record in whole.trace.of(TargetRegistered)} == {5}
    assert {record.time_s for record in whole.trace.of(TargetDeregistered)} == {20}
    assert {record.time_s for record in whole.trace.of(PodDeleted)} == {30}
    assert whole.trace.of(RolloutComplete)[0].time_s == 30


def test_the_delay_and_the_sleep_have_to_outlast_the_lag_together() -> None:
    """The ALB forgets after 20 + 10 s. Old pods end after the delay and 2 s of preStop, and have half the requests."""
    assert _refused(28) == pytest.approx(0)
    assert _refused(20) == pytest.approx(20 * (30 - 22))
    assert _refused(0) == pytest.approx(40 * (5 - 2) + 20 * (30 - 5)), "all of them, until the new ones are registered"


def test_what_is_left_to_the_sleep() -> None:
    assert least_sleep_s(_scenario(25)) == 5
    assert least_sleep_s(_scenario(40)) == 0


def test_readiness_gates_are_refused() -> None:
    with pytest.raises(ScenarioError, match=r"not simulated with pod\.readiness_gate"):
        _scenario(30, **{"pod.readiness_gate": True, "controller.version": "v2.8.2"})

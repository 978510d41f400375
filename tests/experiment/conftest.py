from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario.specs import Scenario


@pytest.fixture(scope="session")
def scenario_paths() -> list[Path]:
    return sorted(Path("scenarios").glob("*.yaml"))


@pytest.fixture(scope="session")
def fixed_lag() -> Scenario:
    """Return a scenario in which every target leaves the one ALB node 10 s after its pod's deletion.

    Nothing is random but the arrivals.
    """
    return Scenario.model_validate(
        {
            "name": "fixed-lag",
            "seed": 3,
            "replications": 3,
            "traffic": {"arrival_rate_rps": 20, "service_time_s": 0.05},
            "deployment": {"replicas": 2, "max_surge": 1, "max_unavailable": 0},
            "pod": {"startup_s": 15, "termination_grace_period_s": 60, "sandbox_teardown_s": 60},
            "controller": {"version": "fixed_lag", "deregistration_lag_s": 10},
            "endpoints": {"propagation_s": 0},
            "target_group": {"alb_nodes": 1, "propagation_s": 0, "health_check": None},
        }
    )

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from sim.experiment.replication import simulate
from sim.scenario.loading import load_scenario
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.experiment.replication import Replication

settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("ci")

# The programs that tests start import what is installed, as the tests do, and not the tree they are started in.
os.environ["PYTHONSAFEPATH"] = "1"

# A shell starts what runs in the background deaf to Ctrl-C, nohup deaf to SIGHUP, and a child inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _scenario(**overrides: Any) -> Scenario:
    """Make a small scenario on a quiet account; keywords are dotted keys with `__` for the dot."""
    base = Scenario.model_validate(
        {"name": "test", "traffic": {"arrival_rate_rps": 100}, "deployment": {"replicas": 4}}
    )
    return base.with_overrides({key.replace("__", "."): value for key, value in overrides.items()})


@pytest.fixture(scope="session")
def make_scenario() -> Callable[..., Scenario]:
    return _scenario


@pytest.fixture(scope="session")
def replications() -> list[Replication]:
    """Simulate one replication of each scenario, and one in which a reconcile fails and fail-open lasts for minutes."""
    scenarios = [load_scenario(path) for path in sorted(Path("scenarios").glob("*.yaml"))]
    worst = simulate(load_scenario("scenarios/gree-200-pods.yaml"), replication=5)
    return [*(simulate(scenario) for scenario in scenarios), worst]

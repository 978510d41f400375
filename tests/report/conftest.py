from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sim.experiment.replication import simulate
from sim.scenario.loading import load_scenario

if TYPE_CHECKING:
    from sim.experiment.replication import Replication


@pytest.fixture(scope="session")
def replications() -> list[Replication]:
    """Simulate one replication of each scenario, and one in which a reconcile fails and fail-open lasts for minutes."""
    scenarios = [load_scenario(path) for path in sorted(Path("scenarios").glob("*.yaml"))]
    worst = simulate(load_scenario("scenarios/gree-200-pods.yaml"), replication=5)
    return [*(simulate(scenario) for scenario in scenarios), worst]

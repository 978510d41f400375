"""The simulator against real servers that a real load balancer is told to drain: the same scenarios, the same counts.

The requests and the control planes are the same in every run of this suite (fixed seeds), so that a score changes by
no more than what a few milliseconds of the machine's scheduling come to.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from live.comparison import TABLE, rows
from live.load_balancer import HAPROXY
from live.rig import measure_in_time
from scipy import stats

from sim.experiment.replications import process_pool, replicate
from sim.scenario.loading import load_scenarios

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from live.comparison import Row

    from sim.scenario.specs import Scenario

    Comparison = Callable[[Scenario], list[Row]]

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(HAPROXY is None, reason="HAProxy is not installed (Debian: apt-get install haproxy)"),
]
RUNS = 4
SCENARIOS = load_scenarios(Path(__file__).with_name("scenarios.yaml"))


@pytest.fixture(scope="module")
def compared(request: pytest.FixtureRequest) -> Iterator[Comparison]:
    """Compare a scenario, once; its runs are side by side, as each of them mostly waits."""
    table: dict[str, list[Row]] = request.config.stash[TABLE]

    def compare(scenario: Scenario) -> list[Row]:
        if scenario.name not in table:
            runs = list(pool.map(partial(measure_in_time, scenario), range(RUNS)))
            simulated = [figures.outcomes for figures in replicate(scenario, pool)]
            table[scenario.name] = list(rows(scenario.name, np.array(runs, float), np.array(simulated)))
        return table[scenario.name]

    with process_pool(RUNS) as pool:
        yield compare


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_each_outcome_is_as_frequent_as_simulated(scenario: Scenario, compared: Comparison) -> None:
    assert [str(row) for row in compared(scenario) if abs(row.z) > 3.5] == []


def test_the_scores_together_are_those_of_chance(compared: Comparison) -> None:
    """Kolmogorov and Smirnov against the standard normal, and the sum of squares, both at 0.1 %."""
    scores = np.array([row.z for scenario in SCENARIOS for row in compared(scenario)])
    assert stats.kstest(scores, "norm").pvalue > 0.001
    assert 0.0005 < stats.chi2(scores.size).cdf((scores**2).sum()) < 0.9995

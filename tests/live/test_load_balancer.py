"""The simulator against real servers that a real load balancer is told to drain: the same scenarios, the same counts.

The requests and the control planes are the same in every run of this suite (fixed seeds). So a score changes by no more
than what a few milliseconds of the machine's scheduling come to.
"""

from __future__ import annotations

import gc
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from albsim_tests.live.comparison import rows
from albsim_tests.live.load_balancer import HAPROXY
from albsim_tests.live.network import NoNetworkError
from albsim_tests.live.rig import TooBusyError, measure_in_time, too_busy
from scipy import stats

from sim.data_plane.outcomes import Outcome
from sim.experiment.figures import OUTCOMES
from sim.experiment.replications import replicate
from sim.scenario.loading import load_scenarios

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from albsim_tests.live.comparison import Row

    Comparison = Callable[[str], list[Row]]

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(HAPROXY is None, reason="HAProxy is not installed (Debian: apt-get install haproxy)"),
]
RUNS = 4
ROUTED = {"node-lost-without-a-route", "node-drain"}
"""Where addresses fall silent because nothing reaches them any more; the others' accept queue is full."""
SCENARIOS = {scenario.name: scenario for scenario in load_scenarios(Path(__file__).with_name("scenarios.yaml"))}


@pytest.fixture(scope="module")
def compared() -> Iterator[Comparison]:
    """Compare a scenario, once; its runs are side by side, as each of them mostly waits."""

    @cache
    def compare(name: str) -> list[Row]:
        try:
            measure = partial(measure_in_time, SCENARIOS[name], routed=name in ROUTED)
            runs = list(pool.map(measure, range(RUNS)))
        except TooBusyError as error:
            too_busy(str(error))
        except NoNetworkError as error:
            pytest.skip(str(error))
        simulated = [
            [figures[OUTCOMES[outcome]] for outcome in Outcome]
            for figures in replicate(SCENARIOS[name], pool, estimator="sampled")
        ]
        return list(rows(name, np.array(runs, float), np.array(simulated)))

    # Not sim's own pool: its workers block SIGTERM, and the servers and the load balancer that they start would too.
    # A collection of garbage would delay what happens in a run.
    with ProcessPoolExecutor(RUNS, mp_context=get_context("spawn"), initializer=gc.disable) as pool:
        yield compare


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_outcome_is_as_frequent_as_simulated(
    name: str, compared: Comparison, record_property: Callable[[str, object], None]
) -> None:
    for row in compared(name):
        record_property("row", str(row))
    assert [str(row) for row in compared(name) if abs(row.z) > 3.5] == []


def test_the_scores_together_are_those_of_chance(compared: Comparison) -> None:
    """Kolmogorov and Smirnov against the standard normal, and the sum of squares, both at 0.1 %."""
    scores = np.array([row.z for name in SCENARIOS for row in compared(name)])
    assert stats.kstest(scores, "norm").pvalue > 0.001
    assert 0.0005 < stats.chi2(scores.size).cdf((scores**2).sum()) < 0.9995

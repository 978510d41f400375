from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from albsim_tests.executors import InOrder

from sim.experiment.compare import compare
from sim.experiment.figures import columns_of
from sim.experiment.replication import simulate

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario


def test_each_difference_is_that_of_the_pairs(fixed_lag: Scenario) -> None:
    with_sleep = fixed_lag.with_overrides({"pod.pre_stop_sleep_s": 5})
    comparison = compare(fixed_lag, with_sleep, estimator="sampled", executor=InOrder())

    pairs = [
        (
            simulate(fixed_lag, replication=k).requests.n_status(502),
            simulate(with_sleep, replication=k).requests.n_status(502),
        )
        for k in range(3)
    ]
    of_502 = comparison.of("responses.502")
    assert of_502.first == pytest.approx(np.mean([one for one, _ in pairs]))
    assert of_502.difference.value == pytest.approx(np.mean([two - one for one, two in pairs]))
    assert of_502.difference.high < 0
    assert of_502.verdict == "real"
    assert [difference.figure for difference in comparison.differences] == list(columns_of(()))


def test_a_scenario_does_not_differ_from_itself(fixed_lag: Scenario) -> None:
    other = fixed_lag.with_overrides({"name": "the same under another name", "seed": 99})
    comparison = compare(fixed_lag, other, executor=InOrder())

    assert {difference.verdict for difference in comparison.differences} == {"none"}
    assert comparison.seed == 3


def test_common_draws_show_what_independent_ones_would_not(make_scenario: type) -> None:
    # Replications differ by tens of 502s; a hundredth more requests is about one more in each.
    scenario = make_scenario(replications=10)
    comparison = compare(scenario, make_scenario(replications=10, traffic__arrival_rate_rps=101), executor=InOrder())
    of_502 = comparison.of("responses.502")

    assert of_502.verdict == "real"
    assert 0 < of_502.difference.value < 0.1 * of_502.first


def test_what_may_be_chance_is_called_so(fixed_lag: Scenario) -> None:
    # The arrivals' draws are others: their numbers differ, their mean does not.
    one = fixed_lag.with_overrides({"target_group.alb_nodes": 1, "replications": 8})
    two = one.with_overrides({"target_group.routing": "random"})
    comparison = compare(one, two, estimator="sampled", executor=InOrder())

    assert comparison.of("responses.502").verdict == "open"


def test_one_pair_leaves_it_open(fixed_lag: Scenario) -> None:
    one = fixed_lag.with_overrides({"replications": 1})
    comparison = compare(one, one.with_overrides({"pod.pre_stop_sleep_s": 5}), executor=InOrder())

    assert math.isnan(comparison.of("responses.502").difference.low)
    assert comparison.of("responses.502").verdict == "open"
    assert comparison.of("rollout_s").verdict == "none"


def test_the_one_that_asks_for_more_says_how_often(fixed_lag: Scenario) -> None:
    assert compare(fixed_lag, fixed_lag.with_overrides({"replications": 5}), executor=InOrder()).replications == 5


def test_workers_change_nothing(fixed_lag: Scenario) -> None:
    other = fixed_lag.with_overrides({"pod.pre_stop_sleep_s": 5})
    with ThreadPoolExecutor(3) as threads:
        assert compare(fixed_lag, other, executor=threads) == compare(fixed_lag, other, executor=InOrder())

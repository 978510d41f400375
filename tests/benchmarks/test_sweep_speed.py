"""The grid of scenarios/gree-200-pods.yaml, 7 x 8 x 100 replications: within a minute on two cores, by a sample of it.

Each test is given on a machine that does nothing else: seconds of CPU depend on what runs beside.
"""

from __future__ import annotations

import time
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

from sim.experiment.grid import grid
from sim.experiment.replications import process_pool
from sim.experiment.sweep import sweep
from sim.scenario.loading import load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable

GREE = load_scenario("scenarios/gree-200-pods.yaml")
WHOLE = len(grid(GREE, GREE.sweep).points) * GREE.replications
BUDGET_S, CORES = 60.0, 2


class Here(Executor):
    """Does each task when it is submitted, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_the_grid_within_a_minute_on_two_cores() -> None:
    sweep(GREE, {}, replications=1, estimator="expected", executor=Here())
    began_s = time.process_time()
    frame = sweep(GREE, GREE.sweep, replications=4, estimator="expected", executor=Here())
    spent_s = time.process_time() - began_s
    assert spent_s / len(frame) * WHOLE <= BUDGET_S * CORES, f"{1000 * spent_s / len(frame):.1f} ms a replication"


def test_two_workers_take_at_most_six_tenths_of_one() -> None:
    def taken_s(workers: int) -> float:
        with process_pool(workers) as pool:
            began_s = time.perf_counter()
            sweep(GREE, GREE.sweep, replications=20, estimator="expected", executor=pool)
            return time.perf_counter() - began_s

    one_s, two_s = taken_s(1), taken_s(2)
    assert two_s <= 0.6 * one_s, f"one worker {one_s:.1f} s, two {two_s:.1f} s"


def test_the_seven_pre_stop_sleeps_cost_little_more_than_one() -> None:
    """All sleeps share one control plane."""

    def spent_s(sleeps_s: list[float]) -> float:
        began_s = time.process_time()
        sweep(GREE, {"pod.pre_stop_sleep_s": sleeps_s}, replications=4, estimator="expected", executor=Here())
        return time.process_time() - began_s

    all_s = [0.0, 10.0, 20.0, 40.0, 60.0, 90.0, 120.0]
    spent_s(all_s[:1])
    assert min(spent_s(all_s) for _ in range(3)) <= 2.5 * min(spent_s(all_s[3:4]) for _ in range(3))

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from functools import partial
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING

import numpy as np
import pytest
from albsim_tests.arrived import arrived

from sim.data_plane.outcomes import Outcome
from sim.experiment import replications
from sim.experiment.figures import DEREGISTRATION_LAG_S, OUTCOMES, REQUESTS, RESPONSES, Figures
from sim.experiment.replication import simulate
from sim.experiment.replications import process_pool, replicate
from sim.experiment.summary import summarise
from sim.scenario.loading import load_scenario
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from sim.scenario.specs import Scenario


def test_fixed_lag_against_arithmetic_by_hand() -> None:
    """Four pods, each routable and dead for 10 s, a fifth of 50 requests per second each: 100 a pod, Poisson.

    In flight at SIGTERM: 10 per second x 0.05 s = 0.5 a pod. The bounds are four standard errors of Poisson counts.
    """
    scenario = load_scenario("scenarios/fixed-lag.yaml")
    figures = list(replicate(scenario, estimator="sampled"))
    n = scenario.replications
    refused = sum(f[OUTCOMES[Outcome.CONNECT_REFUSED]] for f in figures) / n
    cut = sum(f[OUTCOMES[Outcome.CLOSED_IN_FLIGHT]] for f in figures) / n
    assert refused == pytest.approx(400, abs=4 * math.sqrt(400 / n))
    assert cut == pytest.approx(4 * 0.5, abs=4 * math.sqrt(2 / n))
    summary = summarise(scenario, figures)
    assert summary[OUTCOMES[Outcome.CONNECT_REFUSED]].low <= 400 <= summary[OUTCOMES[Outcome.CONNECT_REFUSED]].high
    assert summary[OUTCOMES[Outcome.CLOSED_IN_FLIGHT]].low <= 2 <= summary[OUTCOMES[Outcome.CLOSED_IN_FLIGHT]].high
    lag_s = np.concatenate([f[DEREGISTRATION_LAG_S] for f in figures])
    assert lag_s == pytest.approx(10)


@pytest.mark.slow
def test_counts_add_up_on_every_scenario(scenario_paths) -> None:
    for path in scenario_paths:
        result = simulate(load_scenario(path), replication=3, estimator="sampled")
        requests = result.requests
        if result.scenario.pod.concurrency is None:
            streams = Streams(result.scenario.seed, 3)
            assert requests.counts.sum() == arrived(result.scenario, streams, requests.window_until_s)
        assert requests.counts[1:].sum() == requests.arrival_s.size
        figures = result.figures()
        assert figures[REQUESTS] == sum(figures[RESPONSES[status]] for status in (200, 502, 503, 504))


def test_a_replication_is_the_same_twice_and_another_one_differs() -> None:
    scenario = load_scenario("scenarios/baseline.yaml")
    first, again, other = (_drawn(scenario, k) for k in (0, 0, 1))
    assert _bytes(first) == _bytes(again) != _bytes(other)


def test_seed_zero_is_a_seed() -> None:
    scenario = load_scenario("scenarios/baseline.yaml")
    zero, again, one = (_drawn(scenario.with_overrides({"seed": seed}), 0) for seed in (0, 0, 1))
    assert _bytes(zero) == _bytes(again) != _bytes(one)


@pytest.mark.slow
def test_workers_do_not_change_the_result() -> None:
    scenario = load_scenario("scenarios/baseline.yaml").with_overrides({"replications": 6})
    alone = [_bytes(figures) for figures in replicate(scenario, estimator="sampled")]
    with process_pool(2) as executor:
        assert [_bytes(figures) for figures in replicate(scenario, executor, estimator="sampled")] == alone


@pytest.mark.slow
def test_workers_leave_ctrl_c_to_their_parent() -> None:
    with process_pool(1) as executor:
        assert signal.SIGINT in executor.submit(signal.pthread_sigmask, signal.SIG_BLOCK, []).result()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_ctrl_c_while_a_worker_starts_comes_when_it_has_started(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    def start(worker: SpawnProcess) -> None:
        signal.raise_signal(signal.SIGINT)
        started.append(worker)

    monkeypatch.setattr(SpawnProcess, "start", start)
    with pytest.raises(KeyboardInterrupt):
        replications._Worker().start()
    assert len(started) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("module", "name"), [(os, "sched_getaffinity"), (signal, "pthread_sigmask")])
def test_a_pool_works_where_the_platform_lacks(module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS has no sched_getaffinity, Windows has neither."""
    monkeypatch.delattr(module, name)
    with process_pool() as executor:
        assert executor.submit(abs, -3).result() == 3


def test_a_signal_in_the_midst_of_submitting_is_raised_after_it() -> None:
    """Otherwise the pool's queue may stay locked, and the program waits for its own thread for ever."""
    queued = []

    def interrupted(put: Callable[[int], None], item: int) -> None:
        signal.raise_signal(signal.SIGINT)
        put(item)
        queued.append(item)

    with process_pool(1) as pool:
        pool._work_ids.put = partial(interrupted, pool._work_ids.put)  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            pool.submit(abs, -1)
    assert queued == [0]


def test_a_pool_s_futures_cannot_be_cancelled() -> None:
    with process_pool(1) as executor:
        futures = [executor.submit(abs, -number) for number in range(9)]
        assert not any(future.cancel() for future in futures)
        assert [future.result() for future in futures] == list(range(9))


def test_another_process_gives_the_same_bytes() -> None:
    """Hash randomisation, in particular, must not reach the order of events."""
    row = simulate(load_scenario("scenarios/gree-200-pods.yaml"), estimator="sampled").figures().row()
    code = (
        "from sim.scenario.loading import load_scenario; from sim.experiment.replication import simulate;"
        "f = simulate(load_scenario('scenarios/gree-200-pods.yaml'), estimator='sampled').figures(); print(f.row())"
    )
    env = os.environ | {"PYTHONHASHSEED": "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, env=env)
    assert done.stdout == f"{row}\n"


def test_common_random_numbers_meet_the_same_control_plane() -> None:
    """A longer preStop changes neither pods nor controller: every target leaves the rotation at the same moment."""
    scenario = load_scenario("scenarios/gree-200-pods.yaml").with_overrides({"deployment.replicas": 20})
    short, long = (simulate(scenario.with_overrides({"pod.pre_stop_sleep_s": sleep_s})) for sleep_s in (20, 30))
    assert np.array_equal(short.timeline.registered_until_s, long.timeline.registered_until_s)
    assert np.array_equal(short.deleted_s(), long.deleted_s(), equal_nan=True)
    assert not np.array_equal(short.timeline.listener_closed_s, long.timeline.listener_closed_s)


@pytest.mark.slow
def test_common_random_numbers_make_a_difference_far_less_variable() -> None:
    """PreStop 20 against 30: at most a tenth of the variance with independent seeds, the sum of both variances."""
    scenario = load_scenario("scenarios/gree-200-pods.yaml")
    short, long = (
        np.array([_n_502(scenario.with_overrides({"pod.pre_stop_sleep_s": sleep_s}), k) for k in range(16)])
        for sleep_s in (20, 30)
    )
    assert np.var(short - long, ddof=1) <= (np.var(short, ddof=1) + np.var(long, ddof=1)) / 10


def _n_502(scenario: Scenario, replication: int) -> float:
    return simulate(scenario, replication=replication, estimator="expected").figures()[RESPONSES[502]]


def _drawn(scenario: Scenario, replication: int) -> Figures:
    return simulate(scenario, replication=replication, estimator="sampled").figures()


def _bytes(figures) -> bytes:
    return b"".join(np.asarray(value, np.float64).tobytes() for value in figures.values.values())

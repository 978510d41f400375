from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from albsim_tests.executors import Backwards, InOrder

from sim.experiment.figures import COLUMNS
from sim.experiment.provenance import replication_keys
from sim.experiment.replication import simulate
from sim.experiment.replications import process_pool
from sim.experiment.statistics import mean_estimate
from sim.experiment.sweep import UntilPrecise, sweep, unknown_points
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario

VARY = {"pod.pre_stop_sleep_s": [0, 10, 20], "target_group.propagation_s": [0, {"dist": "exponential", "mean": 3}]}


def test_a_row_is_what_its_replication_comes_to(make_scenario: type) -> None:
    frame = sweep(
        make_scenario(), {"pod.pre_stop_sleep_s": [0, 15]}, replications=2, estimator="sampled", executor=InOrder()
    )

    row = frame[(frame["pod.pre_stop_sleep_s"] == 15) & (frame["replication"] == 1)].iloc[0]
    replication = simulate(make_scenario(pod__pre_stop_sleep_s=15), replication=1)
    lags_s = [lag for lag in replication.deregistration_lag_s() if not np.isnan(lag)]
    exposures_s = [exposed for exposed in replication.exposure_s() if not np.isnan(exposed)]
    counts = replication.requests.counts
    assert row["requests"] == counts.sum()
    assert row["responses.200"] == row["outcomes.ok"] == counts[0]
    assert row["responses.502"] == replication.requests.n_status(502)
    assert row["outcomes.connect_refused"] == counts[1]
    assert row["rate_502"] == row["responses.502"] / row["requests"]
    assert row["any_502"] == (row["responses.502"] > 0)
    assert row["rollout_s"] == replication.timeline.rollout_complete_s
    assert row["deregistration_lag_s.mean"] == pytest.approx(np.mean(lags_s))
    assert row["deregistration_lag_s.max"] == max(lags_s)
    assert row["exposure_s.p90"] == pytest.approx(np.quantile(exposures_s, 0.9))
    assert row["aws_api.calls"] > 0


def test_columns_are_the_keys_the_replication_and_every_figure(fixed_lag: Scenario) -> None:
    frame = sweep(fixed_lag, VARY, replications=2, executor=InOrder())

    only_with_their_keys = ("capacity.", "gate_wait_s.")
    assert list(frame.columns) == [
        *VARY,
        "replication",
        *(column for column in COLUMNS if not column.startswith(only_with_their_keys)),
    ]
    assert len(frame) == 3 * 2 * 2
    assert frame["replication"].tolist() == [0, 1] * 6
    outcomes = frame[[name for name in COLUMNS if name.startswith("outcomes.")]].sum(axis="columns")
    assert outcomes.tolist() == frame["requests"].tolist()


def test_the_executor_and_the_order_in_which_it_finishes_change_nothing(fixed_lag: Scenario) -> None:
    alone = sweep(fixed_lag, VARY, executor=InOrder())
    with ThreadPoolExecutor(3) as threads:
        pd.testing.assert_frame_equal(sweep(fixed_lag, VARY, executor=threads), alone, check_exact=True)
    backwards = sweep(fixed_lag, VARY, executor=Backwards(2 * 3))
    pd.testing.assert_frame_equal(backwards, alone, check_exact=True)


@pytest.mark.slow
def test_the_process_pool_gives_the_same(fixed_lag: Scenario) -> None:
    with process_pool(2) as pool:
        pd.testing.assert_frame_equal(
            sweep(fixed_lag, VARY, executor=pool), sweep(fixed_lag, VARY, executor=InOrder()), check_exact=True
        )


def test_what_is_kept_is_not_simulated_again(fixed_lag: Scenario) -> None:
    kept: dict[str, tuple[float, ...]] = {}
    first = sweep(fixed_lag, {"pod.pre_stop_sleep_s": [0, 10]}, executor=InOrder(), kept=kept)
    seen: list[tuple[int, int]] = []
    more = sweep(
        fixed_lag,
        {"pod.pre_stop_sleep_s": [10, 20]},
        replications=5,
        executor=InOrder(),
        kept=kept,
        progress=lambda done, total: seen.append((done, total)),
    )

    assert seen[0] == (3, 10)
    assert len(seen) == 1 + 10 - 3
    again = more[(more["pod.pre_stop_sleep_s"] == 10) & (more["replication"] < 3)].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, first[first["pod.pre_stop_sleep_s"] == 10].reset_index(drop=True))


def test_a_key_names_what_a_replication_depends_on_and_nothing_else(fixed_lag: Scenario) -> None:
    key, second = replication_keys(fixed_lag, range(2), "sampled")
    same = {"name": "other", "description": "words", "replications": 9, "sweep": {"seed": [1]}}

    assert replication_keys(fixed_lag.with_overrides(same), [0], "sampled") == [key]
    for change in (
        {"seed": 4},
        {"pod.startup_s": 15.5},
        {"endpoints.propagation_s": {"dist": "uniform", "low": 0, "high": 1}},
    ):
        assert replication_keys(fixed_lag.with_overrides(change), [0], "sampled") != [key]
    assert second != key
    assert replication_keys(fixed_lag, [0], "expected") != [key]


def test_points_that_share_their_control_plane_are_simulated_together(fixed_lag: Scenario) -> None:
    """Three preStop sleeps, each with two propagations: a task for each propagation and replication."""
    executor = InOrder()
    frame = sweep(fixed_lag, VARY, executor=executor)

    assert executor.submitted == 2 * fixed_lag.replications
    assert len(frame) == 3 * 2 * fixed_lag.replications


def test_progress_counts_what_was_kept(fixed_lag: Scenario) -> None:
    kept: dict[str, tuple[float, ...]] = {}
    sweep(fixed_lag, {"pod.pre_stop_sleep_s": [0]}, executor=InOrder(), kept=kept)
    seen: list[tuple[int, int]] = []
    sweep(
        fixed_lag,
        {"pod.pre_stop_sleep_s": [0, 10]},
        executor=InOrder(),
        kept=kept,
        progress=lambda done, total: seen.append((done, total)),
    )

    assert seen == [(3, 6), (4, 6), (5, 6), (6, 6)]


@pytest.mark.slow
def test_it_replicates_until_precise(fixed_lag: Scenario) -> None:
    until = UntilPrecise(half_width=0.02, at_most=100)
    vary = {"pod.pre_stop_sleep_s": [0, 5, 30]}
    frame = sweep(fixed_lag, vary, replications=4, until=until, estimator="sampled", executor=InOrder())

    for sleep_s, rows in frame.groupby("pod.pre_stop_sleep_s"):
        estimate = mean_estimate(rows["responses.502"])
        reached = estimate.high - estimate.value <= 0.02 * estimate.value
        assert reached or len(rows) == 100, sleep_s
        assert len(rows) % 4 == 0
        earlier = mean_estimate(rows["responses.502"][:-4]) if len(rows) > 4 else None
        assert earlier is None or earlier.high - earlier.value > 0.02 * earlier.value
    sizes = frame.groupby("pod.pre_stop_sleep_s").size()
    assert sizes[30] == 4, "no 502 at all: there is nothing to wait for"
    assert 4 < sizes[0] < sizes[5]
    with ThreadPoolExecutor(3) as threads:
        again = sweep(fixed_lag, vary, replications=4, until=until, estimator="sampled", executor=threads)
    pd.testing.assert_frame_equal(again, frame, check_exact=True)


def test_where_one_rollout_makes_the_mean_the_median_and_the_chance_of_any_502_must_be_known() -> None:
    """Of 100 rollouts one has a million 502s. Wilson's interval of a half reaches 9.6 points from it, of one 3.7."""
    always, half = [1.0] * 100, [1.0, 0.0] * 50
    alike, spread_out = [100.0] * 99 + [1e6], [*range(99), 1e6]
    assert UntilPrecise(half_width=0.04).is_known(alike, always)
    assert not UntilPrecise(half_width=0.03).is_known(alike, always)
    assert UntilPrecise(half_width=0.1).is_known(alike, half)
    assert not UntilPrecise(half_width=0.09).is_known(alike, half)
    assert not UntilPrecise(half_width=0.1).is_known(spread_out, always), "the median is 49, between 40 and 59"
    assert UntilPrecise(half_width=0.25).is_known(spread_out, always)


def test_a_median_of_nothing_is_known_to_one_request() -> None:
    assert UntilPrecise(half_width=0.1).is_known([0.0] * 60 + [0.9] * 39 + [1e6], [1.0] * 100)


def test_it_says_how_many_points_are_not_known(fixed_lag: Scenario) -> None:
    vary = {"pod.pre_stop_sleep_s": [0, 30]}
    frame = sweep(fixed_lag, vary, replications=4, estimator="sampled", executor=InOrder())
    assert unknown_points(frame, UntilPrecise(half_width=1e-6)) == 1, "with 30 s there is no 502"
    assert unknown_points(frame, UntilPrecise(half_width=1.0)) == 0


def test_the_cap_ends_it(fixed_lag: Scenario) -> None:
    until = UntilPrecise(half_width=1e-6, at_most=5)

    assert len(sweep(fixed_lag, {}, replications=2, until=until, estimator="sampled", executor=InOrder())) == 5


def test_it_says_what_it_came_from(fixed_lag: Scenario) -> None:
    source = sweep(fixed_lag, VARY, executor=InOrder()).attrs["albsim"]

    assert Scenario.model_validate(source["scenario"]) == fixed_lag
    assert source["seed"] == 3
    assert source["vary"] == VARY
    assert source["version"].startswith("0.1.0+")


def test_it_gives_each_replication_s_expectation_unless_told_otherwise(fixed_lag: Scenario) -> None:
    frame = sweep(fixed_lag, {"pod.pre_stop_sleep_s": [0, 10]}, executor=InOrder())

    # Two pods, each refusing for 10 s the third of 20 requests per second; of a pod's 0.05 s each at SIGTERM as well.
    assert frame["responses.502"].tolist() == pytest.approx(
        [2 * 10.05 * 20 / 3] * 3 + [2 * 0.05 * 20 / 3] * 3, rel=0.05
    )
    assert frame.attrs["albsim"]["estimator"] == "expected"


def test_nothing_runs_if_a_point_is_wrong(fixed_lag: Scenario) -> None:
    executor = InOrder()
    with pytest.raises(ScenarioError):
        sweep(fixed_lag, {"pod.pre_stop_sleep_s": [0, -1]}, executor=executor)

    assert executor.submitted == 0


def test_a_rollout_without_an_end_is_named_and_the_finished_ones_are_kept(fixed_lag: Scenario) -> None:
    kept: dict[str, tuple[float, ...]] = {}
    with pytest.raises(
        ScenarioError, match=r"^pod\.startup_s=1000000\.0, replication 0: expected a rollout that is over"
    ):
        sweep(fixed_lag, {"pod.startup_s": [15, 1e6]}, executor=InOrder(), kept=kept)

    assert len(kept) == fixed_lag.replications


@pytest.mark.slow
def test_a_worker_of_a_dask_cluster_that_is_killed_costs_no_replication(fixed_lag: Scenario) -> None:
    distributed = pytest.importorskip("distributed")
    sleeps = {"pod.pre_stop_sleep_s": [10, 20]}
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        pids = list(client.run(os.getpid).values())

        def kill_one(done: int, _total: int) -> None:
            if done == 100:
                os.kill(pids[0], signal.SIGKILL)

        frame = sweep(fixed_lag, sleeps, replications=300, executor=client.get_executor(), progress=kill_one)

    pd.testing.assert_frame_equal(frame, sweep(fixed_lag, sleeps, replications=300))

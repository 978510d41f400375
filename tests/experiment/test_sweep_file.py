from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from albsim_tests.executors import InOrder
from pyarrow import parquet

from sim.experiment.figures import LATER_COLUMNS
from sim.experiment.journal import journal_path
from sim.experiment.sweep import sweep
from sim.experiment.sweep_file import NotASweepError, OtherSweepError, read_sweep, sweep_to_file, write_sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path
    from typing import Any

    from sim.scenario.specs import Scenario

VARY = {
    "pod.pre_stop_sleep_s": [0, 10.5],
    "target_group.propagation_s": [0, {"dist": "exponential", "mean": 3}],
    "pod.on_sigterm": ["exit", "drain"],
    "pod.readiness_gate": [False],
    "pod.concurrency": [None],
}
SUFFIXES = ["parquet", "csv"]


class Breaks(InOrder):
    """An executor in whose way something comes after some tasks."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = super().submit(fn, *args, **kwargs)
        if self.submitted > self._after:
            future.result = _interrupt  # type: ignore[method-assign]
        return future


def _interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_read_is_what_was_written(tmp_path: Path, fixed_lag: Scenario, suffix: str) -> None:
    path = tmp_path / f"r.{suffix}"
    frame = sweep(fixed_lag, VARY, replications=2, executor=InOrder())
    frame.loc[3, "deregistration_lag_s.mean"] = float("nan")
    write_sweep(frame, path)

    again = read_sweep(path)
    pd.testing.assert_frame_equal(again, frame, check_exact=True)
    assert again.attrs == frame.attrs
    assert again["pod.concurrency"].unique().tolist() == ["null"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_results_from_before_an_outcome_have_no_request_that_ended_so(
    tmp_path: Path, fixed_lag: Scenario, suffix: str
) -> None:
    frame = sweep(fixed_lag, {"pod.pre_stop_sleep_s": [1]}, replications=1, executor=InOrder())
    older = frame.drop(columns=[*LATER_COLUMNS])
    older.attrs = frame.attrs
    write_sweep(older, tmp_path / f"r.{suffix}")
    again = read_sweep(tmp_path / f"r.{suffix}")
    assert {"responses.460", "outcomes.client_timeout", "outcomes.old_address_unreachable"} == {*LATER_COLUMNS}
    assert (again[[*LATER_COLUMNS]] == 0).all(axis=None)


def test_others_can_read_it(tmp_path: Path, fixed_lag: Scenario) -> None:
    frame = sweep_to_file(fixed_lag, VARY, tmp_path / "r.parquet", executor=InOrder())
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "r.parquet"), frame, check_exact=True)
    sweep_to_file(fixed_lag, VARY, tmp_path / "r.csv", executor=InOrder())
    assert len(pd.read_csv(tmp_path / "r.csv", comment="#")) == len(frame)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_sweep_gives_the_same_bytes(tmp_path: Path, fixed_lag: Scenario, suffix: str) -> None:
    one, two = tmp_path / f"one.{suffix}", tmp_path / f"two.{suffix}"
    sweep_to_file(fixed_lag, VARY, one, executor=InOrder())
    sweep_to_file(fixed_lag, VARY, two, executor=InOrder())

    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_interrupted_sweep_goes_on_to_the_same_bytes(tmp_path: Path, fixed_lag: Scenario, suffix: str) -> None:
    undisturbed, interrupted = tmp_path / f"one.{suffix}", tmp_path / f"two.{suffix}"
    vary = {"pod.startup_s": [10, 15, 20]}
    sweep_to_file(fixed_lag, vary, undisturbed, executor=InOrder())
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            sweep_to_file(fixed_lag, vary, interrupted, executor=Breaks(after=2))
        assert not interrupted.exists()
    executor = InOrder()
    sweep_to_file(fixed_lag, vary, interrupted, executor=executor)

    assert executor.submitted == 3 * 3 - 2 * 2
    assert interrupted.read_bytes() == undisturbed.read_bytes()
    assert not journal_path(interrupted).exists()


def test_a_finished_sweep_is_not_repeated(tmp_path: Path, fixed_lag: Scenario) -> None:
    frame = sweep_to_file(fixed_lag, VARY, tmp_path / "r.csv", executor=InOrder())
    executor = InOrder()
    again = sweep_to_file(fixed_lag, VARY, tmp_path / "r.csv", executor=executor)

    assert executor.submitted == 0
    pd.testing.assert_frame_equal(again, frame, check_exact=True)


def test_another_sweep_replaces_it_only_if_it_may(tmp_path: Path, fixed_lag: Scenario) -> None:
    sweep_to_file(fixed_lag, {"pod.pre_stop_sleep_s": [0]}, tmp_path / "r.csv", executor=InOrder())
    other = partial(sweep_to_file, fixed_lag, {"pod.pre_stop_sleep_s": [1]}, tmp_path / "r.csv", executor=InOrder())
    with pytest.raises(OtherSweepError, match="they differ in vary"):
        other()
    frame = other(replace=True)

    assert frame["pod.pre_stop_sleep_s"].unique().tolist() == [1]
    assert read_sweep(tmp_path / "r.csv").attrs["albsim"]["vary"] == {"pod.pre_stop_sleep_s": [1]}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path, fixed_lag: Scenario, suffix: str) -> None:
    path = tmp_path / f"mine.{suffix}"
    path.write_bytes(b"a,b\n1,\xff\n")
    with pytest.raises(NotASweepError, match="expected a sweep's results"):
        sweep_to_file(fixed_lag, VARY, path, executor=InOrder())

    assert path.read_bytes() == b"a,b\n1,\xff\n"


def test_parquet_without_our_metadata_is_something_else(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(NotASweepError):
        read_sweep(tmp_path / "a.parquet")


def test_a_name_says_its_format(tmp_path: Path, fixed_lag: Scenario) -> None:
    with pytest.raises(NotASweepError, match=r"ends in \.parquet or \.csv \(got '\.xlsx'\)"):
        sweep_to_file(fixed_lag, VARY, tmp_path / "r.xlsx", executor=InOrder())


def test_metadata_and_figures_are_typed(tmp_path: Path, fixed_lag: Scenario) -> None:
    sweep_to_file(fixed_lag, VARY, tmp_path / "r.parquet", executor=InOrder())
    schema = parquet.read_schema(tmp_path / "r.parquet")

    types = {field.name: str(field.type) for field in schema}
    assert types["pod.pre_stop_sleep_s"] == "double"
    assert types["replication"] == "int64"
    assert types["pod.on_sigterm"] == "string"
    assert types["responses.502"] == "double"
    assert list(schema.metadata) == [b"albsim"]


def test_a_text_like_a_formula_is_guarded_in_csv_and_read_as_it_was(tmp_path: Path, fixed_lag: Scenario) -> None:
    names = ["=1+1", "'=1", "@x", "plain"]
    sweep_to_file(fixed_lag, {"name": names}, tmp_path / "r.csv", executor=InOrder())

    cells = [line.split(",")[0] for line in (tmp_path / "r.csv").read_text().splitlines()[2:]]
    assert {*cells} == {"'=1+1", "''=1", "'@x", "plain"}
    assert read_sweep(tmp_path / "r.csv")["name"].unique().tolist() == names

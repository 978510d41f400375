"""Whatever stands in a sweep's file or its journal: it is read, refused in a sentence, or done without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from albsim_tests.executors import InOrder
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from sim.experiment.journal import Journal
from sim.experiment.sweep import sweep
from sim.experiment.sweep_file import NotASweepError, read_sweep, write_sweep
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

MINIMAL = {"name": "x", "traffic": {"arrival_rate_rps": 1}, "deployment": {"replicas": 1}}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    scenario = Scenario.model_validate(MINIMAL | {"aws_api": {"warm_up_s": 0}})
    return sweep(scenario, {"pod.pre_stop_sleep_s": [0, 5]}, replications=2, executor=InOrder())


@pytest.fixture(scope="module", params=[".csv", ".parquet"])
def whole(request: pytest.FixtureRequest, directory: Path, frame: pd.DataFrame) -> Path:
    path = directory / f"whole{request.param}"
    write_sweep(frame, path)
    return path


def read(path: Path) -> None:
    refusal = ""
    try:
        read_sweep(path)
    except NotASweepError as error:
        refusal = str(error)
    assert len(refusal.splitlines()) <= 1


@pytest.mark.slow
@settings(max_examples=150)
@given(content=st.binary(max_size=100))
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_any_bytes_as_a_sweep(directory: Path, suffix: str, content: bytes) -> None:
    path = directory / f"any{suffix}"
    path.write_bytes(content)
    read(path)


@pytest.mark.slow
@settings(max_examples=150)
@given(data=st.data())
def test_a_sweep_with_something_else_in_its_middle(directory: Path, whole: Path, data: st.DataObject) -> None:
    content = whole.read_bytes()
    at = data.draw(st.integers(0, len(content)))
    until = at + data.draw(st.integers(0, 30))
    path = directory / f"other{whole.suffix}"
    path.write_bytes(content[:at] + data.draw(st.binary(max_size=20)) + content[until:])
    read(path)


@pytest.mark.parametrize(
    "metadata",
    [
        "[]",
        "1",
        "{}",
        "NaN",
        "{",
        "[" * 9000,
        '{"vary": []}',
        '{"vary": {"seed": 1}, "scenario": {}}',
        '{"vary": {}}',
        '{"vary": {"pod.pre_stop_sleep_s": [0, 5]}, "scenario": {"name": "x"}, "version": "0"}',
        '{"vary": {"pod.pre_stop_sleep_s": [0, 5]}, "scenario": {"name": 1}, "version": "0", "seed": 1}',
        '{"vary": {"pod.pre_stop_sleep_s": 0}, "scenario": {"name": "x"}, "version": "0", "seed": 1}',
        '{"vary": {"pod.startup_s": [0, 5]}, "scenario": {"name": "x"}, "version": "0", "seed": 1}',
    ],
)
def test_metadata_of_another_form(directory: Path, whole: Path, metadata: str) -> None:
    path = directory / f"other{whole.suffix}"
    if whole.suffix == ".csv":
        _, _, rest = whole.read_text().partition("\n")
        path.write_text(f"# albsim {metadata}\n{rest}")
    else:
        parquet.write_table(parquet.read_table(whole).replace_schema_metadata({"albsim": metadata}), path)
    with pytest.raises(NotASweepError, match="expected a sweep's results"):
        read_sweep(path)


def test_a_sweep_without_a_figure_or_without_rows(directory: Path, frame: pd.DataFrame) -> None:
    path = directory / "part.parquet"
    for part in (frame.drop(columns="rate_502"), frame.drop(columns="replication"), frame.iloc[:0]):
        write_sweep(part, path)
        with pytest.raises(NotASweepError, match="expected a sweep's results"):
            read_sweep(path)


def test_a_cell_that_is_no_number(directory: Path, frame: pd.DataFrame) -> None:
    path = directory / "cell.csv"
    write_sweep(frame, path)
    path.write_text(path.read_text().replace("\n0,0,", "\n0,zero,"))
    with pytest.raises(NotASweepError):
        read_sweep(path)


@pytest.mark.slow
@settings(max_examples=150)
@given(content=st.binary(max_size=60) | st.text('[]",{}0189.eNaInul \n', max_size=60).map(str.encode))
def test_any_bytes_as_a_journal(directory: Path, content: bytes) -> None:
    path = directory / "journal"
    path.write_bytes(content)
    kept = Journal(path)
    kept["key"] = (1.0,)
    kept.close()
    assert path.read_bytes().endswith(b'["key", [1.0]]\n')

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.experiment.figures import COLUMNS
from sim.experiment.journal import InUseError, Journal, journal, journal_path

if TYPE_CHECKING:
    from pathlib import Path

WIDTH = len(COLUMNS)
ROW = tuple(range(WIDTH))


def read(path: Path) -> dict[str, tuple[float, ...]]:
    with closing(Journal(path)) as opened:
        return dict(opened)


def write(path: Path, **rows: tuple[float, ...]) -> None:
    with closing(Journal(path)) as opened:
        opened.update(rows)


def test_what_is_put_is_there_before_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with closing(Journal(path)) as opened:
        opened["a"] = ROW
        assert read(path) == {"a": ROW}


@given(st.lists(st.floats(), min_size=WIDTH, max_size=WIDTH))
def test_every_float_comes_back_to_the_bit(tmp_path_factory: pytest.TempPathFactory, row: list[float]) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal"
    write(path, a=tuple(row))

    np.testing.assert_array_equal(read(path)["a"], row)


@given(st.data())
def test_a_torn_end_costs_its_last_line_alone(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal"
    write(path, a=ROW, b=ROW, c=ROW)
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    whole = path.read_bytes().count(b"\n")

    assert list(read(path)) == list("abc"[:whole])
    write(path, d=ROW)
    assert list(read(path)) == [*"abc"[:whole], "d"]


@pytest.mark.parametrize("line", [b"", b"\0\0\0", b"[1, 2]", b'["a", [1, 2]]', b'{"a": 1}', b'["a", ["x"]]', b"\xff"])
def test_a_line_that_cannot_be_read_is_as_good_as_none(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "journal"
    write(path, a=ROW)
    path.write_bytes(line + b"\n" + path.read_bytes())

    assert read(path) == {"a": ROW}


def test_it_is_kept_if_the_block_fails_and_removed_if_not(tmp_path: Path) -> None:
    results = tmp_path / "r.csv"
    with pytest.raises(TypeError), journal(results) as kept:
        kept.update({"a": ROW, "b": {1}})  # type: ignore[dict-item]
    assert [path.name for path in tmp_path.iterdir()] == [journal_path(results).name]

    with journal(results) as kept:
        assert dict(kept) == {"a": ROW}
    assert list(tmp_path.iterdir()) == []


def test_a_signal_between_the_file_and_the_memory_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first result is in the file when the signal comes, and not yet in memory."""
    results = tmp_path / "r.csv"
    monkeypatch.setattr(Journal, "__len__", lambda _self: 0)

    def keep_one_and_stop() -> None:
        with journal(results) as kept:
            kept["a"] = ROW
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep_one_and_stop()
    monkeypatch.undo()
    assert read(journal_path(results)) == {"a": ROW}


def test_a_second_writer_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    results = tmp_path / "r.csv"
    with journal(results) as kept:
        kept["a"] = ROW
        with pytest.raises(InUseError, match="another sweep is writing this file"), journal(results):
            pass
        assert read(journal_path(results)) == {"a": ROW}


def test_the_lock_goes_with_a_killed_process(tmp_path: Path) -> None:
    results = tmp_path / "r.csv"
    program = f"""
import os, pathlib
from sim.experiment.journal import journal
with journal(pathlib.Path({str(results)!r})) as kept:
    kept["a"] = {ROW}
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9

    with journal(results) as kept:
        assert dict(kept) == {"a": ROW}

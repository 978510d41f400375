"""Reading records: files, directories and any mix of them.

`aws s3 sync` puts thousands of small files into directories by day, beside what `kubectl` and
`aws cloudtrail lookup-events` printed.

Modelled:
- Every file below a directory is looked into. The lines of a file tell what it is.
- Access logs go through two threads, in blocks of some megabytes, of which few wait: decompression and pyarrow hold no
  lock. So memory holds the wanted rows, some 45 bytes each, and little else.
- A log that is there twice, under its own name, is read once.

Left out: S3 itself. No credentials are asked for.

Sources: docs/facts/logs.md §1 (file names), §5.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.records.access_log import AccessLog
from sim.records.access_log_fields import FIRST_FIELDS
from sim.records.blocks import Blocks
from sim.records.names import Names
from sim.records.other_records import OtherRecords
from sim.records.records import (
    CALL_COLUMNS,
    CHECK_COLUMNS,
    FILE_COLUMNS,
    OUTCOMES,
    POD_COLUMNS,
    RECONCILE_COLUMNS,
    REQUEST_COLUMNS,
    Records,
)
from sim.records.rows import Rows
from sim.records.selection import EVERYTHING, Selection
from sim.records.times import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    import pandas as pd

    from sim.records.access_log import Columns

OnProgress = Callable[[int, int], None]
"""Called with the number of files that are read, and of how many."""

INTERVAL_S = 300.0
"""An ALB node writes a file every five minutes."""
_THREADS = 2
_LINES_LOOKED_AT = 100
_NAMED = re.compile(
    r"(?P<log>.*_elasticloadbalancing_.*_app\..*_(?P<end>\d{8}T\d{4}Z)_(?P<node>[\d.]+|[\da-fA-F:]+)_[^_]+)\.log(\.gz)?"
)
_ACCESS_LINE = re.compile(FIRST_FIELDS)


class NoRecordsError(ValueError):
    """Raised if there is nothing to observe. The message says what was found instead."""


@dataclass(slots=True, kw_only=True)
class _File:
    path: Path
    kind: str = "none"
    node: str = ""
    from_s: float = np.nan
    until_s: float = np.nan
    lines_read: int = 0
    lines_not_read: int = 0
    note: str = ""

    def row(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in FILE_COLUMNS} | {"path": str(self.path)}


def read(
    paths: Sequence[Path], selection: Selection = EVERYTHING, on_progress: OnProgress = lambda *_: None
) -> Records:
    """Read all records of files and directories.

    Raises NoRecordsError if there are none, OSError if a path is not there or cannot be opened.
    """
    files = [_named(path) for path in _found(paths)]
    reading = _Reading(selection)
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            reading.read(files, pool, on_progress)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if not any(file.lines_read for file in files):
        raise NoRecordsError(_nothing_in(paths, files))
    return reading.records(files)


def _found(paths: Iterable[Path]) -> list[Path]:
    """Return the files, those of a directory in their order, and each log once."""
    by_name: dict[object, Path] = {}
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if path.is_dir() and not file.is_file():
                continue
            named = _NAMED.fullmatch(file.name)
            by_name.setdefault(named["log"] if named else file.resolve(), file)
    return list(by_name.values())


def _named(path: Path) -> _File:
    """Return what the name of an access log tells."""
    named = _NAMED.fullmatch(path.name)
    if named is None:
        return _File(path=path)
    end = named["end"]
    until_s = seconds_of(f"{end[:4]}-{end[4:6]}-{end[6:8]}T{end[9:11]}:{end[11:13]}:00Z")
    return _File(path=path, node=named["node"], from_s=until_s - INTERVAL_S, until_s=until_s)


def _nothing_in(paths: Sequence[Path], files: Sequence[_File]) -> str:
    places = ", ".join(str(path) for path in paths)
    if not files:
        return f"{places}: no file there"
    first = f"'{files[0].path}'"
    if [file.path for file in files] == list(paths):
        counted = "no"
    else:
        counted = f"{first} is no" if len(files) == 1 else f"none of {len(files):,} files, such as {first}, is a"
    return (
        f"{places}: {counted} record that can be read; expected ALB access logs, CloudTrail, controller logs, audit "
        "logs, events or pod lists"
    )


class _Reading:
    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._targets, self._groups, self._nodes = Names(), Names(), Names()
        self._access_log = AccessLog(self._targets, self._groups, self._nodes)
        self._others = OtherRecords()
        codes = {name: "int32" for name, kind in REQUEST_COLUMNS.items() if kind == "category"}
        self._rows = Rows(REQUEST_COLUMNS | codes | {"outcome": "int8"})

    def read(self, files: Sequence[_File], pool: ThreadPoolExecutor, on_progress: OnProgress) -> None:
        """Read all files, and the blocks of access logs among them in the pool, in their order."""
        waiting: deque[tuple[_File, Future[tuple[Columns, int]]]] = deque()
        for number, file in enumerate(files):
            blocks = Blocks(file.path)
            rest = iter(blocks)
            first = next(rest, b"")
            if _is_access_log(first):
                file.kind = "access_log"
                for block in chain([first], rest):
                    waiting.append((file, pool.submit(self._access_log.read, block, file.node)))
                    if len(waiting) > 2 * _THREADS:
                        self._keep(*waiting.popleft())
            else:
                self._read_other(file, chain([first], rest))
            file.note = blocks.broken or file.note
            on_progress(number + 1, len(files))
        for left in waiting:
            self._keep(*left)

    def _keep(self, file: _File, reading: Future[tuple[Columns, int]]) -> None:
        columns, not_read = reading.result()
        file.lines_not_read += not_read
        if columns:
            file.lines_read += len(columns["time_s"])
            _widen(file, columns["time_s"])
            self._rows.append(self._wanted(columns))

    def _wanted(self, columns: Columns) -> Columns:
        wanted = self._selection.of_requests(columns["time_s"], columns["target_group"], self._groups)
        return columns if wanted is None else {name: column[wanted] for name, column in columns.items()}

    def _read_other(self, file: _File, blocks: Iterator[bytes]) -> None:
        written_s = file.path.stat().st_mtime
        found = self._others.read(blocks, node=file.node, written_s=written_s)
        file.kind, file.lines_read, file.lines_not_read = found.kind, found.n_read, found.n_not_read
        file.note = "the file ends too early or is damaged" if found.cut else ""

    def records(self, files: Sequence[_File]) -> Records:
        """Return everything that was read, as frames."""
        return Records(
            requests=self._requests() if any(file.kind == "access_log" for file in files) else None,
            calls=self._timed(self._others.calls, CALL_COLUMNS, any_group=True),
            reconciles=self._timed(self._others.reconciles, RECONCILE_COLUMNS),
            pods=_frame(self._others.pods.rows(), POD_COLUMNS),
            checks=self._timed(self._others.checks, CHECK_COLUMNS),
            error_codes=dict(self._access_log.error_codes.counts),
            files=_frame([file.row() for file in files], FILE_COLUMNS),
        )

    def _timed(self, rows: list[dict[str, Any]], columns: tuple[str, ...], *, any_group: bool = False) -> Any:  # noqa: ANN401 - pandas is imported late
        frame = _frame(rows, columns)
        if frame is None:
            return None
        return self._selection.of(frame.sort_values("time_s", kind="stable"), any_group=any_group)

    def _requests(self) -> pd.DataFrame:
        """Return the frame of requests, by time. Made column by column, only one column is in memory twice."""
        import pandas as pd

        order = np.argsort(self._rows.column("time_s"), kind="stable")
        names = {"target": self._targets, "target_group": self._groups, "node": self._nodes}
        frame: dict[str, Any] = {}
        for name in REQUEST_COLUMNS:
            whole = self._rows.column(name)[order]
            self._rows.drop(name)
            if name == "outcome":
                frame[name] = pd.Categorical.from_codes(whole, categories=pd.Index(OUTCOMES))
            else:
                frame[name] = names[name].column(whole) if name in names else whole
        return pd.DataFrame(frame, copy=False)


def _widen(file: _File, time_s: Any) -> None:  # noqa: ANN401 - an array
    """Widen a file's span so that it holds these moments, if the file's name tells no span."""
    if _NAMED.fullmatch(file.path.name) is None and len(time_s):
        file.from_s = float(np.fmin(file.from_s, time_s.min()))
        file.until_s = float(np.fmax(file.until_s, time_s.max()))


def _is_access_log(block: bytes) -> bool:
    return any(_ACCESS_LINE.match(line) for line in block.split(b"\n", _LINES_LOOKED_AT)[:_LINES_LOOKED_AT])


def _frame(rows: list[dict[str, Any]], columns: Sequence[str]) -> Any:  # noqa: ANN401 - pandas is imported late
    import pandas as pd

    return pd.DataFrame(rows, columns=list(columns)) if rows else None

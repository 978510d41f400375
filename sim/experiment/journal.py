"""The results of an unfinished sweep, kept beside its file as they finish.

How: a text file that is only appended to, with a line for each replication, written by one system call.
- A program that is killed loses only replications that had not finished.
- A torn last line (a full disk, a power cut) is cut off when the journal is opened again.
- A line that cannot be read counts as missing: its replication is simulated again.
- A lock, which the operating system releases when its holder ends, keeps a second sweep off the same file.

Left out: several machines writing one file, and protection against someone who edits the journal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from sim.experiment.figures import COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

    from sim.experiment.tasks import Row


class InUseError(Exception):
    """Raised when another sweep is writing the same file."""


class Journal(MutableMapping[str, "Row"]):
    """Results by key. A result that is put in is in the file when the call returns."""

    def __init__(self, path: Path) -> None:
        self._rows: dict[str, Row] = {}
        self._file = path.open("a+b")
        self._file.seek(0)
        whole, newline, torn = self._file.read().rpartition(b"\n")
        if torn:
            self._file.truncate(len(whole) + len(newline))
        self._rows.update(entry for line in whole.splitlines() if (entry := _entry(line)))

    def __getitem__(self, key: str) -> Row:
        """Return the result of this key."""
        return self._rows[key]

    def __setitem__(self, key: str, row: Row) -> None:
        """Keep a result."""
        self._file.write(json.dumps([key, row]).encode() + b"\n")
        self._file.flush()
        self._rows[key] = row

    def __delitem__(self, key: str) -> None:
        """Refuse: a journal forgets nothing."""
        raise TypeError(f"a journal's results cannot be removed (got {key!r})")

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys."""
        return iter(self._rows)

    def __len__(self) -> int:
        """Count the results."""
        return len(self._rows)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def journal_path(results: Path) -> Path:
    """Return where the journal of a file of results is."""
    return results.with_name(f"{results.name}.partial")


@contextmanager
def journal(results: Path) -> Iterator[Journal]:
    """Yield the open journal of a file of results. The journal is removed if the block succeeds or nothing is in it.

    Raises InUseError if another process has it open, OSError if it cannot be written.
    """
    path = journal_path(results)
    lock_path = results.with_name(f"{results.name}.lock")
    try:
        lock = FileLock(lock_path, blocking=False).acquire()
    except Timeout:
        raise InUseError(f"{results}: another sweep is writing this file; wait for it or choose another one") from None
    with lock:
        kept = Journal(path)
        is_needed = True
        try:
            yield kept
            is_needed = False
        finally:
            with suppress(OSError):  # a full disk has been reported before
                kept.close()
            # The file decides, as a signal may come between a result's line and its entry in memory.
            if not (is_needed and b"\n" in path.read_bytes()):
                path.unlink()
            # While the lock is held: whoever has opened the file meanwhile finds it gone and tries a new one.
            lock_path.unlink()


def _entry(line: bytes) -> tuple[str, Row] | None:
    try:
        key, row = json.loads(line)
        values = tuple(map(float, row))
    except (ValueError, TypeError):
        return None
    return (key, values) if isinstance(key, str) and len(values) == len(COLUMNS) else None

"""Progress of long work: on a terminal's stderr, and nowhere else."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress as Bars
    from rich.progress import TaskID

T = TypeVar("T")

_BAR_COLUMNS = 20


class Progress(Protocol):
    """How far the work is."""

    def describe(self, what: str | Callable[[], str]) -> None:
        """Say what is being done: in these words, or in those that are returned whenever the terminal is redrawn."""

    def step(self, done: T) -> T:
        """Count one more piece of work as done, and return it."""

    def reach(self, done: int, total: int) -> None:
        """Show how many pieces of work are done, and of how many."""


class Silent:
    """Shows nothing."""

    def describe(self, what: str | Callable[[], str]) -> None:
        """Say nothing."""

    def step(self, done: T) -> T:
        """Return the piece of work."""
        return done

    def reach(self, done: int, total: int) -> None:
        """Say nothing."""


@contextmanager
def progress_of(total: int | None = None, *, quiet: bool) -> Iterator[Progress]:
    """Show a bar with the time left, for `total` pieces of work, or as many as `reach` says, else the time so far."""
    if quiet or not sys.stderr.isatty():
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    from sim.cli.progress_columns import Done, Left

    words, bar = TextColumn("{task.fields[words]}", markup=False), BarColumn(bar_width=_BAR_COLUMNS)
    with Bars(words, bar, Done(), Left(), console=Console(stderr=True), transient=True) as bars:
        yield _Bar(bars, bars.add_task("", total=total, words=""))


class _Words:
    """Text that is asked for when it is shown."""

    def __init__(self, say: Callable[[], str]) -> None:
        self._say = say

    def __str__(self) -> str:
        return self._say()


class _Bar:
    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def describe(self, what: str | Callable[[], str]) -> None:
        self._bars.update(self._task, words=what if isinstance(what, str) else _Words(what))

    def step(self, done: T) -> T:
        self._bars.advance(self._task)
        return done

    def reach(self, done: int, total: int) -> None:
        self._bars.update(self._task, completed=done, total=total)

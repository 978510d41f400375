"""Columns of a progress bar: of work whose extent is unknown, the time since its beginning alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import MofNCompleteColumn, TimeRemainingColumn
from rich.text import Text

if TYPE_CHECKING:
    from rich.progress import Task


class Done(MofNCompleteColumn):
    """How many pieces of work are done, and of how many; nothing if that is unknown."""

    def render(self, task: Task) -> Text:
        """Return the column's text."""
        return Text() if task.total is None else super().render(task)


class Left(TimeRemainingColumn):
    """The time left; if that is unknown, the time since the beginning."""

    def render(self, task: Task) -> Text:
        """Return the column's text."""
        if task.total is not None:
            return super().render(task)
        minutes, seconds = divmod(int(task.elapsed or 0), 60)
        return Text(f"{minutes}:{seconds:02} so far", style="progress.elapsed")

"""The words that every kind of disruption brings for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.experiment.replication import Replication


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A disruption in words.

    `name`: what it is called; `complete`: what has happened when it is over; `started`: the pods that it starts,
    empty if it starts none; `ended`: what happens to those that it ends. `course` tells how one began and ended, as
    lines of text.
    """

    name: str
    complete: str
    started: str
    ended: str
    course: Callable[[Replication], Iterator[str]]

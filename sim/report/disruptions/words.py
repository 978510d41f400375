"""The words that each kind of disruption defines for reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.experiment.replication import Replication


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A disruption in words.

    - `name`: its name.
    - `complete`: what has happened when the disruption is over.
    - `started`: the pods that it starts, empty if there are none.
    - `ended`: what happens to the pods that it ends.
    - `course`: a function that yields lines of text on how a disruption began and ended.
    """

    name: str
    complete: str
    started: str
    ended: str
    course: Callable[[Replication], Iterator[str]]

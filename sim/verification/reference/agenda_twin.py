"""What the twins of the control plane have to do, in the order of time, and what they have done.

Events at one instant happen in the order in which they were put on the agenda. With continuous draws, only the steps of
one actor fall on one instant.
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Happened = tuple[Any, ...]


class Agenda:
    """The things to do, with their times, and the things done, by kind."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s
        self._todo: list[tuple[float, int, Callable[[], None]]] = []
        self._asked = count()
        self.happened: dict[str, list[Happened]] = {}

    def after(self, delay_s: float, do: Callable[[], None]) -> None:
        """Put something on the agenda."""
        heapq.heappush(self._todo, (self.now_s + delay_s, next(self._asked), do))

    @property
    def next_s(self) -> float:
        """When the next thing is to be done."""
        return self._todo[0][0]

    def note(self, kind: str, *what: object) -> None:
        """Write down what has happened or will happen. The first of `what` is the time."""
        self.happened.setdefault(kind, []).append(what)

    def next(self) -> None:
        """Do the next thing."""
        self.now_s, _, do = heapq.heappop(self._todo)
        do()

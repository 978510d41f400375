"""Time in the slow data plane: events at a time, and which of those at one instant comes first.

Written from docs/model.md, "Data plane": intervals are half-open, and the earliest cause wins.
"""

from __future__ import annotations

from enum import IntEnum
from heapq import heappush
from typing import TYPE_CHECKING

import simpy
from simpy.events import EventPriority

if TYPE_CHECKING:
    from collections.abc import Generator

    Process = Generator[simpy.Event]


class At(IntEnum):
    """What comes first of what happens at one instant; as it is in half-open intervals, and in the table of outcomes.

    What SimPy itself sets off (a worker is free, a request is done) has the priorities 0 and 1.
    """

    LISTENER_CLOSES = -1
    KILLED = 2
    CUT_BY_ALB = 3
    IDLE_TIMEOUT = 4
    CHANGE = 5
    ARRIVAL = 6


class Moment(simpy.Event):
    """An event that comes by itself, as SimPy's own `Timeout` does."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._ok = True
        self._value = None


class Clock(simpy.Environment):
    """A SimPy environment with events at a time, not after a delay: `now + (time - now)` may be another number."""

    def at(self, time_s: float, what: At) -> Moment:
        """Return an event at this time."""
        moment = Moment(self)
        heappush(self._queue, (time_s, EventPriority(what), next(self._eid), moment))
        return moment

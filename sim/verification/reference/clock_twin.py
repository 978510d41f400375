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
    """The order of events at one instant, as half-open intervals and the table of outcomes require.

    SimPy's own events (a worker is free, a request is done) have the priorities 0 and 1.
    """

    LISTENER_CLOSES = -1
    KILLED = 2
    CUT_BY_ALB = 3
    IDLE_TIMEOUT = 4
    CLIENT_TIMEOUT = 5
    MACHINE_GOES = 6
    CHANGE = 7
    ARRIVAL = 8


class Moment(simpy.Event):
    """An event that occurs without being triggered, like SimPy's own `Timeout`."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._ok = True
        self._value = None


class Clock(simpy.Environment):
    """A SimPy environment with events at a time, not after a delay: `now + (time - now)` may differ from `time`."""

    def at(self, time_s: float, what: At) -> Moment:
        """Return an event at this time."""
        moment = Moment(self)
        heappush(self._queue, (time_s, EventPriority(what), next(self._eid), moment))
        return moment

"""The simulation's clock: SimPy's environment, with its two inmost steps written out.

A control plane makes some ten thousand events. SimPy passes each of them through five calls: `Environment.timeout`,
`Timeout.__init__`, `schedule`, `run` and `step`. Here one is left. Order and meaning are SimPy's. Where nothing else
happens meanwhile, time can pass without an event (`passes`).

Sources: simpy.core.Environment and simpy.events.Timeout@4.1.
"""

from __future__ import annotations

import math
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, cast

import simpy
from simpy.events import NORMAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from simpy.events import Event


class Clock(simpy.Environment):
    """An environment that makes timeouts and passes events with fewer calls."""

    _passes_until_s = -math.inf

    def __init__(self, initial_time: float = 0.0) -> None:
        super().__init__(initial_time)
        self.running: set[object] = set()
        """The light processes that have not ended."""

    def timeout(self, delay: float = 0, value: Any = None) -> simpy.Timeout:  # noqa: ANN401 - what SimPy takes
        """Return an event that comes after a delay in seconds. Raises ValueError if the delay is negative."""
        if delay < 0:
            raise ValueError(f"Negative delay {delay}")
        event = simpy.Timeout.__new__(simpy.Timeout)
        event.env, event.callbacks = self, []
        event._value, event._delay, event._ok = value, delay, True  # noqa: SLF001
        heappush(self._queue, (self._now + delay, NORMAL, next(self._eid), event))
        return event

    def event(self) -> simpy.Event:
        """Return an event that comes when somebody lets it."""
        event = simpy.Event.__new__(simpy.Event)
        event.env, event.callbacks = self, []
        return event

    def run_until(self, over: Event, latest_s: float = math.inf) -> None:
        """Run until an event has come, or no event is left that comes at `latest_s` or before."""
        queue, self._passes_until_s = self._queue, latest_s
        while over.callbacks is not None and queue and queue[0][0] <= latest_s:
            self._now, _, _, event = heappop(queue)
            callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]
            for callback in callbacks:
                callback(event)
            if not event._ok and not event.defused:  # noqa: SLF001
                raise cast("Exception", event.value)
        self._passes_until_s = -math.inf

    def passes(self, delay_s: float) -> bool:
        """Let so many seconds pass at once if no event comes in them, and return whether they have passed.

        Only what an event calls last may ask for this: what it called later would see the later time.
        """
        queue, time_s = self._queue, self._now + delay_s
        if time_s > self._passes_until_s or (queue and queue[0][0] <= time_s):
            return False
        self._now = time_s
        return True


class Recurring:
    """An event that comes again and again, each time with something else to do."""

    __slots__ = ("_env", "callbacks")
    _ok = True

    def __init__(self, env: Clock) -> None:
        self._env = env
        self.callbacks: list[Callable[[Any], None]] | None = None

    def come_after(self, delay_s: float, then: Callable[[Any], None]) -> None:
        """Come after a delay, and do something."""
        env = self._env
        self.callbacks = [then]
        heappush(env._queue, (env._now + delay_s, NORMAL, next(env._eid), self))  # type: ignore[misc]  # noqa: SLF001

    def stop(self) -> None:
        """Do nothing more, should the event be still to come."""
        self.callbacks = []


def come_now(event: Event) -> None:
    """Let an event come within the one that is being passed, before any other."""
    event._ok, event._value = True, None  # noqa: SLF001
    callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]
    for callback in callbacks:
        callback(event)

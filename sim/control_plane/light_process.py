"""A process that costs SimPy no events of its own, for the many that nobody interrupts.

`simpy.Process` makes one event to begin and one to end. A light process begins at once, and makes an event for its end
only if somebody waits for it. Otherwise a light process is as SimPy's: a generator that yields the events it waits for.

The clock holds each process until the process has ended. Otherwise a process that waits for a `simpy.Resource` would be
held by its request alone. Suppose that the garbage collector ends an inner generator of that process. The request goes,
with it the process, and the outer generator is told to end while the inner one is ending: Python complains of that.

Left out: interrupts, the value that a process returns, and errors thrown into a process. An error that a process raises
ends the simulation.

Sources: simpy.events.Process@4.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import simpy

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from sim.control_plane.clock import Clock

_BEGIN = simpy.Environment().event().succeed()


class LightProcess:
    """A generator that is run from now on, through the events that it yields."""

    __slots__ = ("_ended", "_env", "_generator", "_has_ended", "_send")

    def __init__(self, env: Clock, generator: Generator[simpy.Event, Any, Any]) -> None:
        self._env = env
        self._generator = generator
        self._send = generator.send
        self._has_ended = False
        self._ended: simpy.Event | None = None
        env.running.add(self)
        self._resume(_BEGIN)

    def ended(self) -> Generator[simpy.Event]:
        """Wait until the process has ended."""
        if not self._has_ended:
            self._ended = self._ended or self._env.event()
            yield self._ended

    def stop(self) -> None:
        """End the process where it waits."""
        if not self._has_ended:
            self._generator.close()
            self._end()

    def _resume(self, event: simpy.Event) -> None:
        if self._has_ended or not event._ok:  # noqa: SLF001 - its properties would be calls
            return
        try:
            event = self._send(event._value)  # noqa: SLF001
            while event.callbacks is None:  # it has been processed
                event = self._send(event._value)  # type: ignore[unreachable]  # noqa: SLF001
        except StopIteration:
            self._end()
            return
        event.callbacks.append(self._resume)

    def _end(self) -> None:
        self._has_ended = True
        self._env.running.discard(self)
        if self._ended is not None:
            self._ended.succeed()

"""A mutex between the goroutines of one controller process, as Go's `sync.Mutex`: first come, first served.

SimPy's `Resource` makes two events for each request, with a queue for each kind. Here a free lock makes one.

Left out: waiting for the lock with a limit, and starvation mode.

Sources: https://pkg.go.dev/sync#Mutex.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sim.control_plane.simulation import call_when

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy


class Lock:
    """The lock, free at first. `with (yield from lock.taken()): …` holds it."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._is_held = False
        self._waiting: deque[simpy.Event] = deque()

    def taken(self) -> Generator[simpy.Event, None, Lock]:
        """Wait for the lock, take it, and return it."""
        handed_over = self._env.event()
        self._waiting.append(handed_over)
        self._hand_over()
        yield handed_over
        return self

    def __enter__(self) -> None:
        """Hold the lock."""

    def __exit__(self, *_: object) -> None:
        """Free the lock, for whoever has waited longest."""
        self._is_held = False
        if self._waiting:
            call_when(self._env.event().succeed(), self._hand_over)

    def _hand_over(self) -> None:
        if self._waiting and not self._is_held:
            self._is_held = True
            self._waiting.popleft().succeed()

"""The memory of a controller's reads from the AWS API.

Modelled: an answer is kept for a lifetime that depends on the action, and use does not prolong it. A write to a service
clears every answer of that service.

Sources: ticketmaster/aws-sdk-go-cache, cache/config.go@f64e3765016e.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    import simpy

    from sim.scenario.actions import Action

T = TypeVar("T")


class CallCache:
    """The calls whose answers are still held, which need not be made. `keeps_s` is an answer's lifetime, by action."""

    def __init__(self, env: simpy.Environment, keeps_s: Mapping[Action, float]) -> None:
        self._env = env
        self._keeps_s = keeps_s
        self._until_s: dict[tuple[Action, tuple[object, ...]], float] = {}

    def holds(self, action: Action, parameters: tuple[object, ...]) -> bool:
        """Return whether the answer to a call with these parameters is held."""
        until_s = self._until_s.get((action, parameters))
        return until_s is not None and self._env.now < until_s

    def note(self, action: Action, parameters: tuple[object, ...]) -> None:
        """Note that the call has succeeded now."""
        if not action.is_read:
            self._until_s = {
                call: until_s for call, until_s in self._until_s.items() if call[0].service is not action.service
            }
        elif action in self._keeps_s:
            self._until_s[action, parameters] = self._env.now + self._keeps_s[action]


class KnownFor(Generic[T]):
    """Things of which one call reports many at once. Each is known for `lifetime_s`."""

    def __init__(self, env: simpy.Environment, lifetime_s: float) -> None:
        self._env = env
        self._lifetime_s = lifetime_s
        self._known: set[T] = set()
        self._until_s: deque[tuple[float, AbstractSet[T]]] = deque()

    def unknown(self, things: AbstractSet[T]) -> AbstractSet[T]:
        """Return the things that are not known."""
        while self._until_s and self._until_s[0][0] <= self._env.now:
            self._known -= self._until_s.popleft()[1]
        return things - self._known

    def note(self, things: AbstractSet[T]) -> None:
        """Note that a call has reported these things, which were unknown before."""
        self._known |= things
        self._until_s.append((self._env.now + self._lifetime_s, things))

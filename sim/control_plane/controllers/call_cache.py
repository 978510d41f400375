"""The memory of a controller's reads from the AWS API.

Modelled: an answer is kept for a lifetime that depends on the action and is not prolonged by use; a write to a service
makes everything of that service forgotten (ticketmaster/aws-sdk-go-cache, cache/config.go@f64e3765016e).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import simpy

READS = ("Describe", "List", "Get")


class CallCache:
    """Which calls need not be made, because their answers are still held. `lifetime_s` maps an action to its own."""

    def __init__(self, env: simpy.Environment, lifetime_s: Callable[[str], float]) -> None:
        self._env = env
        self._lifetime_s = lifetime_s
        self._until_s: dict[tuple[str, tuple[object, ...]], float] = {}

    def holds(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Whether the answer to this very call is held."""
        until_s = self._until_s.get((action, parameters))
        return until_s is not None and self._env.now < until_s

    def note(self, action: str, parameters: tuple[object, ...]) -> None:
        """Note that the call has succeeded now."""
        if _is_write(action):
            service = action.split(":", maxsplit=1)[0]
            self._until_s = {
                call: until_s for call, until_s in self._until_s.items() if call[0].split(":")[0] != service
            }
        elif (lifetime_s := self._lifetime_s(action)) > 0:
            self._until_s[action, parameters] = self._env.now + lifetime_s


@cache
def _is_write(action: str) -> bool:
    return not action.split(":")[1].startswith(READS)

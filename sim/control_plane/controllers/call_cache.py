"""The memory of a controller's reads from the AWS API.

Modelled: an answer is kept for a lifetime that depends on the action, and use does not prolong it. A write to a service
clears every answer of that service.

Left out: the size of the cache, which has no limit here.

Sources: ticketmaster/aws-sdk-go-cache, cache/config.go@f64e3765016e.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import simpy

    from sim.scenario.actions import Action


class CallCache:
    """The calls whose answers are still held, which need not be made. `keeps_s` is an answer's lifetime, by action."""

    def __init__(self, env: simpy.Environment, keeps_s: Mapping[Action, float]) -> None:
        self._env = env
        self._keeps_s = keeps_s
        self._until_s: dict[tuple[Action, tuple[object, ...]], float] = {}

    def keeps(self, action: Action) -> bool:
        """Return whether answers to this action are kept at all."""
        return action in self._keeps_s

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

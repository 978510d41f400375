"""A row of AWS calls of one goroutine, each sent as soon as the one before it has succeeded.

Most attempts of a simulation are of such rows. The row goes from response to response by itself, and its goroutine
hears only of the end.

Modelled: what `AwsClient.call` models, for clients that do not limit themselves.

Left out: effects of the calls.

Sources: those of `aws_client`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sim.control_plane.clock import Recurring, come_now

if TYPE_CHECKING:
    from collections.abc import Iterable

    import simpy

    from sim.scenario.actions import Action


class Caller(Protocol):
    """The client that sends the attempts."""

    def attempt(
        self, action: Action, reconcile: int, number: int, backoff_s: float | None
    ) -> tuple[float, bool, float | None]:
        """Send an attempt after a backoff. Return its latency, whether it is throttled, and the backoff after it."""


class CallsInTurn(Recurring):
    """The calls. `over` comes with the last response; `failed` is then the call that failed, if one did."""

    __slots__ = ("_action", "_backoff_s", "_caller", "_number", "_reconcile", "_rest", "failed", "over")

    def __init__(self, env: simpy.Environment, caller: Caller, actions: Iterable[Action], reconcile: int) -> None:
        """Send the first attempt, of at least one call."""
        super().__init__(env)
        self._caller = caller
        self._rest = iter(actions)
        self._reconcile = reconcile
        self.over = env.event()
        self.failed: Action | None = None
        self._backoff_s: float | None = 0.0
        self._hear_of_success()

    def _hear_of_success(self, _response: object = None) -> None:
        action = next(self._rest, None)
        if action is None:
            come_now(self.over)
        else:
            self._action, self._number, self._backoff_s = action, 0, 0.0
            self._send()

    def _send(self, _backoff: object = None) -> None:
        latency_s, throttled, self._backoff_s = self._caller.attempt(
            self._action, self._reconcile, self._number, self._backoff_s
        )
        self.come_after(latency_s, self._hear_of_throttling if throttled else self._hear_of_success)

    def _hear_of_throttling(self, _response: object) -> None:
        if self._backoff_s is None:
            self.failed = self._action
            come_now(self.over)
        else:
            self._number += 1
            self.come_after(self._backoff_s, self._send)

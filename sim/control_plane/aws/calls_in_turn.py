"""A row of AWS calls of one goroutine, each sent as soon as the one before it has succeeded.

Most attempts of a simulation are of such rows. The row goes from response to response by itself, and its goroutine
hears only of the end. Where nothing else happens until a response, the response needs no event.

Modelled: what `AwsClient.call` models, for clients that do not limit themselves.

Left out: effects of the calls.

Sources: those of `aws_client`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sim.control_plane.clock import Recurring, come_now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.control_plane.clock import Clock
    from sim.scenario.actions import Action


class Caller(Protocol):
    """The client that sends the attempts."""

    def attempt(
        self, action: Action, reconcile: int, number: int, backoff_s: float | None
    ) -> tuple[float, bool, float | None]:
        """Send an attempt after a backoff.

        Return the attempt's latency, whether it is throttled, and the backoff after it.
        """


class CallsInTurn(Recurring):
    """The calls. `over` comes with the last response; `failed` is then the call that failed, if one did."""

    __slots__ = ("_action", "_backoff_s", "_caller", "_number", "_reconcile", "_rest", "failed", "over")

    def __init__(self, env: Clock, caller: Caller, actions: Iterable[Action], reconcile: int) -> None:
        """Send the first attempt, of at least one call."""
        super().__init__(env)
        self._caller = caller
        self._rest = iter(actions)
        self._reconcile = reconcile
        self.over = env.event()
        self.failed: Action | None = None
        self._backoff_s: float | None = 0.0
        self._action, self._number = next(self._rest), 0
        self._send()

    def _hear_of_success(self, _response: object = None) -> None:
        for action in self._rest:
            self._action, self._number = action, 0
            latency_s, throttled, self._backoff_s = self._caller.attempt(action, self._reconcile, 0, 0.0)
            if throttled or not self._env.passes(latency_s):
                self._hear_after(latency_s, throttled=throttled)
                return
        come_now(self.over)

    def _send(self, _backoff: object = None) -> None:
        latency_s, throttled, self._backoff_s = self._caller.attempt(
            self._action, self._reconcile, self._number, self._backoff_s
        )
        self._hear_after(latency_s, throttled=throttled)

    def _hear_after(self, latency_s: float, *, throttled: bool) -> None:
        self.come_after(latency_s, self._hear_of_throttling if throttled else self._hear_of_success)

    def _hear_of_throttling(self, _response: object) -> None:
        if self._backoff_s is None:
            self.failed = self._action
            come_now(self.over)
        else:
            self._number += 1
            self.come_after(self._backoff_s, self._send)

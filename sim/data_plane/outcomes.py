"""How a request may end, and the HTTP status that its client gets.

An ALB answers for a target that refuses, vanishes, hangs up or is too slow. The causes can be told apart in its access
log by the status and the time until it. `ends` says when each comes.

Sources: docs/facts/alb.md §3 (statuses); docs/model.md, "Data plane".
"""

from __future__ import annotations

from enum import IntEnum
from http import HTTPStatus


class Outcome(IntEnum):
    """What became of a request. `name.lower()` is the outcome's name in results."""

    OK = 0
    CONNECT_REFUSED = 1
    HOST_UNREACHABLE = 2
    CLOSED_IN_FLIGHT = 3
    KEEP_ALIVE_RACE = 4
    DEREGISTRATION_DELAY_ELAPSED = 5
    IDLE_TIMEOUT = 6
    CONNECT_TIMEOUT = 7
    NO_REGISTERED_TARGETS = 8
    CLIENT_TIMEOUT = 9
    OLD_ADDRESS_UNREACHABLE = 10

    @property
    def status(self) -> int | None:
        """Return the HTTP status that the client gets, None where no load balancer answers."""
        return _STATUS.get(self, 502)


_STATUS: dict[Outcome, int | None] = {
    Outcome.OK: 200,
    Outcome.IDLE_TIMEOUT: 504,
    Outcome.CONNECT_TIMEOUT: 504,
    Outcome.NO_REGISTERED_TARGETS: 503,
    Outcome.CLIENT_TIMEOUT: 460,
    Outcome.OLD_ADDRESS_UNREACHABLE: None,
}
OUTCOMES_502 = tuple(outcome for outcome in Outcome if outcome.status == HTTPStatus.BAD_GATEWAY)

"""An ALB node in the slow data plane: its choice of a target, and its pools of idle connections.

Written from docs/model.md, "Data plane", and docs/facts/alb.md §4.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.scenario.specs import TargetGroupSpec
    from sim.verification.reference.pod_twin import Pod
    from sim.verification.reference.request_twin import Sent
    from sim.verification.reference.rotation_twin import Rotation
    from sim.verification.reference.slow_start_twin import SlowStart

ROUND_TRIP_S = 0.001
"""The round trip between an ALB node and a target."""


@dataclass(slots=True, eq=False)
class Connection:
    """An idle connection of an ALB node's pool: to which pod, since when, and after which request."""

    pod: Pod
    idle_since_s: float
    request: int


class AlbNode:
    """One ALB node: what it routes over, what it has open there, and its pools of idle connections."""

    def __init__(
        self,
        rotation: Rotation,
        target_group: TargetGroupSpec,
        keep_alive_s: float,
        slow_start: SlowStart | None = None,
    ) -> None:
        self.rotation = rotation
        self._slow_start = slow_start
        self._routing = target_group.routing
        self._longest_idle_s = min(target_group.idle_timeout_s, keep_alive_s + ROUND_TRIP_S / 2)
        self._open: defaultdict[int, list[Sent]] = defaultdict(list)
        self._idle: defaultdict[int, list[Connection]] = defaultdict(list)
        self._last_turn: dict[int, int] = {}
        self._turns = count()
        for target in rotation.ring:
            self._note_turn(target)
        rotation.on_join = self._note_turn

    def choose(self, choice: float, now_s: float) -> int | None:
        """Return the target of a request, by the routing algorithm."""
        if self._slow_start is not None:
            in_order = sorted(self.rotation.ring, key=self._slow_start.slows)
            weights = [(self._slow_start.weight(target, now_s), target) for target in in_order]
            if any(weight < 1 for weight, _ in weights):
                return _drawn(weights, choice)
        match self._routing:
            case "round_robin":
                return self.rotation.next_in_turn()
            case "random":
                return self.rotation.chosen(choice)
            case "least_outstanding_requests":
                return min(self.rotation.ring, key=self._rank, default=None)

    def note_sent(self, to: int, sent: Sent) -> None:
        """Count a request as open until it has its answer."""
        self._open[to].append(sent)
        self._note_turn(to)

    def idle_connection(self, to: int, now_s: float) -> Connection | None:
        """Take the connection that became idle last; of several at one instant, the latest request's."""
        usable = [
            connection
            for connection in self._idle[to]
            if now_s - connection.idle_since_s < self._longest_idle_s and connection.pod.keeps_connections
        ]
        self._idle[to] = usable
        if not usable:
            return None
        last = max(usable, key=lambda connection: (connection.idle_since_s, connection.request))
        usable.remove(last)
        return last

    def keep(self, to: int, connection: Connection) -> None:
        """Put a connection into the pool of a target."""
        self._idle[to].append(connection)

    def _note_turn(self, target: int) -> None:
        self._last_turn[target] = next(self._turns)

    def _rank(self, target: int) -> tuple[int, int]:
        """Rank the fewest open first; of equals, the one whose last turn is the longest ago."""
        self._open[target] = [sent for sent in self._open[target] if not sent.outcome]
        return len(self._open[target]), self._last_turn[target]


def _drawn(weights: list[tuple[float, int]], choice: float) -> int:
    """Return the target that a draw selects, which runs through the weights in this order."""
    left = choice * sum(weight for weight, _ in weights)
    for weight, target in weights:
        left -= weight
        if left < 0:
            return target
    return weights[-1][1]

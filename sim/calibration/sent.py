"""When requests near the rollouts were sent to a target, by ALB node, out of an access log of millions.

Source: docs/facts/logs.md §4 ("Propagation": a request is sent at field 22 plus field 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.records.rollouts import CAUSED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.calibration.last_requests import Floats
    from sim.records.by_target import ByTarget


@dataclass(frozen=True, slots=True)
class Sent:
    """When requests were sent to a target: by ALB node, in order, and those that failed in the target."""

    by_node: dict[str, Floats]
    dead_s: Floats

    def since(self, from_s: float) -> Sent:
        """Return those that were sent from a moment on."""
        later = {node: times_s[np.searchsorted(times_s, from_s) :] for node, times_s in self.by_node.items()}
        by_node = {node: times_s for node, times_s in later.items() if times_s.size}
        return Sent(by_node, self.dead_s[self.dead_s >= from_s])


class SentRequests:
    """The requests of an access log near the rollouts, which are in these ranges of row numbers."""

    def __init__(self, requests: ByTarget, spans: Sequence[tuple[int, int]]) -> None:
        self._requests = requests
        self._spans = spans
        self._groups, self._nodes = (self._requests.names(column) for column in ("target_group", "node"))
        self._caused = [code for code, name in enumerate(self._requests.names("outcome")) if name in CAUSED]

    @property
    def targets(self) -> list[str]:
        """The targets that have requests."""
        return self._requests.targets

    def to(self, target: str, group: str = "") -> Sent:
        """Return the requests for a target, or only those that came by way of one target group."""
        numbers = self._requests.numbers(target)
        near = [numbers[slice(*np.searchsorted(numbers, span))] for span in self._spans]
        some = np.concatenate([numbers[:0], *near])
        if group:
            of_group = self._groups.index(group) if group in self._groups else -1
            some = some[self._requests.values("target_group", some) == of_group]
        sent_s, nodes = self._requests.sent_s(some), self._requests.values("node", some)
        return Sent(
            by_node={self._nodes[node]: np.sort(sent_s[nodes == node]) for node in np.unique(nodes).tolist()},
            dead_s=sent_s[np.isin(self._requests.values("outcome", some), self._caused)],
        )

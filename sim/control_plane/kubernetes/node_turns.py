"""The nodes of a drain with pods of several Deployments: a node is done when all Deployments are done with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy


@dataclass(slots=True)
class _Node:
    """What the Deployments have reported of one node so far."""

    all_reported: simpy.Event
    reports: int = 0
    done_s: float = 0.0
    is_empty: bool = True


class NodeTurns:
    """What so many Deployments report of the drained nodes."""

    def __init__(self, env: simpy.Environment, deployments: int) -> None:
        self._env = env
        self._deployments = deployments
        self._nodes: dict[int, _Node] = {}

    def report(self, number: int, done_s: float, *, is_empty: bool) -> Generator[simpy.Event, Any, tuple[float, bool]]:
        """Report that the drain waits no more for one Deployment's pods on a node from `done_s` on.

        `is_empty`: all of them go. Return the same of all Deployments, once each has reported: the latest time, and
        whether the node becomes empty.
        """
        if self._deployments == 1:
            return done_s, is_empty
        node = self._nodes.setdefault(number, _Node(self._env.event()))
        node.reports += 1
        node.done_s = max(node.done_s, done_s)
        node.is_empty &= is_empty
        if node.reports == self._deployments:
            node.all_reported.succeed()
        yield node.all_reported
        return node.done_s, node.is_empty

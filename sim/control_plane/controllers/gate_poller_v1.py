"""How the ALB Ingress Controller v1.1.6 and later sets readiness gates: a goroutine for each target group.

Before a reconcile registers or deregisters, it hands the targets whose gate is closed to the target group's goroutine,
over channels without a buffer. Once the health check's interval has passed without new targets, the goroutine asks
DescribeTargetHealth. The goroutine sets the gates of the healthy targets and goes on with the others.

Modelled: the goroutine, and what follows from its design:
- Each reconcile starts the interval anew. No gate opens while the target group is reconciled more often than that.
- A reconcile waits until a poll, with its retries, is over.
- When a reconcile finds no closed gate, the goroutine ends.

Left out: gates of other target groups than the rolled one.

Sources: internal/alb/tg/targethealth.go@0a4017bbd8 and targets.go@13b731a5ee (docs/facts/controller.md §3, "Locks").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import simpy

from sim.control_plane.aws.aws_client import ThrottledError
from sim.control_plane.trace.calls import NO_RECONCILE
from sim.scenario.actions import Action

if TYPE_CHECKING:
    from collections.abc import Generator
    from collections.abc import Set as AbstractSet

    from sim.control_plane.aws.aws_client import AwsClient
    from sim.control_plane.controllers.ingress import Backend, Gates


class GatePoller:
    """The goroutine of one target group, which runs while the group has a closed gate."""

    def __init__(self, env: simpy.Environment, client: AwsClient, backend: Backend[Any], gates: Gates[Any]) -> None:
        self._env = env
        self._client = client
        self._backend = backend
        self._gates = gates
        self._polls = simpy.Resource(env)
        self._goroutine: simpy.Process | None = None

    def watch(self, targets: AbstractSet[Any]) -> Generator[simpy.Event]:
        """Take over the targets whose gate is closed. The calling reconcile waits while a poll is under way."""
        if not targets:
            self.stop()
            return
        with self._polls.request() as turn:
            yield turn
            self.stop()
        self._goroutine = self._env.process(self._poll_until_open(targets))

    def stop(self) -> None:
        """End the goroutine and any poll that it has under way."""
        if self._goroutine is not None and self._goroutine.is_alive:
            self._goroutine.interrupt()
        self._goroutine = None

    def _poll_until_open(self, targets: AbstractSet[Any]) -> Generator[simpy.Event]:
        try:
            while targets:
                yield self._env.timeout(self._gates.poll_interval_s)
                with self._polls.request() as turn:
                    yield turn
                    targets = yield from self._poll(targets)
        except simpy.Interrupt:
            return

    def _poll(self, targets: AbstractSet[Any]) -> Generator[simpy.Event, Any, AbstractSet[Any]]:
        """Open the gates of the healthy targets and return the other targets."""
        try:
            yield from self._client.call(Action.DESCRIBE_TARGET_HEALTH, NO_RECONCILE)
        except ThrottledError:
            return targets
        healthy = self._backend.health(targets).healthy
        self._gates.open(healthy)
        return targets - healthy

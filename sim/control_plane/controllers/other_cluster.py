"""Another cluster of the account: the same controller process, with ingresses and churn of its own.

Modelled:
- Pods come and go at `churn_per_s`: a Poisson stream over the cluster. Each change is in one ingress, and adds or
  removes a pod with equal chance.
- The cluster's controller reconciles each change and, when throttled, backs off as the first cluster's does.
- The cluster's targets are `initial` for 15 s and `draining` for 300 s (the controllers' and AWS's defaults).

Left out: ingresses with several backends or more than 199 addresses.

Sources: docs/facts/controller.md §3; that pods come and go as a Poisson stream is an assumption.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.control_plane.aws.target_group import TargetHealth
from sim.scenario.distributions import Exponential
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from collections.abc import Set as AbstractSet

    import simpy

    from sim.control_plane.controllers.ingress import Gates, Ingress
    from sim.control_plane.controllers.leader import Leader
    from sim.control_plane.simulation import Simulation

PODS_AT_FIRST = 50
COMES_FRACTION = 0.5
INITIAL_S = 15.0
DRAINING_S = 300.0


class ChurningBackend:
    """A Service whose pods, without readiness gates, come and go, and its target group."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._endpoints = set(range(PODS_AT_FIRST))
        self._healthy_from_s = dict.fromkeys(self._endpoints, -math.inf)
        self._drained_s: dict[int, float] = {}
        self._next = PODS_AT_FIRST
        self.changes: list[int] = []
        self.target_changes: list[int] = []
        self.gates: Gates[int] | None = None

    def come(self) -> None:
        """Add a pod."""
        self._endpoints.add(self._next)
        self.changes.append(self._next)
        self._next += 1

    def go(self) -> None:
        """Remove the oldest pod."""
        if self._endpoints:
            oldest = min(self._endpoints)
            self._endpoints.remove(oldest)
            self.changes.append(oldest)

    def desired(self) -> frozenset[int]:
        """Return the addresses that the Endpoints hold now."""
        return frozenset(self._endpoints)

    def health(self, of: AbstractSet[int] | None = None) -> TargetHealth[int]:
        """Return the states of these targets, or of all targets including those that drain."""
        now_s = self._env.now
        self._drained_s = {target: until_s for target, until_s in self._drained_s.items() if now_s < until_s}
        registered = self._healthy_from_s.keys() if of is None else self._healthy_from_s.keys() & of
        healthy = {target for target in registered if self._healthy_from_s[target] <= now_s}
        draining = {target: until_s for target, until_s in self._drained_s.items() if of is None or target in of}
        return TargetHealth(initial=registered - healthy, healthy=healthy, unhealthy=set(), draining=draining)

    def registered(self) -> set[int]:
        """Return the targets that are not draining."""
        return set(self._healthy_from_s)

    def register(self, targets: Iterable[int]) -> None:
        """Take over a successful RegisterTargets, which leaves registered targets as they are."""
        joining = [target for target in targets if target not in self._healthy_from_s]
        self.target_changes += joining
        self._healthy_from_s |= dict.fromkeys(joining, self._env.now + INITIAL_S)

    def deregister(self, targets: Iterable[int]) -> None:
        """Take over a successful DeregisterTargets, which ignores targets that are not registered."""
        for target in self._healthy_from_s.keys() & targets:
            del self._healthy_from_s[target]
            self.target_changes.append(target)
            self._drained_s[target] = self._env.now + DRAINING_S


def churn(
    simulation: Simulation,
    controller: Leader,
    backends: list[ChurningBackend],
    ingresses: list[Ingress],
    *,
    churn_per_s: float,
    cluster: int,
) -> Generator[simpy.Event]:
    """Add and remove pods, for ever."""
    gap = Exponential(dist="exponential", mean=1 / churn_per_s)
    streams = simulation.streams
    gaps_s = streams.draws(gap, Stream.CHURN, cluster, 0)
    which = streams.uniforms(Stream.CHURN, cluster, 1)
    comes = streams.uniforms(Stream.CHURN, cluster, 2)
    while True:
        yield simulation.env.timeout(next(gaps_s))
        number = int(next(which) * len(ingresses))
        if next(comes) < COMES_FRACTION:
            backends[number].come()
        else:
            backends[number].go()
        controller.on_endpoints_change(ingresses[number], 0)

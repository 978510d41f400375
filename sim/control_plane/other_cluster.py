"""Another cluster of the account: the same controller process, with ingresses and churn of its own.

Modelled: pods come and go at `churn_per_s` (a Poisson stream over the cluster, each change in one of its ingresses,
by equal chance a pod that came or one that went); its controller reconciles for that and, throttled, backs off as
ours does.
Left out: ingresses with several backends or more than 199 addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.distributions import Exponential
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    import simpy

    from sim.control_plane.ingress_controller_v1 import Ingress, IngressControllerV1
    from sim.streams import Streams

PODS_AT_FIRST = 50
COMES_FRACTION = 0.5


class ChurningBackend:
    """A Service whose pods come and go, and its target group."""

    def __init__(self) -> None:
        self._endpoints = set(range(PODS_AT_FIRST))
        self._registered = set(self._endpoints)
        self._next = PODS_AT_FIRST

    def come(self) -> None:
        """Let a pod join."""
        self._endpoints.add(self._next)
        self._next += 1

    def go(self) -> None:
        """Let the oldest pod leave."""
        self._endpoints.discard(min(self._endpoints, default=0))

    def desired(self) -> set[int]:
        """Give the addresses that the Endpoints hold now."""
        return set(self._endpoints)

    def current(self) -> set[int]:
        """Give the registered targets that are not draining."""
        return set(self._registered)

    def register(self, targets: Iterable[int]) -> None:
        """RegisterTargets has succeeded."""
        self._registered.update(targets)

    def deregister(self, targets: Iterable[int]) -> None:
        """DeregisterTargets has succeeded."""
        self._registered.difference_update(targets)


def churn(
    env: simpy.Environment,
    controller: IngressControllerV1,
    backends: list[ChurningBackend],
    ingresses: list[Ingress],
    streams: Streams,
    *,
    churn_per_s: float,
    cluster: int,
) -> Generator[simpy.Event]:
    """Let pods come and go, for ever."""
    gap = Exponential(dist="exponential", mean=1 / churn_per_s)
    gaps_s = streams.draws(gap, Stream.CHURN, cluster, 0)
    which = streams.uniforms(Stream.CHURN, cluster, 1)
    comes = streams.uniforms(Stream.CHURN, cluster, 2)
    while True:
        yield env.timeout(next(gaps_s))
        number = int(next(which) * len(ingresses))
        if next(comes) < COMES_FRACTION:
            backends[number].come()
        else:
            backends[number].go()
        controller.on_endpoints_change(ingresses[number])

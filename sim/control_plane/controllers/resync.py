"""The resyncs of a controller's informers (`--sync-period`): everything is enqueued, whether it has changed or not.

The real thing: each informer of a process tells of all that it holds, as if it had been updated, every sync period
times a factor of its own in [0.9, 1.1), drawn when it starts, so that no two stay in step. Most handlers see that
nothing has changed and enqueue nothing; those that do not look enqueue everything.
Modelled: the informers whose handlers enqueue everything. A process that has run since long before the rollout meets
it at a random phase of each; a process that starts within the simulation resyncs first one period later.
Source: controller-runtime pkg/cache/internal/informers_map.go (`resyncPeriod`); client-go tools/cache/reflector.go.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import simpy

    from sim.control_plane.controllers.ingress import Controller
    from sim.streams import Streams

LEAST_FACTOR = 0.9
FACTORS = 0.2


def resyncs(
    env: simpy.Environment, controller: Controller, streams: Streams, cluster: int, listed_s: float | None
) -> list[Generator[simpy.Event]]:
    """Return what resyncs each informer of a controller, to be run.

    They listed everything at `listed_s`; with None long before now, at the same phase of every rollout whatever its
    warm-up.
    """
    if controller.sync_period_s == 0:
        return []
    goroutines = []
    for informer in range(controller.resyncing_informers):
        factor, phase = streams.generator(Stream.RESYNC, cluster, informer).random(2).tolist()
        period_s = controller.sync_period_s * (LEAST_FACTOR + FACTORS * factor)
        first_s = (phase * period_s - env.now) % period_s if listed_s is None else period_s
        goroutines.append(_resync(env, partial(controller.on_resync, informer), first_s, period_s))
    return goroutines


def _resync(
    env: simpy.Environment, enqueue: Callable[[], None], first_s: float, period_s: float
) -> Generator[simpy.Event]:
    yield env.timeout(first_s)
    while True:
        enqueue()
        yield env.timeout(period_s)

"""The resyncs of a controller's informers (`--sync-period`), which enqueue everything, changed or not.

At each resync an informer reports all its objects as if they had been updated. An informer's period is the sync period
times a factor in [0.9, 1.1), drawn when the informer starts, so that no two stay in step. Most handlers see that
nothing has changed and enqueue nothing; handlers that do not compare enqueue everything.

Modelled:
- The informers whose handlers enqueue everything.
- A process that has run since long before the rollout meets the rollout at a random phase of each informer.
- A process that starts within the simulation resyncs first one period later.

Left out: informers whose handlers compare what changed, as nothing has.

Sources: controller-runtime pkg/cache/internal/informers_map.go (`resyncPeriod`); client-go tools/cache/reflector.go.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import simpy

    from sim.control_plane.controllers.ingress import Controller
    from sim.control_plane.simulation import Simulation

LEAST_FACTOR = 0.9
FACTORS = 0.2


def resyncs(
    simulation: Simulation, controller: Controller, cluster: int, listed_s: float | None
) -> list[Generator[simpy.Event]]:
    """Return the goroutines that resync each informer of a controller, to be run.

    The informers listed everything at `listed_s`. `listed_s` of None means long before now; the phase at the rollout's
    start then does not depend on the warm-up.
    """
    if controller.sync_period_s == 0:
        return []
    env, goroutines = simulation.env, []
    for informer in range(controller.resyncing_informers):
        factor, phase = simulation.streams.generator(Stream.RESYNC, cluster, informer).random(2).tolist()
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

"""The controller process that leads in a cluster, and what befalls it: a restart, its resyncs, the cluster's nodes.

One process leads at a time. When the leader ends, another process takes over as soon as the lease has run out. The
successor's informers list everything, and every item is enqueued.

Modelled:
- The queue, the caches, the backoff and the client's limits of a process end with the process.
- Calls that the process has not sent are lost. A call under way still takes effect unless throttled, but nobody reads
  the response.
- Until the successor leads, nobody works and no change is noticed.
- The successor starts with cold caches, full limiters and everything in its queue.
- Whoever leads receives node events, a Poisson stream, and resyncs (`resync`).

Left out:
- a process that loses its lease and lives on beside its successor;
- the time of the lists themselves, which is part of `controller.restart_takes_s`;
- LBC issue 1141: after a change of leaders, versions up to v1.1.2 deregistered all targets, and registered them again
  ten minutes later.

Sources: client-go tools/leaderelection/leaderelection.go@9a8caafaa5; controller-runtime pkg/manager/internal.go
@00d826e9a2 (both controllers leave the lease at its 15 s, and do not give the lease up when they end).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.controllers.resync import resyncs
from sim.control_plane.light_process import LightProcess
from sim.control_plane.trace.calls import ControllerRestarted
from sim.scenario.distributions import Exponential
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import simpy

    from sim.control_plane.controllers.ingress import Controller, Ingress
    from sim.control_plane.simulation import Simulation
    from sim.scenario.specs import ControllerSpec


class Leader:
    """One cluster's controller, whichever process leads. `make` starts a process in a simulation."""

    def __init__(
        self,
        simulation: Simulation,
        spec: ControllerSpec,
        make: Callable[[Simulation], Controller],
        *,
        cluster: int,
    ) -> None:
        self._simulation = simulation
        self._env = env = simulation.env
        self._spec = spec
        self._make = make
        self._cluster = cluster
        self._goroutines: list[LightProcess] = []
        self._controller: Controller | None = self._lead(simulation)
        if spec.restart_at_s is not None:
            LightProcess(env, self._restart(spec.restart_at_s))
        if spec.node_events_per_s > 0:
            LightProcess(env, self._node_events(spec.node_events_per_s))

    def on_endpoints_change(self, ingress: Ingress, position: int) -> None:
        """Tell the leading process, if there is one."""
        if self._controller is not None:
            self._controller.on_endpoints_change(ingress, position)

    def on_containers_ready(self, ingress: Ingress, position: int) -> None:
        """Tell the leading process, if there is one."""
        if self._controller is not None:
            self._controller.on_containers_ready(ingress, position)

    def on_instance_change(self, ingress: Ingress, position: int) -> None:
        """Tell the leading process, if there is one."""
        if self._controller is not None:
            self._controller.on_instance_change(ingress, position)

    def on_endpoints_behind_instances(self, ingress: Ingress, position: int) -> None:
        """Tell the leading process, if there is one."""
        if self._controller is not None:
            self._controller.on_endpoints_behind_instances(ingress, position)

    def on_ingress_change(self, ingress: Ingress) -> None:
        """Tell the leading process, if there is one."""
        if self._controller is not None:
            self._controller.on_ingress_change(ingress)

    def on_cordon(self) -> None:
        """Tell the leading process, if there is one."""
        if self._controller is not None:
            self._controller.on_cordon()

    def _lead(self, simulation: Simulation, *, listed_s: float | None = None) -> Controller:
        """Start a process that listed everything at `listed_s`, or long before the simulation if that is None."""
        controller = self._make(simulation)
        running = [*controller.goroutines(), *resyncs(simulation, controller, self._cluster, listed_s)]
        self._goroutines = [LightProcess(self._env, goroutine) for goroutine in running]
        return controller

    def _restart(self, at_s: float) -> Generator[simpy.Event]:
        yield self._env.timeout(at_s - self._env.now)
        streams = self._simulation.streams
        takes_s = next(streams.draws(self._spec.restart_takes_s, Stream.CONTROLLER_RESTART, self._cluster))
        self._simulation.trace.record(ControllerRestarted(at_s, at_s + takes_s, self._cluster))
        self._kill()
        yield self._env.timeout(takes_s)
        successors = self._simulation.within(Stream.CONTROLLER_RESTART, self._cluster)
        self._controller = self._lead(successors, listed_s=self._env.now)
        self._controller.enqueue_all()

    def _kill(self) -> None:
        if self._controller is not None:
            self._controller.stop()
        self._controller = None
        for goroutine in self._goroutines:
            goroutine.stop()

    def _node_events(self, per_s: float) -> Generator[simpy.Event]:
        gap = Exponential(dist="exponential", mean=1 / per_s)
        for gap_s in self._simulation.streams.draws(gap, Stream.NODE_EVENTS, self._cluster):
            yield self._env.timeout(gap_s)
            if self._controller is not None:
                self._controller.on_node_event()

"""A controller without a reconcile loop: constant, random or measured lags (`controller.version: fixed_lag`).

Such a controller serves arithmetic by hand, and lags that were measured in a cluster.

Modelled:
- Each target that is not registered before is, `registration_lag_s` after its pod's containers are ready.
- Each target is deregistered `deregistration_lag_s` after its pod's deletion, independently of all others. A target
  that is not registered by then never is.
- A pod that is not Ready for a while is deregistered after its lag too, if it is still not Ready then. Once Ready again
  it is registered after its lag.
- A readiness gate is set the moment its target is healthy.

Left out: calls of the AWS API, and so throttling.

Sources: none; it is no real controller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.pod import Pod, PodDraws
from sim.control_plane.light_process import LightProcess
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy

    from sim.control_plane.aws.target_group import TargetGroup
    from sim.control_plane.simulation import Simulation
    from sim.scenario.specs import ControllerSpec


class FixedLag:
    """The controller that registers and deregisters each target after its own lags."""

    def __init__(self, simulation: Simulation, spec: ControllerSpec, target_group: TargetGroup[Pod]) -> None:
        if spec.deregistration_lag_s is None or spec.registration_lag_s is None:
            raise ValueError(f"'deregistration_lag_s' and 'registration_lag_s' must be given (got {spec})")
        self._env = simulation.env
        self._target_group = target_group
        self._registered_before = target_group.registered()
        self._gone: set[Pod] = set()
        streams = simulation.streams
        self._registers_after_s = PodDraws(streams, spec.registration_lag_s, Stream.REGISTRATION_LAG)
        self._deregisters_after_s = PodDraws(streams, spec.deregistration_lag_s, Stream.DEREGISTRATION_LAG)

    def follow(self, pod: Pod) -> Generator[simpy.Event]:
        """Follow one pod from its readiness to its target's deregistration."""
        if pod not in self._registered_before:
            LightProcess(self._env, self._register(pod))
        yield pod.deleted
        yield self._env.timeout(self._deregisters_after_s[pod])
        self._deregister(pod)

    def _register(self, pod: Pod) -> Generator[simpy.Event]:
        yield pod.containers_ready
        yield self._env.timeout(self._registers_after_s[pod])
        if pod in self._gone:
            return
        self._target_group.register([pod])
        yield self._env.timeout(self._target_group.healthy_from_s(pod) - self._env.now)
        if not pod.gate_opened.triggered:
            pod.gate_opened.succeed()

    def _deregister(self, pod: Pod) -> None:
        self._gone.add(pod)
        self._target_group.deregister([pod])

    def follow_outage(self, pod: Pod, back: simpy.Event) -> Generator[simpy.Event]:
        """Deregister a pod that is no longer Ready, unless it is Ready again (`back`) before, and register it then."""
        yield self._env.timeout(self._deregisters_after_s[pod]) | back
        if back.triggered:
            return
        self._deregister(pod)
        yield back
        yield self._env.timeout(self._registers_after_s[pod])
        self._gone.discard(pod)
        self._target_group.register([pod])

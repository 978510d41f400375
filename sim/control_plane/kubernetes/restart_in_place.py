"""Containers that end unasked and restart in place: what a crash and a failed liveness probe have in common.

Modelled: when a container is Ready again, its endpoint comes back. Where the controller has deregistered the target by
then, it registers the target anew. Else the ALB nodes that took it for unhealthy wait for `healthy_threshold` passed
checks.

Left out:
- a second crash, and what a controller's call under way does after the target is back.

Sources: docs/facts/kubernetes.md §1, §4, §9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sim.control_plane.kubernetes.outage import Outage
from sim.control_plane.kubernetes.pod import PodDraws
from sim.control_plane.trace import ContainerRestarted, PodFailed, RolloutComplete
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted
    from sim.control_plane.kubernetes.pod import Pod
    from sim.scenario.specs import PodSpec
    from sim.scenario.unplanned import CrashSpec, LivenessFailureSpec


class RestartInPlace:
    """Containers that fail and restart in place. A restart in place ends no pod."""

    cause: Literal["crash", "hang"]

    def __init__(self, spec: CrashSpec | LivenessFailureSpec, pod: PodSpec, disrupted: Disrupted) -> None:
        simulation = disrupted.simulation
        self._env = simulation.env
        self._trace = simulation.trace
        self._not_ready = disrupted.not_ready
        self._outages = disrupted.outages
        self._failing = disrupted.pods[: spec.pods]
        self._restart_s = PodDraws(simulation.streams, spec.restart_s or pod.startup_s, Stream.CONTAINER_RESTART)
        self.ending: Sequence[Pod] = []

    def run(self) -> Generator[simpy.Event]:
        """Let the containers fail now. The disruption is over when all are Ready again."""
        yield self._env.all_of([self._env.process(self._fail(pod)) for pod in self._failing])
        self._trace.record(RolloutComplete(self._env.now))

    def _fail(self, pod: Pod) -> Generator[simpy.Event]:
        self._outages[pod] = outage = Outage(self._env.now, silent=self.cause == "hang")
        self._trace.record(PodFailed(self._env.now, pod.number, self.cause))
        back = self._env.event()
        yield from self._end(pod, back)
        yield self._env.timeout(self._restart_s[pod])
        outage.until_s = self._env.now
        self._trace.record(ContainerRestarted(self._env.now, pod.number))
        back.succeed()

    def _end(self, pod: Pod, back: simpy.Event) -> Generator[simpy.Event]:
        """Wait until the container has ended and the kubelet may restart it."""
        raise NotImplementedError

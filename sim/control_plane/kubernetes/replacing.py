"""What controllers that replace pods have in common: how they delete a pod and await its end, and await a new one.

Modelled: a controller hears of a pod's end, and of its availability, `sync_latency_s` after it.

Left out: a controller's own queue and workers.

Sources: docs/facts/kubernetes.md §3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.control_plane.kubernetes.deployment import MIN_READY_RECHECK_S
from sim.control_plane.kubernetes.pod import PodDraws
from sim.control_plane.trace import PodDeleted
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted
    from sim.control_plane.kubernetes.pod import Pod
    from sim.scenario.specs import DeploymentSpec


class Replacing:
    """A controller that replaces the pods `ending`."""

    ending: Sequence[Pod]

    def __init__(self, spec: DeploymentSpec, disrupted: Disrupted) -> None:
        simulation = disrupted.simulation
        self._env = simulation.env
        self._trace = simulation.trace
        self._client = disrupted.client
        self._adopt = disrupted.adopt
        self._gone_s = disrupted.gone_s
        self._min_ready_s = spec.min_ready_s
        self._end_latency_s = PodDraws(simulation.streams, spec.sync_latency_s, Stream.TERMINATION_SYNC)
        self._sync_latency_s = PodDraws(simulation.streams, spec.sync_latency_s, Stream.DEPLOYMENT_SYNC)

    def _delete(self, pod: Pod, wait_s: float) -> Generator[simpy.Event]:
        yield self._env.timeout(wait_s)
        self._trace.record(PodDeleted(self._env.now, pod.number))
        pod.deleted.succeed(self._env.now)

    def _until_gone(self, pod: Pod, wait_s: float) -> Generator[simpy.Event, Any]:
        """Delete a pod after this wait for the client, and wait until its end is known."""
        yield from self._delete(pod, wait_s)
        gone_s = yield from self._gone_s(pod)
        yield self._env.timeout(gone_s - self._env.now + self._end_latency_s[pod])

    def _until_available(self, pod: Pod) -> Generator[simpy.Event]:
        """Wait until it is known that a new pod is available."""
        yield pod.ready
        recheck_s = self._min_ready_s + MIN_READY_RECHECK_S if self._min_ready_s else 0.0
        yield self._env.timeout(recheck_s + self._sync_latency_s[pod])

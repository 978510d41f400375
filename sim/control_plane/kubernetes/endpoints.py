"""The Service's Endpoints, as the ingress controller's watch sees them.

Modelled:
- A pod joins `propagation_s` after it is ready. A pod leaves `propagation_s` after its deletion, while the kubelet
  terminates it (nothing orders the two).
- A pod that leaves before it has joined never joins: each write of the Endpoints holds all pods as they are then.
- Every change is reported to the watchers.
- A pod is among the addresses that are not ready from `propagation_s` after it has an address. Such a pod's coming is a
  change of the Endpoints too.
- When the containers of a pod with a readiness gate become ready, the Endpoints do not change. The watch of the pod
  itself reports that, `propagation_s` later.
- A pod whose first status says that it has an address and that its containers are ready is seen so at once.

Left out:
- the stale-cache retry of the EndpointSlice controller, which Endpoints do not go through;
- readiness that is lost before the deletion, except in an outage (`follow_outage`).

Sources: docs/facts/kubernetes.md §1 and §2 (`ready = serving && !terminating`; Endpoints drop a terminating pod at
once; a pod that is not ready is in their `notReadyAddresses`); kubernetes/kubernetes, syncService in
pkg/controller/endpoint/endpoints_controller.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.pod import Pod, PodDraws
from sim.control_plane.light_process import LightProcess
from sim.control_plane.trace import EndpointAdded, EndpointRemoved
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    import simpy

    from sim.control_plane.simulation import Simulation
    from sim.scenario.specs import EndpointsSpec


class Endpoints:
    """The addresses of one Service. `watchers` are called after each change, with the pod that it concerns.

    `addresses` are the ready pods, `starting` those whose containers are not ready yet, `gated` those with a closed
    gate. `changes` are the pods that joined these two or left them, in order. `pod_watchers` are called when a pod goes
    from `starting` to `gated`.
    """

    def __init__(
        self,
        simulation: Simulation,
        spec: EndpointsSpec,
        ready: Iterable[Pod],
        *,
        has_gates: bool = False,
    ) -> None:
        self._env = simulation.env
        self._trace = simulation.trace
        streams = simulation.streams
        self._joins_after_s = PodDraws(streams, spec.propagation_s, Stream.ENDPOINT_ADDITION)
        self._leaves_after_s = PodDraws(streams, spec.propagation_s, Stream.ENDPOINT_REMOVAL)
        self._has_gates = has_gates
        self.addresses = set(ready)
        self.starting: set[Pod] = set()
        self.gated: set[Pod] = set()
        self._left: set[Pod] = set()
        self.changes: list[Pod] = []
        self.watchers: list[Callable[[Pod], None]] = []
        self.pod_watchers: list[Callable[[Pod], None]] = []

    def follow(self, pod: Pod) -> Generator[simpy.Event]:
        """Follow one pod from its readiness to its deletion."""
        if pod not in self.addresses:
            LightProcess(self._env, self._join(pod))
        yield pod.deleted
        yield from self._leave(pod)

    def follow_outage(self, pod: Pod, back: simpy.Event) -> Generator[simpy.Event]:
        """Follow a pod that is no longer Ready, until it is Ready again (`back`)."""
        yield from self._leave(pod)
        yield back
        yield self._env.timeout(self._joins_after_s[pod])
        self._left.discard(pod)
        self.addresses.add(pod)
        self.changes.append(pod)
        self._trace.record(EndpointAdded(self._env.now, pod.number))
        _tell(self.watchers, pod)

    def _join(self, pod: Pod) -> Generator[simpy.Event]:
        if self._has_gates and pod.is_new:
            yield from self._follow_to_gate(pod)
        else:
            LightProcess(self._env, self._appear(pod))
        yield pod.ready
        yield self._env.timeout(self._joins_after_s[pod])
        if pod in self._left:
            return
        self.starting.discard(pod)
        if pod in self.gated:
            self.gated.remove(pod)
        else:
            self.changes.append(pod)
        self.addresses.add(pod)
        self._trace.record(EndpointAdded(self._env.now, pod.number))
        _tell(self.watchers, pod)

    def _leave(self, pod: Pod) -> Generator[simpy.Event]:
        yield self._env.timeout(self._leaves_after_s[pod])
        self._left.add(pod)
        if pod in self.addresses or pod in self.gated:
            self.changes.append(pod)
            self._trace.record(EndpointRemoved(self._env.now, pod.number))
        elif pod not in self.starting:
            return
        for pods in (self.addresses, self.gated, self.starting):
            pods.discard(pod)
        _tell(self.watchers, pod)

    def _appear(self, pod: Pod) -> Generator[simpy.Event]:
        yield pod.has_address
        if pod.containers_ready.triggered:
            return
        yield self._env.timeout(self._joins_after_s[pod])
        if pod not in self.addresses and pod not in self._left:
            self.starting.add(pod)
            _tell(self.watchers, pod)

    def _follow_to_gate(self, pod: Pod) -> Generator[simpy.Event]:
        yield from self._appear(pod)
        yield pod.containers_ready
        yield self._env.timeout(self._joins_after_s[pod])
        if pod in self._left:
            return
        has_appeared = pod in self.starting
        self.starting.discard(pod)
        self.gated.add(pod)
        self.changes.append(pod)
        if not has_appeared:
            _tell(self.watchers, pod)
        _tell(self.pod_watchers, pod)


def _tell(watchers: Iterable[Callable[[Pod], None]], pod: Pod) -> None:
    for watcher in watchers:
        watcher(pod)

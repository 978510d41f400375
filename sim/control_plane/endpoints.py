"""The Service's Endpoints, as the ingress controller's watch sees them.

Modelled: a pod joins `propagation_s` after it is ready and leaves `propagation_s` after it is deleted, while the
kubelet terminates it (nothing orders the two); every change is told to who watches.
Left out: the stale-cache retry of the EndpointSlice controller, which Endpoints do not go through; readiness that is
lost before the deletion.
Source: facts/kubernetes §1 and §2 (`ready = serving && !terminating`; Endpoints drop a terminating pod at once).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.pod import Pod, PodDraws
from sim.control_plane.trace import EndpointAdded, EndpointRemoved
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    import simpy

    from sim.control_plane.trace import Trace
    from sim.scenario.specs import EndpointsSpec
    from sim.streams import Streams


class Endpoints:
    """The ready addresses of one Service. `watchers` are called after each change."""

    def __init__(
        self, env: simpy.Environment, spec: EndpointsSpec, streams: Streams, trace: Trace, ready: Iterable[Pod]
    ) -> None:
        self._env = env
        self._trace = trace
        self._joins_after_s = PodDraws(streams, spec.propagation_s, Stream.ENDPOINT_ADDITION)
        self._leaves_after_s = PodDraws(streams, spec.propagation_s, Stream.ENDPOINT_REMOVAL)
        self.addresses = set(ready)
        self.watchers: list[Callable[[], None]] = []

    def follow(self, pod: Pod) -> Generator[simpy.Event]:
        """Follow one pod from its readiness to its deletion."""
        if pod not in self.addresses:
            yield pod.ready
            yield self._env.timeout(self._joins_after_s[pod])
            self.addresses.add(pod)
            self._trace.record(EndpointAdded(self._env.now, pod.number))
            self._tell()
        yield pod.deleted
        yield self._env.timeout(self._leaves_after_s[pod])
        self.addresses.remove(pod)
        self._trace.record(EndpointRemoved(self._env.now, pod.number))
        self._tell()

    def _tell(self) -> None:
        for watcher in self.watchers:
            watcher()

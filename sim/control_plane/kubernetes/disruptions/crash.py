"""Containers that end unasked, as in a crash, and restart in place.

Modelled, a crash (OOMKilled, an uncaught error):
- The process ends at once: no preStop, no grace. Requests in flight are cut, and the port answers RST.
- The kubelet sees that a while later. The pod is then not Ready, and its endpoint leaves.
- The container restarts in place. The pod, its address and its target stay (`restart_in_place`).

Left out: a second crash.

Sources: docs/facts/kubernetes.md §1, §4, §9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.pod import PodDraws
from sim.control_plane.kubernetes.restart_in_place import RestartInPlace
from sim.control_plane.trace import ListenerClosed, ProcessCut
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted, Disruption
    from sim.control_plane.kubernetes.pod import Pod
    from sim.scenario.specs import PodSpec, Scenario
    from sim.scenario.unplanned import CrashSpec


class Crash(RestartInPlace):
    """Containers that crash."""

    cause = "crash"

    def __init__(self, spec: CrashSpec, pod: PodSpec, disrupted: Disrupted) -> None:
        super().__init__(spec, pod, disrupted)
        self._noticed_after_s = PodDraws(disrupted.simulation.streams, spec.noticed_after_s, Stream.CRASH_NOTICED)
        self._back_off_s = spec.back_off_s

    def _end(self, pod: Pod, back: simpy.Event) -> Generator[simpy.Event]:
        self._trace.record(ListenerClosed(self._env.now, pod.number))
        self._trace.record(ProcessCut(self._env.now, pod.number))
        yield self._env.timeout(self._noticed_after_s[pod])
        self._not_ready(pod, back)
        yield self._env.timeout(self._back_off_s)


def process(scenario: Scenario, disrupted: Disrupted) -> Disruption:
    """Return the scenario's crash."""
    return Crash(scenario.crash, scenario.pod, disrupted)

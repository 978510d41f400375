"""Containers that hang until their liveness probes have failed, and restart in place.

Modelled:
- The container hangs from 0 s on. A container that hangs accepts connections and answers none.
- The probes come at a random phase of their period. With the last of `failure_threshold` failures in a row the kubelet
  ends the container as it ends that of a deleted pod, and the pod is not Ready.
- A handler for SIGTERM hangs too. So a server with one (`drain`, `ignore`, `serve_after_sigterm_s`) ends by SIGKILL.
- The container restarts in place. The pod, its address and its target stay (`restart_in_place`).

Left out:
- the kernel's bound on connections that a hung process has not accepted: further ones get 504 after 10 s;
- a readiness probe with other settings than the liveness probe's.

Sources: docs/facts/kubernetes.md §1, §4, §9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.kubelet import termination
from sim.control_plane.kubernetes.pod import PodDraws
from sim.control_plane.kubernetes.restart_in_place import RestartInPlace
from sim.control_plane.trace import ListenerClosed, ProcessCut, Sigterm
from sim.scenario.distributions import Uniform
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted, Disruption
    from sim.control_plane.kubernetes.pod import Pod
    from sim.scenario.specs import PodSpec, Scenario
    from sim.scenario.unplanned import LivenessFailureSpec


class LivenessFailure(RestartInPlace):
    """Containers that hang, and fail their liveness probes."""

    cause = "hang"

    def __init__(self, spec: LivenessFailureSpec, pod: PodSpec, disrupted: Disrupted) -> None:
        super().__init__(spec, pod, disrupted)
        self._probes = spec
        period = Uniform(dist="uniform", low=0, high=spec.period_s)
        self._first_probe_s = PodDraws(disrupted.simulation.streams, period, Stream.LIVENESS_PROBE)
        handles = pod.on_sigterm != "exit" or pod.serve_after_sigterm_s > 0
        self._pod = pod.model_copy(update={"on_sigterm": "ignore"}) if handles else pod

    def _end(self, pod: Pod, back: simpy.Event) -> Generator[simpy.Event]:
        probes = self._probes
        until_last_s = (probes.failure_threshold - 1) * probes.period_s
        yield self._env.timeout(self._first_probe_s[pod] + until_last_s + probes.timeout_s)
        self._not_ready(pod, back)
        end = termination(self._pod, self._env.now)
        self._trace.record(Sigterm(end.sigterm_s, pod.number))
        self._trace.record(ListenerClosed(end.cut_s, pod.number))
        self._trace.record(ProcessCut(end.cut_s, pod.number))
        yield self._env.timeout(end.cut_s - self._env.now)


def process(scenario: Scenario, disrupted: Disrupted) -> Disruption:
    """Return the scenario's failed liveness probe."""
    return LivenessFailure(scenario.liveness_failure, scenario.pod, disrupted)

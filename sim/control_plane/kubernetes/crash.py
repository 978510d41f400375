"""Containers that end unasked and restart in place: crashes, and failed liveness probes.

Modelled, a crash (OOMKilled, an uncaught error):
- The process ends at once: no preStop, no grace. What it had is cut, and its port answers RST.
- The kubelet sees that a while later. The pod is then not Ready, and its endpoint leaves.
- The container restarts in place. The pod, its address and its target stay.

Modelled, a failed liveness probe:
- The container hangs from 0 s on. It accepts connections and answers none.
- The probes come at a random phase of their period. With the last of `failure_threshold` failures in a row the kubelet
  ends the container as it ends that of a deleted pod, and the pod is not Ready.
- A handler for SIGTERM hangs too. So a server with one (`drain`, `ignore`, `serve_after_sigterm_s`) ends by SIGKILL.

Both: when the container is Ready again, its endpoint comes back. Where the controller has deregistered the target by
then, it registers the target anew. Else the ALB nodes that took it for unhealthy wait for `healthy_threshold` passed
checks.

Left out:
- a second crash, and what a controller's call under way does after the target is back;
- the kernel's bound on connections that a hung process has not accepted: further ones get 504 after 10 s;
- a readiness probe with other settings than the liveness probe's.

Sources: docs/facts/kubernetes.md §1, §4, §9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sim.control_plane.kubernetes.kubelet import termination
from sim.control_plane.kubernetes.outage import Outage
from sim.control_plane.kubernetes.pod import PodDraws
from sim.control_plane.trace import ContainerRestarted, ListenerClosed, PodFailed, ProcessCut, RolloutComplete, Sigterm
from sim.scenario.distributions import Uniform
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted
    from sim.control_plane.kubernetes.pod import Pod
    from sim.scenario.specs import PodSpec
    from sim.scenario.unplanned import CrashSpec, LivenessFailureSpec


class _RestartInPlace:
    """Containers that fail and restart in place. It ends no pod."""

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


class Crash(_RestartInPlace):
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


class LivenessFailure(_RestartInPlace):
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

"""A blue/green switch by the Service's selector: all targets are swapped at once.

Modelled:
- As many new pods as old ones are Ready before the switch, and are not in the Service.
- At 0 s the selector changes: every new pod joins the Endpoints, every old one leaves. The controller registers and
  deregisters all targets at once.
- `scale_down_delay_s` later the old pods are deleted, as fast as the client allows.
- The disruption is over when the last of them is deleted.

Left out:
- that one write changes all Endpoints: here each pod has a propagation of its own;
- the switch by the load balancer's listener rule, and shares of traffic by weights;
- room on nodes for twice the pods, and analysis and rollback.

Sources: argo-rollouts, "BlueGreen" (activeService, scaleDownDelaySeconds 30: rollout/bluegreen.go, utils/defaults).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.pod import Pod
from sim.control_plane.trace import PodCreated, PodDeleted, PodDeselected, PodReady, ReplicaSetScaled, RolloutComplete

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted, Disruption
    from sim.scenario.blue_green import BlueGreenSpec
    from sim.scenario.specs import Scenario


class BlueGreen:
    """The switch, and the end of the old pods. The switch starts when `run` is started."""

    def __init__(self, spec: BlueGreenSpec, disrupted: Disrupted) -> None:
        self._env = disrupted.simulation.env
        self._trace = disrupted.simulation.trace
        self._spec = spec
        self._client = disrupted.client
        self._follow = disrupted.follow
        self._not_ready = disrupted.not_ready
        self._old = disrupted.pods
        self.ending: Sequence[Pod] = []

    def run(self) -> Generator[simpy.Event]:
        """Switch now, and delete the old pods in the end."""
        never = self._env.event()
        for pod in self._old:
            self._join(Pod(len(self._old) + pod.ordinal, self._env, pod.ordinal, is_new=True))
            self._trace.record(PodDeselected(self._env.now, pod.number))
            self._not_ready(pod, never)
        yield self._env.timeout(self._spec.scale_down_delay_s)
        self._trace.record(ReplicaSetScaled(self._env.now, "old", 0))
        deletions = [self._env.process(self._delete(pod, self._client.write_after_s())) for pod in self._old]
        yield self._env.all_of(deletions)
        self._trace.record(RolloutComplete(self._env.now))

    def _join(self, pod: Pod) -> None:
        self._trace.record(PodCreated(self._env.now, pod.number))
        self._trace.record(PodReady(self._env.now, pod.number))
        pod.containers_ready.succeed()
        pod.ready.succeed()
        self._follow(pod)

    def _delete(self, pod: Pod, wait_s: float) -> Generator[simpy.Event]:
        yield self._env.timeout(wait_s)
        self._trace.record(PodDeleted(self._env.now, pod.number))
        pod.deleted.succeed(self._env.now)


def process(scenario: Scenario, disrupted: Disrupted) -> Disruption:
    """Return the scenario's blue/green switch."""
    return BlueGreen(scenario.blue_green, disrupted)

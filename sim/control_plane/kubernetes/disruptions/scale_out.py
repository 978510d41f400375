"""A scale-out: the ReplicaSet creates more pods, which become targets once they are Ready.

Modelled:
- Somebody, or the HorizontalPodAutoscaler in the steps that its `policies` allow, writes more replicas.
- The ReplicaSet creates the missing pods with its slow start, through the controller-manager's client.
- All else is the way of every new pod: start, Endpoints, registration, first check, and the ALB's slow start.
- Requests are counted until `counted_until_s`, at least until all new pods are Ready.

Left out: when the HPA begins, and its stabilisation, which is 0 s upwards; pods that the scale-out evicts.

Sources: docs/facts/kubernetes.md §3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.replica_set import ReplicaSet
from sim.control_plane.trace import ReplicaSetScaled, RolloutComplete

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted, Disruption
    from sim.control_plane.kubernetes.pod import Pod
    from sim.scenario.scale_out import ScaleOutSpec
    from sim.scenario.specs import Scenario


class ScaleOut:
    """A scale-out, which ends no pod. The scale-out starts when `run` is started."""

    def __init__(self, spec: ScaleOutSpec, disrupted: Disrupted) -> None:
        simulation = disrupted.simulation
        self._env = simulation.env
        self._trace = simulation.trace
        self._adopt = disrupted.adopt
        self._replicas = len(disrupted.pods)
        self._spec = spec
        self._replica_set = ReplicaSet(simulation, disrupted.client, self._replicas, self._adopt_new)
        self._missing = spec.then(self._replicas) - self._replicas
        self._all_ready = self._env.event()
        self.ending: Sequence[Pod] = []

    def run(self) -> Generator[simpy.Event]:
        """Add the pods, from now on, step by step."""
        replicas = self._replicas
        for at_s, then in self._spec.steps(replicas):
            yield self._env.timeout(max(0.0, at_s - self._env.now))
            self._trace.record(ReplicaSetScaled(self._env.now, "old", then))
            self._replica_set.create(then - replicas)
            replicas = then
        yield self._all_ready
        yield self._env.timeout(max(0.0, self._spec.counted_until_s - self._env.now))
        self._trace.record(RolloutComplete(self._env.now))

    def _adopt_new(self, pod: Pod) -> None:
        self._adopt(pod)
        self._env.process(self._await_ready(pod))

    def _await_ready(self, pod: Pod) -> Generator[simpy.Event]:
        yield pod.ready
        self._missing -= 1
        if not self._missing:
            self._all_ready.succeed()


def process(scenario: Scenario, disrupted: Disrupted) -> Disruption:
    """Return the scenario's scale-out."""
    return ScaleOut(scenario.scale_out, disrupted)

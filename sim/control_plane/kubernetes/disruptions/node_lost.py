"""A worker node that is lost with its pods.

Modelled:
- At 0 s the node's pods vanish: no RST, no ICMP. Requests in flight are never answered.
- The node controller waits for a heartbeat. When the grace period since the last one is over, it looks again within its
  period, takes the node for NotReady, and marks its pods as not Ready. The pods' endpoints leave.
- `toleration_s` later the pods are deleted. The ReplicaSet replaces them then, not before.
- The disruption is over when every replacement is Ready.

Left out:
- a node that comes back, and with `nodes` that a lost node has no room;
- the cloud controller, which deletes a node whose machine has been terminated, and its pods with it;
- the limit on evictions where many nodes are lost (`--node-eviction-rate`);
- that NotReady nodes are no targets either (target type `instance`).

Sources: docs/facts/kubernetes.md §9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.outage import Outage
from sim.control_plane.kubernetes.replica_set import ReplicaSet
from sim.control_plane.trace import ListenerClosed, PodDeleted, PodFailed, RolloutComplete
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted, Disruption
    from sim.control_plane.kubernetes.pod import Pod
    from sim.scenario.distributions import Distribution
    from sim.scenario.specs import KubernetesSpec, Scenario
    from sim.scenario.unplanned import NodeLostSpec


class NodeLost:
    """The loss of one node. A lost node tells no pod to end."""

    def __init__(self, spec: NodeLostSpec, kubernetes: KubernetesSpec, disrupted: Disrupted) -> None:
        self._simulation = simulation = disrupted.simulation
        self._env = simulation.env
        self._spec = spec
        self._trace = simulation.trace
        self._adopt = disrupted.adopt
        self._not_ready = disrupted.not_ready
        self._outages = disrupted.outages
        self._lost = disrupted.pods[: spec.pods]
        self._grace_s = spec.grace_s(kubernetes.version)
        self._replica_set = ReplicaSet(simulation, disrupted.client, len(disrupted.pods), self._adopt_replacement)
        self._replacements: list[Pod] = []
        self._all_created = self._env.event()
        self.ending: Sequence[Pod] = []

    def run(self) -> Generator[simpy.Event]:
        """Lose the node now, and replace its pods in the end."""
        for pod in self._lost:
            self._outages[pod] = Outage(self._env.now, silent=True)
            self._trace.record(PodFailed(self._env.now, pod.number, "node_lost"))
            self._trace.record(ListenerClosed(self._env.now, pod.number))
        yield self._env.timeout(max(0.0, self._grace_s - self._draw(self._spec.heartbeat_age_s, 0)))
        yield self._env.timeout(self._draw(self._spec.monitored_after_s, 1))
        never = self._env.event()
        for pod in self._lost:
            self._not_ready(pod, never)
        yield self._env.timeout(self._spec.toleration_s)
        for pod in self._lost:
            self._trace.record(PodDeleted(self._env.now, pod.number))
        self._replica_set.create(len(self._lost))
        yield self._all_created
        yield self._env.all_of([pod.ready for pod in self._replacements])
        self._trace.record(RolloutComplete(self._env.now))

    def _draw(self, law: Distribution, which: int) -> float:
        return self._simulation.streams.indexed(law, Stream.NODE_LOST, which)[0]

    def _adopt_replacement(self, pod: Pod) -> None:
        self._adopt(pod)
        self._replacements.append(pod)
        if len(self._replacements) == len(self._lost):
            self._all_created.succeed()


def process(scenario: Scenario, disrupted: Disrupted) -> Disruption:
    """Return the scenario's loss of a node."""
    return NodeLost(scenario.node_lost, scenario.kubernetes, disrupted)

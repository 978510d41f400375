"""A scale-in: the ReplicaSet deletes the pods in excess, those first that it ranks first.

Somebody, or the HorizontalPodAutoscaler, writes fewer replicas. The ReplicaSet sorts its pods and deletes the excess,
at most 500 in a sync, all at once, through the controller-manager's client.

Modelled:
- Pods that are not Ready go first. Such pods are no targets, so their end costs no request.
- Then pods with a lower `pod-deletion-cost` (from v1.22 on), those with more pods of the ReplicaSet on their node, and
  the younger ones.
- From v1.22 on ages are compared by the power of two of the nanoseconds.
- Ties are broken by UID, which is by chance.
- The HPA looks each `sync_period_s`. The HPA wants the most that its metrics called for within its stabilisation
  window, and goes as far as its `policies` allow.
- An HPA that went too far creates pods again, which are targets once they are Ready.
- The scale-in is over when the last pod is deleted and the last new one is Ready.

Left out:
- a step down after one up, at which pods that still start would go first;
- restarts: they decide only between pods that have been Ready since the same second;
- the order among pods that are not Ready (unassigned, pending, unknown, running), of which no request depends;
- that the controller hears of an address that was never Ready;
- how the HPA's metrics come about, and its tolerance of 10 %;
- the Deployment's write of its ReplicaSet's scale, some milliseconds.

Sources: manageReplicas in pkg/controller/replicaset/replica_set.go and ActivePodsWithRanks in
pkg/controller/controller_utils.go (docs/facts/kubernetes.md §3); LogarithmicScaleDown is KEP-2185.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.pod import PodDraws
from sim.control_plane.kubernetes.replica_set import BURST_REPLICAS, ReplicaSet, age_rank
from sim.control_plane.trace import PodDeleted, ReplicaSetScaled, RolloutComplete
from sim.scenario.distributions import Uniform
from sim.scenario.kubernetes import minor
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted, Disruption
    from sim.control_plane.kubernetes.pod import Pod
    from sim.scenario.scale_in import ScaleInSpec
    from sim.scenario.specs import KubernetesSpec, Scenario

DELETION_COST_SINCE = 22


class ScaleIn:
    """A scale-in, which ends the pods in excess. The scale-in starts when `run` is started."""

    def __init__(self, spec: ScaleInSpec, kubernetes: KubernetesSpec, disrupted: Disrupted) -> None:
        simulation = disrupted.simulation
        self._env = simulation.env
        self._spec = spec
        self._trace = simulation.trace
        self._client = disrupted.client
        self._version = kubernetes.version
        self._unready = frozenset(disrupted.pods[len(disrupted.pods) - spec.unready :])
        self._counts_cost = minor(kubernetes.version) >= DELETION_COST_SINCE
        self._cost = PodDraws(simulation.streams, spec.deletion_cost, Stream.POD_DELETION_COST)
        self._ready_for_s = PodDraws(simulation.streams, spec.ready_for_s, Stream.POD_AGE)
        self._uid = PodDraws(simulation.streams, Uniform(dist="uniform", low=0, high=1), Stream.POD_DELETION_ORDER)
        self._scheduler = disrupted.scheduler
        self._adopt = disrupted.adopt
        self._replica_set = ReplicaSet(simulation, disrupted.client, len(disrupted.pods), self._adopt_new)
        self._created: list[Pod] = []
        self._missing = spec.comes_back(len(disrupted.pods))
        self._grown = simulation.env.event()
        self._left = list(disrupted.pods)
        self._steps = [
            (at_s, pods, list(self._in_order_of_deletion(pods))) for at_s, pods in spec.steps(len(disrupted.pods))
        ]
        self.ending = [pod for _, _, syncs in self._steps for pods in syncs for pod in pods]

    def run(self) -> Generator[simpy.Event]:
        """Delete the pods in excess, from now on, step by step, and create what is missing then."""
        pods = len(self._left) + len(self.ending)
        for at_s, then, syncs in self._steps:
            yield self._env.timeout(max(0.0, at_s - self._env.now))
            self._trace.record(ReplicaSetScaled(self._env.now, "old", then))
            for going in syncs:
                yield self._env.all_of(
                    [self._env.process(self._delete(pod, self._client.write_after_s())) for pod in going]
                )
            if then > pods:
                self._replica_set.create(then - pods)
            pods = then
        if self._missing:
            yield self._grown
            yield self._env.all_of([pod.ready for pod in self._created])
        self._trace.record(RolloutComplete(self._env.now))

    def _adopt_new(self, pod: Pod) -> None:
        self._adopt(pod)
        self._created.append(pod)
        if len(self._created) == self._missing:
            self._grown.succeed()

    def _delete(self, pod: Pod, wait_s: float) -> Generator[simpy.Event]:
        yield self._env.timeout(wait_s)
        self._trace.record(PodDeleted(self._env.now, pod.number))
        pod.deleted.succeed(self._env.now)

    def _in_order_of_deletion(self, left: int) -> Iterator[list[Pod]]:
        """Yield the pods to delete until so many are left, sync by sync.

        Each sync ranks anew the pods that are left.
        """
        while (too_many := len(self._left) - left) > 0:
            on_node = Counter(self._node(pod) for pod in self._left)
            self._left.sort(key=lambda pod: (*self._worth(pod), -on_node[self._node(pod)], *self._age(pod)))
            n_pods = min(too_many, BURST_REPLICAS)
            yield self._left[:n_pods]
            self._left = self._left[n_pods:]

    def _node(self, pod: Pod) -> int:
        if self._scheduler is not None:
            return self._scheduler.node_of(pod)
        return pod.ordinal % (self._spec.nodes or 1)

    def _worth(self, pod: Pod) -> tuple[bool, float]:
        return pod not in self._unready, self._cost[pod] if self._counts_cost else 0.0

    def _age(self, pod: Pod) -> tuple[float, float]:
        return 0.0 if pod in self._unready else age_rank(self._ready_for_s[pod], self._version), self._uid[pod]


def process(scenario: Scenario, disrupted: Disrupted) -> Disruption:
    """Return the scenario's scale-in."""
    return ScaleIn(scenario.scale_in, scenario.kubernetes, disrupted)

"""The two ReplicaSets of a progressive delivery: the old pods, and new ones beside them.

Modelled:
- The old ReplicaSet deletes pods in a random order, as all are of one age. The new one deletes its younger pods first.
- An old pod that has gone may come back as another pod, numbered after all others.
- `changed` is called `sync_latency_s` after such a pod is available, and after a new pod is deleted.

Left out: pods that are not Ready when their ReplicaSet shrinks.

Sources: docs/facts/kubernetes.md §3.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.pod import PodDraws
from sim.control_plane.kubernetes.replacing import Replacing
from sim.control_plane.kubernetes.replica_set import ReplicaSet, age_rank
from sim.control_plane.simulation import call_when
from sim.control_plane.trace import ReplicaSetScaled
from sim.scenario.distributions import Uniform
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted
    from sim.control_plane.kubernetes.pod import Pod
    from sim.scenario.specs import DeploymentSpec, KubernetesSpec


class TwoReplicaSets(Replacing):
    """The pods of both ReplicaSets, which are scaled apart."""

    def __init__(self, deployment: DeploymentSpec, kubernetes: KubernetesSpec, disrupted: Disrupted) -> None:
        super().__init__(deployment, disrupted)
        simulation = disrupted.simulation
        self._version = kubernetes.version
        self._bring_back = disrupted.bring_back
        self._uid = PodDraws(simulation.streams, Uniform(dist="uniform", low=0, high=1), Stream.POD_DELETION_ORDER)
        self._replica_set = ReplicaSet(simulation, disrupted.client, deployment.replicas, self._adopt_one)
        self._old = sorted(disrupted.pods, key=lambda pod: self._uid[pod])
        self._new: list[Pod] = []
        self._back: list[Pod] = []
        self._n_new = 0
        self._n_back = 0
        self._n_back_available = 0
        self._going: set[Pod] = set()
        self._deletions: list[simpy.Process] = []
        self._available: list[simpy.Process] = []
        self._ready_s: dict[Pod, float] = {}
        self._grown = self._env.event()
        self.ending: Sequence[Pod] = self._old

    def changed(self) -> None:
        """Take note of an old pod that is available again, or of a new one that is deleted."""

    def _grow_new_to(self, replicas: int) -> Generator[simpy.Event]:
        """Add new pods until there are so many, and wait until all are available."""
        if replicas > self._n_new:
            self._trace.record(ReplicaSetScaled(self._env.now, "new", replicas))
            self._grown = self._env.event()
            self._replica_set.create(replicas - self._n_new)
            self._n_new = replicas
            yield self._grown
        yield self._env.all_of(self._available)

    def _adopt_one(self, pod: Pod) -> None:
        if len(self._new) == self._n_new:
            self._back.append(pod)
            self._bring_back(pod)
            self._env.process(self._await_back(pod))
            return
        self._adopt(pod)
        self._new.append(pod)
        call_when(pod.ready, partial(self._note_ready, pod))
        self._available.append(self._env.process(self._until_available(pod)))
        if len(self._new) == self._n_new:
            self._grown.succeed()

    def _note_ready(self, pod: Pod) -> None:
        self._ready_s[pod] = self._env.now

    def _await_back(self, pod: Pod) -> Generator[simpy.Event]:
        yield from self._until_available(pod)
        self._n_back_available += 1
        self.changed()

    @property
    def _old_available(self) -> int:
        """How many pods of the old ReplicaSet are available, which is known after a while of those that came back."""
        return sum(not pod.deleted.triggered for pod in self._old) + self._n_back_available

    @property
    def _new_left(self) -> list[Pod]:
        """The new pods that are not deleted yet."""
        return [pod for pod in self._new if not pod.deleted.triggered]

    def _staying(self, pods: Sequence[Pod]) -> list[Pod]:
        return [pod for pod in pods if pod not in self._going]

    def _shrink_old_to(self, replicas: int) -> bool:
        """Delete old pods. Return whether any is."""
        staying = self._staying(self._old)
        going = staying[: max(0, len(staying) - replicas)]
        if going:
            self._trace.record(ReplicaSetScaled(self._env.now, "old", replicas))
            self._delete_all(going)
        return bool(going)

    def _scale_old_to(self, replicas: int) -> bool:
        """Delete old pods, or bring some back. Return whether the number of old pods changes."""
        more = replicas - len(self._staying(self._old)) - self._n_back
        if more <= 0:
            return self._shrink_old_to(replicas - self._n_back)
        self._trace.record(ReplicaSetScaled(self._env.now, "old", replicas))
        self._n_back += more
        self._replica_set.create(more)
        return True

    def _shrink_new_to(self, replicas: int) -> bool:
        """Delete new pods, the younger ones first. Return whether any is."""
        now_s = self._env.now
        staying = self._staying(self._new)
        staying.sort(key=lambda pod: (age_rank(now_s - self._ready_s[pod], self._version), self._uid[pod]))
        going = staying[: max(0, len(staying) - replicas)]
        if going:
            self._trace.record(ReplicaSetScaled(now_s, "new", replicas))
            self._delete_all(going)
        return bool(going)

    def _delete_all(self, pods: Sequence[Pod]) -> None:
        self._going.update(pods)
        self._deletions += [self._env.process(self._delete_one(pod, self._client.write_after_s())) for pod in pods]

    def _delete_one(self, pod: Pod, wait_s: float) -> Generator[simpy.Event]:
        yield from self._delete(pod, wait_s)
        if pod in self._ready_s:
            self._env.process(self._hear_of_end(pod))

    def _hear_of_end(self, pod: Pod) -> Generator[simpy.Event]:
        yield self._env.timeout(self._end_latency_s[pod])
        self.changed()

    def _ended(self) -> Sequence[Pod]:
        """Return the pods that were deleted, in the order of their ReplicaSets."""
        return [pod for pod in (*self._old, *self._new) if pod in self._going]

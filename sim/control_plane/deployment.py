"""The Deployment's rolling update and its two ReplicaSets.

Modelled: each sync takes one step, scaling the new ReplicaSet up or else the old one down by what availability
allows; terminating pods do not count. Creates and deletes pass the controller-manager's client (20 per second, burst
30) and each writes an Event through it too. A ReplicaSet is synced once at a time: its creates go in slow-start batches
1, 2, 4, …, at most 500 in a sync, and what it is scaled up by meanwhile waits for its next one; deletes go all at once.
Which old pods go first is a random order (equal ranks fall to the UUIDs). The Deployment acts on a pod's availability
`sync_latency_s` after it: the kubelet's status write, the ReplicaSet's, and the watches between.
Left out: unhealthy old pods (here all are available when the rollout starts), several old ReplicaSets, the progress
deadline, which sets a condition only.
Sources: pkg/controller/deployment/rolling.go@95f08499, replicaset/replica_set.go@3e4a7900 (facts/kubernetes §3, §5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.pod import Pod, PodDraws
from sim.control_plane.trace import PodCreated, PodDeleted, ReplicaSetScaled, RolloutComplete
from sim.scenario.distributions import Uniform
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import simpy

    from sim.control_plane.token_bucket import TokenBucket
    from sim.control_plane.trace import Trace
    from sim.scenario.specs import DeploymentSpec
    from sim.streams import Streams

CLIENT_QPS = 20.0
CLIENT_BURST = 30
BURST_REPLICAS = 500
MIN_READY_RECHECK_S = 1.0


class Deployment:
    """One Deployment in a rolling update that starts when `run` does.

    `adopt` is called with each pod it creates; `client` is kube-controller-manager's limiter.
    """

    def __init__(
        self,
        env: simpy.Environment,
        spec: DeploymentSpec,
        streams: Streams,
        trace: Trace,
        old_pods: Sequence[Pod],
        adopt: Callable[[Pod], None],
        client: TokenBucket,
    ) -> None:
        self._env = env
        self._spec = spec
        self._trace = trace
        self._adopt = adopt
        self._client = client
        order = PodDraws(streams, Uniform(dist="uniform", low=0, high=1), Stream.POD_DELETION_ORDER)
        self._old_pods = sorted(old_pods, key=lambda pod: order[pod])
        self._sync_latency_s = PodDraws(streams, spec.sync_latency_s, Stream.DEPLOYMENT_SYNC)
        self._most_pods = spec.replicas + spec.surge
        self._least_available = spec.replicas - spec.unavailable
        self._old_replicas = spec.replicas
        self._new_replicas = 0
        self._new_available = 0
        self._created = 0
        self._creating = False
        self._changed = env.event()

    def run(self) -> Generator[simpy.Event]:
        """Carry the rolling update through, from now to its completion."""
        while self._old_replicas > 0 or self._new_available < self._spec.replicas:
            if self._scale_up() or self._scale_down():
                yield self._env.timeout(0)
            else:
                yield self._changed
                self._changed = self._env.event()
        self._trace.record(RolloutComplete(self._env.now))

    def _scale_up(self) -> bool:
        most = self._most_pods - self._old_replicas - self._new_replicas
        n_pods = min(most, self._spec.replicas - self._new_replicas)
        if n_pods <= 0:
            return False
        self._new_replicas += n_pods
        self._trace.record(ReplicaSetScaled(self._env.now, "new", self._new_replicas))
        if not self._creating:
            self._creating = True
            self._env.process(self._create_missing())
        return True

    def _scale_down(self) -> bool:
        n_pods = min(self._old_replicas + self._new_available - self._least_available, self._old_replicas)
        if n_pods <= 0:
            return False
        self._old_replicas -= n_pods
        self._trace.record(ReplicaSetScaled(self._env.now, "old", self._old_replicas))
        going, self._old_pods = self._old_pods[:n_pods], self._old_pods[n_pods:]
        for pod in going:
            self._env.process(self._delete(pod, self._write_after_s()))
        return True

    def _create_missing(self) -> Generator[simpy.Event]:
        """Sync the new ReplicaSet until it misses no pod: one sync at a time, each with a slow start of its own."""
        while (n_missing := self._new_replicas - self._created) > 0:
            yield from self._create(min(n_missing, BURST_REPLICAS))
        self._creating = False

    def _create(self, n_pods: int) -> Generator[simpy.Event]:
        batch = 1
        while n_pods > 0:
            waits_s = [self._write_after_s() for _ in range(min(batch, n_pods))]
            began_s = self._env.now
            for wait_s in waits_s:
                yield self._env.timeout(max(0.0, began_s + wait_s - self._env.now))
                self._create_one()
            n_pods -= len(waits_s)
            batch *= 2

    def _create_one(self) -> None:
        pod = Pod(self._spec.replicas + self._created, self._env, self._created, is_new=True)
        self._created += 1
        self._trace.record(PodCreated(self._env.now, pod.number))
        self._adopt(pod)
        self._env.process(self._await_available(pod))

    def _delete(self, pod: Pod, wait_s: float) -> Generator[simpy.Event]:
        yield self._env.timeout(wait_s)
        self._trace.record(PodDeleted(self._env.now, pod.number))
        pod.deleted.succeed(self._env.now)

    def _write_after_s(self) -> float:
        """Give the wait for a create or a delete, and let its Event take a token behind it."""
        wait_s = self._client.reserve(self._env.now)
        self._client.take(self._env.now)
        return wait_s

    def _await_available(self, pod: Pod) -> Generator[simpy.Event]:
        yield pod.ready
        min_ready_s = self._spec.min_ready_s
        recheck_s = min_ready_s + MIN_READY_RECHECK_S if min_ready_s else 0.0
        yield self._env.timeout(recheck_s + self._sync_latency_s[pod])
        self._new_available += 1
        if not self._changed.triggered:
            self._changed.succeed()

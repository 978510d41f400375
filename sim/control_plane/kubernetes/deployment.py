"""The Deployment's rolling update and its two ReplicaSets.

Modelled:
- Each sync takes one step: it scales the new ReplicaSet up, or else the old one down by what availability allows.
- Terminating pods do not count. With `pod_replacement_policy: TerminationComplete` a scale-up counts them until they
  are gone, and the rollout is complete when none is left.
- The ReplicaSets create and delete as `replica_set` says. Deletes go all at once.
- The old pods go in a random order (equal ranks are decided by the UUIDs).
- The Deployment reacts to a pod's availability, and to its end, `sync_latency_s` later. This latency stands for the
  kubelet's status write, the ReplicaSet's, and the watches between.

Left out:
- unhealthy old pods (here all are available when the rollout starts);
- several old ReplicaSets;
- the progress deadline, which only sets a condition.

Sources: pkg/controller/deployment/rolling.go@95f08499 (docs/facts/kubernetes.md §3). The policy: KEP-5882@3a8eb262
(enhancements keps/sig-apps/5882-deployment-pod-replacement-policy, "Deployment Behavior Changes" and "Completion").
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from sim.control_plane.kubernetes.pod import Pod, PodDraws
from sim.control_plane.kubernetes.replica_set import ReplicaSet
from sim.control_plane.light_process import LightProcess
from sim.control_plane.trace import PodDeleted, ReplicaSetScaled, RolloutComplete
from sim.scenario.distributions import Uniform
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted
    from sim.scenario.specs import DeploymentSpec

MIN_READY_RECHECK_S = 1.0


class Deployment:
    """The rolling update of one Deployment, which ends all old pods. The update starts when `run` is started."""

    def __init__(self, spec: DeploymentSpec, disrupted: Disrupted) -> None:
        simulation = disrupted.simulation
        self._env = env = simulation.env
        self._spec = spec
        self._trace = simulation.trace
        self._client = disrupted.client
        self._adopt = disrupted.adopt
        self._gone_s = disrupted.gone_s
        self._new_replica_set = ReplicaSet(simulation, self._client, spec.replicas, self._adopt_new)
        streams = simulation.streams
        order = PodDraws(streams, Uniform(dist="uniform", low=0, high=1), Stream.POD_DELETION_ORDER)
        self.ending = disrupted.pods
        self._old_pods = iter(sorted(disrupted.pods, key=lambda pod: order[pod]))
        self._counts_terminating = spec.pod_replacement_policy == "TerminationComplete"
        self._terminating = 0
        self._end_latency_s = PodDraws(streams, spec.sync_latency_s, Stream.TERMINATION_SYNC)
        self._sync_latency_s = PodDraws(streams, spec.sync_latency_s, Stream.DEPLOYMENT_SYNC)
        self._most_pods = spec.replicas + spec.surge
        self._least_available = spec.replicas - spec.unavailable
        self._old_replicas = spec.replicas
        self._new_replicas = 0
        self._new_available = 0
        self._changed = env.event()

    def run(self) -> Generator[simpy.Event]:
        """Carry out the rolling update, from now to its completion."""
        while self._old_replicas > 0 or self._terminating > 0 or self._new_available < self._spec.replicas:
            if self._scale_up() or self._scale_down():
                yield self._env.timeout(0)
            else:
                yield self._changed
                self._changed = self._env.event()
        self._trace.record(RolloutComplete(self._env.now))

    def _scale_up(self) -> bool:
        most = self._most_pods - self._old_replicas - self._new_replicas - self._terminating
        n_pods = min(most, self._spec.replicas - self._new_replicas)
        if n_pods <= 0:
            return False
        self._new_replicas += n_pods
        self._trace.record(ReplicaSetScaled(self._env.now, "new", self._new_replicas))
        self._new_replica_set.create(n_pods)
        return True

    def _scale_down(self) -> bool:
        n_pods = min(self._old_replicas + self._new_available - self._least_available, self._old_replicas)
        if n_pods <= 0:
            return False
        self._old_replicas -= n_pods
        if self._counts_terminating:
            self._terminating += n_pods
        self._trace.record(ReplicaSetScaled(self._env.now, "old", self._old_replicas))
        for pod in islice(self._old_pods, n_pods):
            LightProcess(self._env, self._delete(pod, self._client.write_after_s()))
        return True

    def _adopt_new(self, pod: Pod) -> None:
        self._adopt(pod)
        LightProcess(self._env, self._await_available(pod))

    def _delete(self, pod: Pod, wait_s: float) -> Generator[simpy.Event, Any]:
        yield self._env.timeout(wait_s)
        self._trace.record(PodDeleted(self._env.now, pod.number))
        pod.deleted.succeed(self._env.now)
        if self._counts_terminating:
            gone_s = yield from self._gone_s(pod)
            yield self._env.timeout(gone_s - self._env.now + self._end_latency_s[pod])
            self._terminating -= 1
            self._sync()

    def _await_available(self, pod: Pod) -> Generator[simpy.Event]:
        yield pod.ready
        min_ready_s = self._spec.min_ready_s
        recheck_s = min_ready_s + MIN_READY_RECHECK_S if min_ready_s else 0.0
        yield self._env.timeout(recheck_s + self._sync_latency_s[pod])
        self._new_available += 1
        self._sync()

    def _sync(self) -> None:
        if not self._changed.triggered:
            self._changed.succeed()

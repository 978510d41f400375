"""A ReplicaSet that creates pods, and the client through which the controller-manager writes.

Modelled:
- A ReplicaSet has one sync at a time. A sync's creates go in slow-start batches 1, 2, 4, …, at most 500 in a sync.
  Requests that come during a sync wait for the next one.
- Of pods that are Ready and worth the same, the younger ones are deleted first. From v1.22 on ages are compared by the
  power of two of the nanoseconds (KEP-2185).
- Creates and deletes pass through the controller-manager's client, and each also writes an Event through that client.

Left out: creates and deletes that fail, and are tried again.

Sources: pkg/controller/replicaset/replica_set.go@3e4a7900 (docs/facts/kubernetes.md §3, §5).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.pod import Pod
from sim.control_plane.token_bucket import TokenBucket
from sim.control_plane.trace import PodCreated
from sim.scenario.kubernetes import minor

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import simpy

    from sim.control_plane.simulation import Simulation
    from sim.scenario.specs import KubernetesSpec

BURST_REPLICAS = 500
LOGARITHMIC_SINCE = 22
NANOSECONDS = 1e9


def age_rank(age_s: float, kubernetes_version: str) -> float:
    """Return by what a ReplicaSet compares the ages of its pods: the lower goes first."""
    if minor(kubernetes_version) < LOGARITHMIC_SINCE:
        return age_s
    return math.floor(math.log2(age_s * NANOSECONDS)) if age_s > 0 else -1


class ControllerManagerClient:
    """The client of the controllers that create and delete pods, and its limit."""

    def __init__(self, env: simpy.Environment, spec: KubernetesSpec) -> None:
        self._env = env
        burst, qps = spec.controller_manager_api_burst, spec.controller_manager_api_qps
        self._bucket = TokenBucket(burst, qps, at_s=env.now)

    def write_after_s(self) -> float:
        """Return the wait for a create or a delete in seconds, and reserve the next token for its Event."""
        wait_s = self._bucket.reserve(self._env.now)
        self._bucket.take(self._env.now)
        return wait_s


class ReplicaSet:
    """A ReplicaSet that starts without pods. New pods are numbered from `first` on; `adopt` is called with each."""

    def __init__(
        self,
        simulation: Simulation,
        client: ControllerManagerClient,
        first: int,
        adopt: Callable[[Pod], None],
    ) -> None:
        self._env = simulation.env
        self._client = client
        self._trace = simulation.trace
        self._first = first
        self._adopt = adopt
        self._wanted = 0
        self._created = 0
        self._creating = False

    def create(self, n_pods: int) -> None:
        """Create `n_pods` more pods, as fast as the client and slow start allow."""
        self._wanted += n_pods
        if not self._creating:
            self._creating = True
            self._env.process(self._create_missing())

    def _create_missing(self) -> Generator[simpy.Event]:
        """Sync until no pod is missing: one sync at a time, each with a slow start of its own."""
        while (n_missing := self._wanted - self._created) > 0:
            yield from self._create(min(n_missing, BURST_REPLICAS))
        self._creating = False

    def _create(self, n_pods: int) -> Generator[simpy.Event]:
        batch = 1
        while n_pods > 0:
            waits_s = [self._client.write_after_s() for _ in range(min(batch, n_pods))]
            began_s = self._env.now
            for wait_s in waits_s:
                yield self._env.timeout(max(0.0, began_s + wait_s - self._env.now))
                self._create_one()
            n_pods -= len(waits_s)
            batch *= 2

    def _create_one(self) -> None:
        pod = Pod(self._first + self._created, self._env, self._created, is_new=True)
        self._created += 1
        self._trace.record(PodCreated(self._env.now, pod.number))
        self._adopt(pod)

"""The Deployment and its ReplicaSets again, naively, and the drain of nodes.

Written from docs/model.md, "Deployment controller", and docs/facts/kubernetes.md §3 and §5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sim.scenario.distributions import Uniform
from sim.streams import Stream
from sim.verification.reference.aws_twin import Bucket

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.scenario.specs import DeploymentSpec, PodSpec
    from sim.verification.reference.control_plane_twin import ControlPlane


@dataclass(eq=False)
class Pod:
    """A pod; the `ordinal` of an old and of a new one may be the same, their draws are not."""

    number: int
    ordinal: int
    is_new: bool
    deregistered: bool = False
    cut: bool = False
    left: bool = False


class Deployment:
    """maxSurge and maxUnavailable; two writes for each create or delete, 20 a second after the first 30."""

    cordons = False

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self.ending = plane.old
        spec = plane.scenario.deployment
        self._n = spec.replicas
        self._surge, self._unavailable = _fence_posts(spec)
        ranks = plane.streams.indexed(Uniform(dist="uniform", low=0, high=1), Stream.POD_DELETION_ORDER, 0)
        self._going = sorted(plane.old, key=lambda pod: ranks[pod.ordinal])
        self._wanted_old, self._wanted_new, self._available_new = self._n, 0, 0
        self._terminating = 0
        kubernetes = plane.scenario.kubernetes
        self._writes = Bucket(kubernetes.controller_manager_api_burst, kubernetes.controller_manager_api_qps)
        self._n_created = 0
        self._creating = False
        self.complete = False

    def ready(self, pod: Pod) -> None:
        """Count a pod as available once it has been Ready for `min_ready_s`, and the recheck's second more."""
        spec = self._plane.scenario.deployment
        wait_s = spec.min_ready_s + 1 if spec.min_ready_s > 0 else 0
        wait_s += self._plane.draw(spec.sync_latency_s, pod, Stream.DEPLOYMENT_SYNC)
        self._plane.agenda.after(wait_s, self._available)

    def _available(self) -> None:
        self._available_new += 1
        self._plane.agenda.after(0, self.sync)

    def sync(self) -> None:
        """Take one step: up, or else down; where it took one, another sync follows."""
        agenda = self._plane.agenda
        count = self._wanted_old + self._wanted_new + self._terminating
        up = min(self._n + self._surge - count, self._n - self._wanted_new)
        down = min(self._wanted_old + self._available_new - (self._n - self._unavailable), self._wanted_old)
        if up > 0:
            self._wanted_new += up
            agenda.note("ReplicaSetScaled", agenda.now_s, "new", self._wanted_new)
            agenda.after(0, self.sync)  # before the second batch, which waits for the first one's answers
            if not self._creating:
                self._sync_replica_set()
        elif down > 0:
            self._wanted_old -= down
            agenda.note("ReplicaSetScaled", agenda.now_s, "old", self._wanted_old)
            for pod in [self._going.pop(0) for _ in range(down)]:
                agenda.after(self._write(), partial(self._delete, pod))
            if self._plane.scenario.deployment.pod_replacement_policy == "TerminationComplete":
                self._terminating += down
            agenda.after(0, self.sync)
        elif self._wanted_old == 0 and self._available_new == self._n and self._terminating == 0 and not self.complete:
            self.complete = True
            agenda.note("RolloutComplete", agenda.now_s)

    def _delete(self, pod: Pod) -> None:
        self._plane.deleted(pod)
        spec = self._plane.scenario.deployment
        if spec.pod_replacement_policy == "TerminationComplete":
            told_s = self._plane.draw(spec.sync_latency_s, pod, Stream.TERMINATION_SYNC)
            self._plane.agenda.after(gone_after_s(self._plane.scenario.pod) + told_s, self._gone)

    def _gone(self) -> None:
        self._terminating -= 1
        self._plane.agenda.after(0, self.sync)

    def _sync_replica_set(self) -> None:
        """Create what is missing, at most 500 pods; when the last of them is there, look again."""
        missing = self._wanted_new - self._n_created
        self._creating = missing > 0
        if missing > 0:
            self._create(min(missing, 500), 1)

    def _create(self, n: int, batch: int) -> None:
        """Ask for a batch at once; for the next one, of twice the size, when the last of it has passed."""
        waits_s = [self._write() for _ in range(min(n, batch))]
        for wait_s in waits_s:
            self._plane.agenda.after(wait_s, self._create_one)
        left = n - len(waits_s)
        self._plane.agenda.after(
            waits_s[-1], lambda: self._create(left, 2 * batch) if left else self._sync_replica_set()
        )

    def _create_one(self) -> None:
        ordinal = self._n_created
        self._n_created += 1
        self._plane.created(Pod(self._n + ordinal, ordinal, is_new=True))

    def _write(self) -> float:
        now_s = self._plane.agenda.now_s
        wait_s = self._writes.wait_s(now_s)
        self._writes.take(now_s)
        return wait_s


class Drain(Deployment):
    """kubectl and Karpenter: every pod of a node is asked for until the budget lets it go."""

    cordons = True

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane)
        spec = plane.scenario.node_drain
        self._spec = spec
        self.ending = plane.old[: spec.nodes * spec.pods_per_node]
        self._nodes = [plane.old[k * spec.pods_per_node : (k + 1) * spec.pods_per_node] for k in range(spec.nodes)]
        self._to_replace = spec.nodes * spec.pods_per_node
        if spec.min_available is not None:
            self._allowed = self._n - _of(spec.min_available, self._n, math.ceil)
        elif spec.max_unavailable is not None:
            self._allowed = min(self._n, _of(spec.max_unavailable, self._n, math.ceil))
        else:
            self._allowed = self._n

    def sync(self) -> None:
        """Begin with as many nodes as are drained at once."""
        for _ in range(self._spec.nodes_at_once):
            self._next_node()

    def ready(self, pod: Pod) -> None:
        """Count a replacement; the disruption controller hears of it later."""
        agenda = self._plane.agenda
        self._to_replace -= 1
        if self._to_replace == 0:
            self.complete = True
            agenda.note("RolloutComplete", agenda.now_s)
        agenda.after(self._plane.draw(self._spec.pdb_sync_latency_s, pod, Stream.PDB_SYNC), self._healthy)

    def _healthy(self) -> None:
        self._allowed += 1

    def _next_node(self) -> None:
        if self._nodes:
            pods = self._nodes.pop(0)
            left = {"pods": len(pods)}
            for pod in pods:
                self._ask(pod, left, 0.1)

    def _ask(self, pod: Pod, left: dict[str, int], wait_s: float) -> None:
        agenda = self._plane.agenda
        if self._allowed == 0:
            agenda.note("EvictionRefused", agenda.now_s, pod.number)
            retry_s = 5 if self._spec.drained_by == "kubectl" else wait_s
            agenda.after(retry_s, lambda: self._ask(pod, left, min(10, 2 * wait_s)))
            return
        self._allowed -= 1
        self._plane.deleted(pod)
        self._wanted_new += 1
        if not self._creating:
            self._sync_replica_set()
        left["pods"] -= 1
        if left["pods"] == 0:
            agenda.after(math.ceil(gone_after_s(self._plane.scenario.pod)), self._next_node)


DISRUPTIONS: dict[str, type[Deployment]] = {"rollout": Deployment, "node_drain": Drain}


def gone_after_s(pod: PodSpec) -> float:
    """Count from the deletion until the sandbox is gone, of a pod that does not drain."""
    slept_s = min(pod.pre_stop_sleep_s, pod.termination_grace_period_s)
    kill_s = max(2, pod.termination_grace_period_s - math.floor(slept_s))
    ends_s = kill_s if pod.on_sigterm != "exit" else min(pod.serve_after_sigterm_s, kill_s)
    return slept_s + ends_s + pod.sandbox_teardown_s


def _fence_posts(spec: DeploymentSpec) -> tuple[int, int]:
    surge = _of(spec.max_surge, spec.replicas, math.ceil)
    unavailable = min(_of(spec.max_unavailable, spec.replicas, math.floor), spec.replicas)
    return surge, unavailable if surge or unavailable else 1


def _of(value: int | str, replicas: int, rounded: Callable[[float], int]) -> int:
    return value if isinstance(value, int) else rounded(int(value.rstrip("%")) * replicas / 100)

"""The Deployment and its ReplicaSets again, naively, and the drain of nodes.

Written from docs/model.md, "Deployment controller", and docs/facts/kubernetes.md §3 and §5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from sim.scenario.distributions import Uniform
from sim.streams import Stream
from sim.verification.reference.aws_twin import Bucket

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.scenario.specs import DeploymentSpec
    from sim.verification.reference.control_plane_twin import ControlPlane

ROUNDING_S = 1e-9


@dataclass(eq=False)
class Pod:
    """A pod. An old and a new pod may have the same `ordinal`, but not the same draws."""

    number: int
    ordinal: int
    is_new: bool
    deregistered: bool = False
    cut: bool = False
    left: bool = False
    has_ready_containers: bool = False


class Deployment:
    """A Deployment with its limits, and two writes for each create or delete, 20 a second after the first 30."""

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
        """Take one step: up, or else down. After a step another sync follows."""
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
            if self.waits_for_gone:
                self._terminating += down
            agenda.after(0, self.sync)
        elif self._wanted_old == 0 and self._available_new == self._n and self._terminating == 0 and not self.complete:
            self.complete = True
            agenda.note("RolloutComplete", agenda.now_s)

    @property
    def settled(self) -> bool:
        """Return whether nothing is left to do for pods that failed unasked."""
        return True

    @property
    def waits_for_gone(self) -> bool:
        """Return whether terminating pods count."""
        return self._plane.scenario.deployment.pod_replacement_policy == "TerminationComplete"

    def _delete(self, pod: Pod) -> None:
        self._plane.deleted(pod)

    def gone_at(self, pod: Pod, gone_s: float) -> None:
        """Note when a pod will be gone, as soon as its listener is closed."""
        told_s = self._plane.draw(self._plane.scenario.deployment.sync_latency_s, pod, Stream.TERMINATION_SYNC)
        self._plane.agenda.after(gone_s - self._plane.agenda.now_s + told_s, self._gone)

    def _gone(self) -> None:
        self._terminating -= 1
        self._plane.agenda.after(0, self.sync)

    def _sync_replica_set(self) -> None:
        """Create the missing pods, at most 500. When the last of them exists, look again."""
        missing = self._wanted_new - self._n_created
        self._creating = missing > 0
        if missing > 0:
            self._create(min(missing, 500), 1)

    def _create(self, n: int, batch: int) -> None:
        """Ask for a batch at once. When its last create has passed, ask for the next batch of twice the size."""
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


@dataclass(eq=False)
class Node:
    """A drained node: the number of pods still awaited, the time limit, and when the others were seen gone."""

    left: int
    until_s: float
    done_s: float
    evicted_s: dict[Pod, float] = field(default_factory=dict)


class Drain(Deployment):
    """kubectl and Karpenter: each pod's eviction is requested until the budget allows it."""

    cordons = True

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane)
        spec = plane.scenario.node_drain
        self._spec = spec
        self.ending = plane.old[: spec.nodes * spec.pods_per_node]
        self._nodes = [plane.old[k * spec.pods_per_node : (k + 1) * spec.pods_per_node] for k in range(spec.nodes)]
        self._to_settle = spec.nodes * spec.pods_per_node
        self._waited_for: dict[Pod, Node] = {}
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

    @property
    def waits_for_gone(self) -> bool:
        """Return whether a node waits for another one."""
        return self._spec.nodes > self._spec.nodes_at_once

    def ready(self, pod: Pod) -> None:
        """Count a replacement. The disruption controller hears of it later."""
        self._settle()
        latency_s = self._plane.draw(self._spec.pdb_sync_latency_s, pod, Stream.PDB_SYNC)
        self._plane.agenda.after(latency_s, self._healthy)

    def gone_at(self, pod: Pod, gone_s: float) -> None:
        """Let a poll, one each second, find that a pod is gone."""
        node = self._waited_for.pop(pod, None)
        if node is not None:
            seen_s = node.evicted_s[pod] + math.ceil(gone_s - node.evicted_s[pod] - ROUNDING_S)
            self._leave(node, min(seen_s, node.until_s))

    def _settle(self) -> None:
        self._to_settle -= 1
        if self._to_settle == 0:
            self.complete = True
            self._plane.agenda.note("RolloutComplete", self._plane.agenda.now_s)

    def _healthy(self) -> None:
        self._allowed += 1

    def _next_node(self) -> None:
        if self._nodes:
            pods, now_s = self._nodes.pop(0), self._plane.agenda.now_s
            node = Node(len(pods), now_s + (self._spec.timeout_s or math.inf), now_s)
            for pod in pods:
                self._ask(pod, node, 0.1)

    def _ask(self, pod: Pod, node: Node, wait_s: float) -> None:
        agenda = self._plane.agenda
        if self._allowed > 0:
            self._evict(pod, node)
            return
        agenda.note("EvictionRefused", agenda.now_s, pod.number)
        if self._spec.drained_by == "kubectl":
            agenda.after(5, lambda: self._ask_in_time(pod, node))
            return
        force_s = node.until_s - self._plane.scenario.pod.termination_grace_period_s - agenda.now_s
        if force_s <= wait_s:
            agenda.after(force_s, lambda: self._evict(pod, node))
        else:
            agenda.after(wait_s, lambda: self._ask(pod, node, min(10, 2 * wait_s)))

    def _ask_in_time(self, pod: Pod, node: Node) -> None:
        """Ask again, or leave the pod on its node if time is up."""
        if self._plane.agenda.now_s < node.until_s:
            self._ask(pod, node, 0)
            return
        self.ending = [other for other in self.ending if other is not pod]
        self._settle()
        self._leave(node, self._plane.agenda.now_s)

    def _evict(self, pod: Pod, node: Node) -> None:
        agenda = self._plane.agenda
        self._allowed -= 1
        node.evicted_s[pod] = agenda.now_s
        self._waited_for[pod] = node
        if node.until_s < math.inf:
            agenda.after(node.until_s - agenda.now_s, lambda: self._time_is_up(pod))
        self._plane.deleted(pod)
        self._wanted_new += 1
        if not self._creating:
            self._sync_replica_set()

    def _time_is_up(self, pod: Pod) -> None:
        node = self._waited_for.pop(pod, None)
        if node is not None:
            self._leave(node, node.until_s)

    def _leave(self, node: Node, seen_s: float) -> None:
        """Await one pod less. Turn to the next node when all pods have been seen gone."""
        node.left -= 1
        node.done_s = max(node.done_s, seen_s)
        if node.left == 0:
            self._plane.agenda.after(max(0, node.done_s - self._plane.agenda.now_s), self._next_node)


def _fence_posts(spec: DeploymentSpec) -> tuple[int, int]:
    surge = _of(spec.max_surge, spec.replicas, math.ceil)
    unavailable = min(_of(spec.max_unavailable, spec.replicas, math.floor), spec.replicas)
    return surge, unavailable if surge or unavailable else 1


def _of(value: int | str, replicas: int, rounded: Callable[[float], int]) -> int:
    return value if isinstance(value, int) else rounded(int(value.rstrip("%")) * replicas / 100)

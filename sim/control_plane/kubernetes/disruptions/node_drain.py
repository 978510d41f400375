"""A node drain: the pods of some worker nodes are evicted, and the ReplicaSet replaces them.

`kubectl drain` cordons its nodes and takes one after another. `kubectl drain` asks the eviction API for all pods of a
node at once. The API server admits an eviction, and deducts it, while the PodDisruptionBudget's status allows a
disruption; otherwise it answers 429. An admitted eviction is a deletion, with preStop and the grace period. kubectl
asks again after a while, and polls an evicted pod until it is gone. Karpenter does the same with other waits.

Modelled:
- `nodes_at_once` nodes are drained at a time. Where `nodes` are simulated, those with the lowest numbers go, with the
  pods that the scheduler has put there, and replacements need a place on another one.
- A pod is healthy while it is Ready and not being deleted. An eviction is refused while no more pods are healthy than
  must stay so.
- The ReplicaSet creates a replacement as soon as a pod is evicted (a terminating pod is no replica). The replacement
  counts as healthy `pdb_sync_latency_s` after it is Ready.
- The drain is over when every replacement is Ready.
- When a node's `timeout_s` is over, kubectl gives up the remaining pods at its next retry, and takes the next node;
  so does Cluster Autoscaler.
  Karpenter deletes such pods without asking, one grace period before.
- With `node_termination` a node's machine is terminated a while after its last pod is gone. Nothing waits for the load
  balancer. A node with a pod that stays is not terminated.
- The cordon is an event for which v1.1.6 to v1.1.9 of the ingress controller reconcile every ingress.
- Where nodes are the targets, a marked node leaves the target group, and a terminated one ends what runs through it
  (`instance_targets`). Replacements and other pods are still reached through the others.
- Several Deployments have pods on the same nodes. Each Deployment has a budget of its own, and a node is done when all
  are done with it.

Left out:
- the other pods of these nodes, and kubectl's own client limit;
- `unhealthyPodEvictionPolicy` (no evicted pod is unready here) and `--disable-eviction`;
- that Karpenter launches nodes first and terminates the old ones after.

Sources: kubectl pkg/drain/drain.go@014e1fb5 (evictPods: 5 s; waitForDelete: 1 s) and pkg/cmd/drain/drain.go (RunDrain);
pkg/registry/core/pod/storage/eviction.go@01aa0f3f (checkAndDecrement); pkg/controller/disruption/disruption.go@003e8629
(countHealthyPods); karpenter pkg/controllers/node/termination/terminator/eviction.go (evictionQueueBaseDelay 100 ms,
evictionQueueMaxDelay 10 s) and terminator.go (DeleteExpiringPods); cluster-autoscaler
core/scaledown/actuation/drain.go (DefaultEvictionRetryTime 10 s).
"""

from __future__ import annotations

import math
from collections import deque
from itertools import count, repeat
from typing import TYPE_CHECKING, Any, cast

from sim.control_plane.kubernetes.pod import PodDraws
from sim.control_plane.kubernetes.replica_set import ReplicaSet
from sim.control_plane.trace import EvictionRefused, PodDeleted, RolloutComplete
from sim.control_plane.trace.nodes import NodeTerminated
from sim.scenario.node_drain import NodeTerminationSpec
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted, Disruption
    from sim.control_plane.kubernetes.pod import Pod
    from sim.scenario.node_drain import NodeDrainSpec
    from sim.scenario.specs import Scenario

KUBECTL_RETRY_S = 5.0
CLUSTER_AUTOSCALER_RETRY_S = 10.0
KARPENTER_BASE_S = 0.1
KARPENTER_MAX_S = 10.0
POLL_S = 1.0
ROUNDING_S = 1e-9


class DisruptionBudget:
    """A PodDisruptionBudget's status, as the API server reads and writes it."""

    def __init__(self, healthy: int, desired_healthy: int) -> None:
        self._disruptions_allowed = healthy - desired_healthy

    def admits(self) -> bool:
        """Return whether a disruption is allowed, and deduct it if so."""
        if self._disruptions_allowed <= 0:
            return False
        self._disruptions_allowed -= 1
        return True

    def is_overruled(self) -> None:
        """Note that a healthy pod is deleted without an allowed disruption."""
        self._disruptions_allowed -= 1

    def one_more_is_healthy(self) -> None:
        """Count a pod that has become Ready."""
        self._disruptions_allowed += 1


class NodeDrain:
    """The drain of some nodes, which ends the pods on them. The drain starts when `run` is started."""

    def __init__(self, spec: NodeDrainSpec, disrupted: Disrupted) -> None:
        simulation = disrupted.simulation
        self._env = env = simulation.env
        self._spec = spec
        self._trace = simulation.trace
        self._adopt = disrupted.adopt
        self._gone_s = disrupted.gone_s
        self._node_watchers = disrupted.node_watchers
        pods = disrupted.pods
        self._scheduler = disrupted.scheduler
        self._end_node = disrupted.end_node
        self._instances = disrupted.instances
        self._turns = disrupted.turns
        self._nodes = deque(enumerate(self._pods_by_node(pods)))
        self.ending = [pod for _, on_node in self._nodes for pod in on_node]
        self._grace_period_s = disrupted.grace_period_s
        self._budget = DisruptionBudget(len(pods), spec.desired_healthy(len(pods)))
        self._sync_latency_s = PodDraws(simulation.streams, spec.pdb_sync_latency_s, Stream.PDB_SYNC)
        self._replica_set = ReplicaSet(simulation, disrupted.client, len(pods), self._adopt_replacement)
        self._terminations: list[simpy.Process] = []
        self._heeded = disrupted.heeded_marks
        self._to_replace = len(self.ending)
        self._all_replaced = env.event()

    def run(self) -> Generator[simpy.Event]:
        """Carry out the drain, from now until the last replacement is Ready.

        All nodes are cordoned before the first eviction, so the watchers of nodes are called once.
        """
        if self._scheduler is not None:
            self._scheduler.cordon(range(self._spec.nodes))
        for tell in self._node_watchers:
            tell()
        if self._instances is not None and self._spec.marks & self._heeded:
            for node in range(self._spec.nodes):
                self._instances.exclude(node)
        drains = [self._env.process(self._drain_in_turn()) for _ in range(self._spec.nodes_at_once)]
        yield self._all_replaced
        self._trace.record(RolloutComplete(self._env.now))
        if self._instances is not None:
            yield self._env.all_of(drains)
            yield self._env.all_of(self._terminations)
            yield from self._instances.until_left()

    def _pods_by_node(self, pods: Sequence[Pod]) -> list[Sequence[Pod]]:
        """Return the pods on each drained node."""
        if self._scheduler is not None:
            own = set(pods)
            return [[pod for pod in self._scheduler.pods_on(node) if pod in own] for node in range(self._spec.nodes)]
        each = self._spec.pods_per_node
        return [pods[first : first + each] for first in range(0, self._spec.evicted, each)]

    def _drain_in_turn(self) -> Generator[simpy.Event, float]:
        """Drain one node after another until none is left."""
        while self._nodes:
            until_s = self._env.now + (math.inf if self._spec.timeout_s is None else self._spec.timeout_s)
            node, pods = self._nodes.popleft()
            evictions = [self._env.process(self._evict(pod, until_s)) for pod in pods]
            done_s = self._env.now
            for eviction in evictions:
                done_s = max(done_s, (yield eviction))
            is_empty = all(pod.deleted.triggered for pod in pods)
            done_s, is_empty = yield from self._turns.report(node, done_s, is_empty=is_empty)
            if isinstance(self._spec, NodeTerminationSpec) and is_empty:
                ends_s = done_s + self._spec.machine_ends_after_s
                self._terminations.append(self._env.process(self._terminate(node, pods, ends_s)))
            if self._nodes:
                yield self._env.timeout(max(0.0, done_s - self._env.now))

    def _terminate(self, node: int, pods: Sequence[Pod], at_s: float) -> Generator[simpy.Event]:
        """End the machine of a node on which these pods were."""
        self._trace.record(NodeTerminated(at_s, [pod.number for pod in pods]))
        yield self._env.timeout(at_s - self._env.now)
        if self._end_node is not None:
            self._end_node(node)
        if self._instances is not None:
            self._instances.end_machine(node)

    def _evict(self, pod: Pod, until_s: float) -> Generator[simpy.Event, Any, float]:
        """Evict a pod, and return when the drain stops waiting for it: when a poll sees it gone, or time is up."""
        if not (yield from self._is_admitted(pod, until_s)):
            self.ending.remove(pod)
            self._settle()
            return self._env.now
        self._trace.record(PodDeleted(self._env.now, pod.number))
        pod.deleted.succeed(self._env.now)
        self._replica_set.create(1)
        if not self._spec.waits_for_nodes:
            return self._env.now
        gone = self._env.process(self._gone_s(pod))
        yield gone | self._env.timeout(until_s - self._env.now)
        return min(until_s, _seen_gone_s(pod, cast("float", gone.value))) if gone.triggered else until_s

    def _is_admitted(self, pod: Pod, until_s: float) -> Generator[simpy.Event, Any, bool]:
        """Ask until the eviction is admitted, and return whether the pod goes.

        When time is up, Karpenter deletes the pod without an admission, and kubectl gives up.
        """
        forces = self._spec.drained_by == "karpenter"
        ask_until_s = until_s - self._grace_period_s if forces else until_s
        retries_s = _retries_s(self._spec)
        while not self._budget.admits():
            self._trace.record(EvictionRefused(self._env.now, pod.number))
            again_s = next(retries_s)
            yield self._env.timeout(min(again_s, ask_until_s - self._env.now) if forces else again_s)
            if self._env.now >= ask_until_s:
                if forces:
                    self._budget.is_overruled()
                return forces
        return True

    def _settle(self) -> None:
        """Count a pod that was replaced or will not be evicted."""
        self._to_replace -= 1
        if self._to_replace == 0:
            self._all_replaced.succeed()

    def _adopt_replacement(self, pod: Pod) -> None:
        self._adopt(pod)
        self._env.process(self._await_healthy(pod))

    def _await_healthy(self, pod: Pod) -> Generator[simpy.Event]:
        yield pod.ready
        self._settle()
        yield self._env.timeout(self._sync_latency_s[pod])
        self._budget.one_more_is_healthy()


def _seen_gone_s(pod: Pod, gone_s: float) -> float:
    """Return when a poll sees that an evicted pod is gone."""
    deleted_s = cast("float", pod.deleted.value)
    return deleted_s + POLL_S * math.ceil((gone_s - deleted_s - ROUNDING_S) / POLL_S)


def _retries_s(spec: NodeDrainSpec) -> Iterator[float]:
    if spec.drained_by != "karpenter":
        return repeat(KUBECTL_RETRY_S if spec.drained_by == "kubectl" else CLUSTER_AUTOSCALER_RETRY_S)
    return (min(KARPENTER_BASE_S * 2 ** min(failures, 10), KARPENTER_MAX_S) for failures in count())


def process(scenario: Scenario, disrupted: Disrupted) -> Disruption:
    """Return the scenario's node drain."""
    return NodeDrain(scenario.node_drain, disrupted)

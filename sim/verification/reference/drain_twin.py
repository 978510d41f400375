"""The drain of nodes again, naively.

Written from docs/model.md and docs/facts/kubernetes.md §5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.streams import Stream
from sim.verification.reference.deployment_twin import Deployment, Pod, share_of

if TYPE_CHECKING:
    from sim.scenario.node_drain import NodeDrainSpec, NodeTerminationSpec
    from sim.verification.reference.control_plane_twin import ControlPlane

ROUNDING_S = 1e-9


@dataclass(eq=False)
class Node:
    """A drained node: the pods on it and how many are still awaited, the time limit, when the others were seen gone."""

    number: int
    pods: list[Pod]
    left: int = 0
    until_s: float = math.inf
    done_s: float = 0.0
    evicted_s: dict[Pod, float] = field(default_factory=dict)


class Drain(Deployment):
    """kubectl and Karpenter: each pod's eviction is requested until the budget allows it."""

    cordons = True

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane)
        self._spec = spec = self.spec_of(plane)
        self._nodes: list[Node] = []
        self._to_settle = 0
        self._waited_for: dict[Pod, Node] = {}
        if spec.min_available is not None:
            self._allowed = self._n - share_of(spec.min_available, self._n, math.ceil)
        elif spec.max_unavailable is not None:
            self._allowed = min(self._n, share_of(spec.max_unavailable, self._n, math.ceil))
        else:
            self._allowed = self._n

    def spec_of(self, plane: ControlPlane) -> NodeDrainSpec:
        """Return what is drained, by whom."""
        return plane.scenario.node_drain

    def sync(self) -> None:
        """Begin with as many nodes as are drained at once. No new pod comes to any of them."""
        plane, spec = self._plane, self._spec
        each = [plane.old[k * spec.pods_per_node : (k + 1) * spec.pods_per_node] for k in range(spec.nodes)]
        if plane.nodes is not None:
            each = [plane.nodes.on(node) for node in range(spec.nodes)]
            plane.nodes.close(range(spec.nodes))
        self._nodes = [Node(number, pods) for number, pods in enumerate(each)]
        self.ending = [pod for pods in each for pod in pods]
        self._to_settle = len(self.ending)
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
            node, now_s = self._nodes.pop(0), self._plane.agenda.now_s
            node.left, node.until_s, node.done_s = len(node.pods), now_s + (self._spec.timeout_s or math.inf), now_s
            for pod in node.pods:
                self._ask(pod, node, 0.1)
            if not node.pods:
                self._is_done(node)

    def _ask(self, pod: Pod, node: Node, wait_s: float) -> None:
        agenda = self._plane.agenda
        if self._allowed > 0:
            self._evict(pod, node)
            return
        agenda.note("EvictionRefused", agenda.now_s, pod.number)
        if self._spec.drained_by != "karpenter":
            again_s = 5 if self._spec.drained_by == "kubectl" else 10
            agenda.after(again_s, lambda: self._ask_in_time(pod, node))
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
            self._is_done(node)

    def _is_done(self, node: Node) -> None:
        self._plane.agenda.after(max(0, node.done_s - self._plane.agenda.now_s), self._next_node)


class Termination(Drain):
    """A drain after which the machine of each empty node ends."""

    def spec_of(self, plane: ControlPlane) -> NodeTerminationSpec:
        """Return what is drained, by whom, and when the machines end."""
        return plane.scenario.node_termination

    @property
    def waits_for_gone(self) -> bool:
        """Return True: a machine ends after its last pod."""
        return True

    def _is_done(self, node: Node) -> None:
        spec = self._plane.scenario.node_termination
        if len(node.evicted_s) == len(node.pods):
            ends_s = node.done_s + spec.delete_delay_s + spec.termination_hook_s
            self._plane.agenda.note("NodeTerminated", ends_s, [pod.number for pod in node.pods])
            self._plane.agenda.after(ends_s - self._plane.agenda.now_s, lambda: self._end_machine(node))
        super()._is_done(node)

    def _end_machine(self, node: Node) -> None:
        if self._plane.nodes is not None:
            self._plane.nodes.end_machine(node.number)

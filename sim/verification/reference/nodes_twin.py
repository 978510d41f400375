"""Worker nodes again, naively: places, images, and when a rollout is taken to have stalled.

Written from docs/facts/capacity.md §2, docs/facts/kubernetes.md §5 and docs/model.md, "Nodes".
With `sim.control_plane` it shares the draws, and the choices that the facts leave open. Of nodes or zones that are
alike it takes the one with the lowest number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sim.streams import Stream
from sim.verification.reference.addresses_twin import Addresses
from sim.verification.reference.autoscaler_twin import Autoscaler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sim.scenario.specs import NodesSpec
    from sim.verification.reference.deployment_twin import Pod
    from sim.verification.reference.side_twin import Side

BACK_OFFS_S = (1.0, 2.0, 4.0, 8.0, 10.0)


@dataclass(eq=False)
class Waiting:
    """A pod without a node: how often it was tried, when last, and what to do when it has one.

    `failure`: the place of its last try among all that failed.
    """

    pod: Pod
    then: Callable[[int], None]
    tries: int = 0
    last_s: float = 0.0
    failure: int = 0
    is_woken: bool = False


class Nodes:
    """The nodes of the cluster, which know of each pod where it is."""

    def __init__(self, plane: Side, nodes: NodesSpec) -> None:
        self._plane, self._agenda = plane, plane.agenda
        self._first = 0
        self._spec = plane.scenario.autoscaler
        self._places = _places(
            nodes, prefixes=plane.scenario.vpc_cni is not None and plane.scenario.vpc_cni.prefix_delegation
        )
        self._zones = [number % nodes.zones for number in range(nodes.count)]
        self._launched = [self._zones.count(zone) for zone in range(nodes.zones)]
        self._node_of: dict[Pod, int] = {}
        self._terminating: set[Pod] = set()
        self._starting: set[Pod] = set()
        self._waiting: list[Waiting] = []
        self._failures = 0
        self._coming = 0
        self.changed_s = self._agenda.now_s
        self._pulls_s = plane.streams.draws(self._spec.image_pull_s, Stream.IMAGE_PULL)
        self._image_s = dict.fromkeys(range(nodes.count), -math.inf)
        self._closed: set[int] = set()
        cni = plane.scenario.vpc_cni
        self.addresses = None if cni is None else Addresses(plane, nodes, cni)
        self._autoscaler = Autoscaler(self, plane) if self._spec.kind != "none" else None

    def begin(self, pods: list[Pod]) -> None:
        """Give the pods from before the disruption their nodes and addresses."""
        for pod in pods:
            self._bind(pod, self._best())
        if self.addresses is not None:
            self.addresses.begin(self._zones, [(pod, self._node_of[pod]) for pod in pods])
        self._autoscale()

    def _autoscale(self) -> None:
        if self._autoscaler is not None:
            self._autoscaler.begin()

    @property
    def pending(self) -> int:
        """How many pods wait for a node."""
        return len(self._waiting)

    # A pod

    def admit(self, pod: Pod, then: Callable[[], None]) -> None:
        """Go on once a pod has a node, an address and its image."""

        def placed(node: int) -> None:
            self._starting.add(pod)
            if self.addresses is None:
                self._pull(node, then)
            else:
                self.addresses.ask(pod, self._first + node, lambda: self._pull(node, then))

        waiting = Waiting(pod, placed)
        self._waiting.append(waiting)
        self._try(waiting)

    def is_ready(self, pod: Pod) -> None:
        """Count a pod as started."""
        self._starting.discard(pod)

    def is_deleted(self, pod: Pod) -> None:
        """Count a pod no longer where pods are spread over zones."""
        self._terminating.add(pod)

    def leaves(self, pod: Pod) -> None:
        """Take back the place and the address of a pod that is gone."""
        node = self._node_of[pod]
        if self.addresses is not None and self._first + node in self.addresses.of:
            self.addresses.of[self._first + node].take_back(pod)
        del self._node_of[pod]
        self.changed_s = self._agenda.now_s
        self._wake(node)

    # Nodes that take no more pods

    def close(self, nodes: Iterable[int]) -> None:
        """Let no more pods come to these nodes."""
        self._closed |= set(nodes)

    def on(self, node: int) -> list[Pod]:
        """Return the pods that have a place on a node, in the order of their numbers."""
        return sorted((pod for pod, place in self._node_of.items() if place == node), key=lambda pod: pod.number)

    def end_machine(self, node: int) -> None:
        """Take a node's addresses back, as its machine is gone."""
        if self.addresses is not None:
            self.addresses.of.pop(self._first + node).end_machine()

    def _pull(self, node: int, then: Callable[[], None]) -> None:
        now_s = self._agenda.now_s
        if node not in self._image_s:
            self._image_s[node] = now_s + next(self._pulls_s)
        if self._image_s[node] > now_s:
            self._agenda.after(self._image_s[node] - now_s, then)
        else:
            then()

    def _best(self) -> int | None:
        """Return the least allocated node with room in the zone with the fewest live pods of those that have room."""
        counts = [list(self._node_of.values()).count(node) for node in range(len(self._zones))]
        live = [self._zones[node] for pod, node in self._node_of.items() if pod not in self._terminating]
        with_room = [node for node, count in enumerate(counts) if self._has_room(node, count)]
        return min(with_room, key=lambda node: (live.count(self._zones[node]), counts[node], node), default=None)

    def _has_room(self, node: int, pods: int) -> bool:
        return pods < self._places and node not in self._closed

    def _bind(self, pod: Pod, node: int | None) -> None:
        if node is not None:
            self._node_of[pod] = node
            self.changed_s = self._agenda.now_s
            self._agenda.note("PodScheduled", self._agenda.now_s, pod.number, self._first + node)

    def _try(self, waiting: Waiting) -> None:
        node = self._best()
        if node is not None:
            self._bind(waiting.pod, node)
            self._waiting.remove(waiting)
            waiting.then(node)
            return
        self._failures += 1
        waiting.tries, waiting.failure = waiting.tries + 1, self._failures
        waiting.last_s, waiting.is_woken = self._agenda.now_s, False
        if self._autoscaler is not None:
            self._autoscaler.refused()

    def _wake(self, node: int) -> None:
        """Let every pod that waits for a place try again, when its back-off is over, if there is one."""
        if not self._has_room(node, list(self._node_of.values()).count(node)):
            return
        for waiting in sorted(self._waiting, key=lambda waiting: waiting.failure):
            if waiting.tries and not waiting.is_woken:
                waiting.is_woken = True
                back_off_s = BACK_OFFS_S[min(waiting.tries, len(BACK_OFFS_S)) - 1]
                wait_s = max(0.0, waiting.last_s + back_off_s - self._agenda.now_s)
                self._agenda.after(wait_s, partial(self._try, waiting))

    # The autoscaler's nodes

    def wanted(self) -> int:
        """Return how many nodes the pods that wait need beyond those that come."""
        most = math.inf if self._spec.max_nodes is None else self._spec.max_nodes
        needed = math.ceil(self.pending / self._places) - self._coming
        return int(max(0, min(needed, most - len(self._zones) - self._coming)))

    def expect(self, nodes: int) -> None:
        """Count nodes that come, or do not come after all."""
        self._coming += nodes

    def launch(self) -> int | None:
        """Return the zone with the fewest nodes of those that have an address for one more."""
        for zone in sorted(range(len(self._launched)), key=lambda zone: self._launched[zone]):
            if self.addresses is None or self.addresses.subnets[zone].take(1):
                self._launched[zone] += 1
                return zone
        return None

    def join(self, zone: int) -> None:
        """Add a Ready node."""
        number = len(self._zones)
        self._zones.append(zone)
        self.changed_s = self._agenda.now_s
        self._wake(number)
        if self.addresses is not None:
            self.addresses.join(self._first + number, zone)
        self._coming -= 1
        self._agenda.note("NodeAdded", self._agenda.now_s, self._first + number, zone)

    def may_go_on(self) -> bool:
        """Return whether something is under way that may make room."""
        without = [] if self.addresses is None else self.addresses.waiting
        return (
            not (self._waiting or without)
            or self._coming > 0
            or any(pod not in without for pod in self._starting)
            or any(pod in self._node_of for pod in self._terminating)
            or any(pod in self._terminating and not pod.deregistered for pod in self._plane.deployment.ending)
        )


def _places(nodes: NodesSpec, *, prefixes: bool) -> int:
    """Return how many pods a node takes: CPU requests, memory requests and pod count must fit."""
    places = [nodes.max_pods_with(prefixes=prefixes) - nodes.daemonset_pods]
    if nodes.pod_cpu_m and nodes.type.alloc_cpu_m is not None:
        places.append((nodes.type.alloc_cpu_m - nodes.daemonset_cpu_m) // nodes.pod_cpu_m)
    if nodes.pod_memory_mib and nodes.type.alloc_memory_mib is not None:
        places.append(nodes.type.alloc_memory_mib // nodes.pod_memory_mib)
    return max(0, min(places))

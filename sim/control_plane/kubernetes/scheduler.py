"""The scheduler: which node a pod gets, and how long it waits for one.

Modelled:
- A node takes a pod while the CPU and memory requests and the number of its pods allow. All pods of the rolled
  Deployments request the same, so a node has a number of places for them (`NodesSpec.places`).
- Of the nodes with a place, those in the zone with the fewest pods of the same Service come first. Among these nodes
  those with the fewest pods do, and then the one with the lowest number. Terminating pods count for no zone (K8s
  podtopologyspread/common.go).
- A pod that is deleted keeps its place until it is gone.
- A pod without a node is Pending. A Pending pod is tried again when a place or a node comes free, but not before its
  backoff is over. The backoff is 1 s after the first attempt, 2 s after the second, and so on up to 10 s (K8s
  backend/queue, DefaultPodMaxBackoffDuration).

Left out:
- ties between nodes, which the real scheduler breaks by chance;
- the time of an attempt, some milliseconds, and the scheduler's own client limit;
- pods of other workloads, affinities, taints other than a cordon, priorities and preemption.

Sources: K8s is kubernetes/kubernetes, pkg/scheduler; docs/facts/capacity.md §2, docs/facts/kubernetes.md §5.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from sim.control_plane.clock import come_now
from sim.control_plane.simulation import call_when

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Hashable, Iterable

    import simpy

    from sim.control_plane.kubernetes.pod import Pod

FIRST_BACKOFF_S = 1.0
LONGEST_BACKOFF_S = 10.0


@dataclass(slots=True)
class Node:
    """A worker node, with the number of pods that have a place on it."""

    number: int
    zone: int
    pods: int = 0
    cordoned: bool = False


@dataclass(slots=True, eq=False)
class _Waiting:
    """A pod without a node, which is not tried again before its backoff is over."""

    pod: Pod
    service: Hashable
    has_node: simpy.Event
    backoff_s: float = FIRST_BACKOFF_S
    not_before_s: float = 0.0


class Scheduler:
    """The scheduler of one cluster. `places`: how many pods of the Deployments each node takes.

    Nodes are numbered from `first` on.
    """

    def __init__(self, env: simpy.Environment, *, nodes: int, zones: int, places: int, first: int = 0) -> None:
        self._env = env
        self.places_per_node = places
        self._zones = zones
        self._first = first
        self.nodes: dict[int, Node] = {}
        self._with_room: list[list[tuple[int, int]]] = [[] for _ in range(zones)]
        self._node_of: dict[Pod, Node] = {}
        self._service_of: dict[Pod, Hashable] = {}
        self._live: Counter[tuple[Hashable, int]] = Counter()
        self.pending: dict[Pod, float] = {}
        """The pods that wait for a node, and since when."""
        self.changed_s = env.now
        """When a pod last got or left a place, or a node came."""
        self.coming = 0
        """How many nodes the autoscaler has asked for that are not Ready yet."""
        self._refused: list[simpy.Event] = []
        self._unschedulable: list[_Waiting] = []
        for _ in range(nodes):
            self.add_node()

    def add_node(self, zone: int | None = None) -> Node:
        """Add a Ready node, by default in the zone whose turn it is, and return it."""
        ordinal = len(self.nodes)
        node = Node(self._first + ordinal, ordinal % self._zones if zone is None else zone)
        self.nodes[node.number] = node
        self._allocate(node, 0)
        return node

    def refused(self) -> simpy.Event:
        """Return the event that a pod is found no place for."""
        event = self._env.event()
        self._refused.append(event)
        return event

    def cordon(self, nodes: Iterable[int]) -> None:
        """Let no more pods come to these nodes."""
        for number in nodes:
            self.nodes[number].cordoned = True

    def node_of(self, pod: Pod) -> int:
        """Return the number of the node on which a pod has its place."""
        return self._node_of[pod].number

    def pods_on(self, node: int) -> list[Pod]:
        """Return the pods that have a place on a node, in the order of their numbers."""
        return sorted(pod for pod, place in self._node_of.items() if place.number == node)

    def is_starting(self, held_up: Collection[Pod]) -> bool:
        """Return whether a pod that has a node is not Ready yet, beside those that are held up."""
        return any(pod.is_new and not pod.ready.triggered and pod not in held_up for pod in self._node_of)

    def is_ending(self) -> bool:
        """Return whether a deleted pod keeps a place."""
        return any(pod.deleted.triggered for pod in self._node_of)

    def place(self, pod: Pod, service: Hashable) -> Generator[simpy.Event, object, int]:
        """Return the number of the pod's node, once it has one."""
        node = self.bind(pod, service)
        if node is None:
            node = yield from self._await_place(pod, service)
        return node.number

    def _await_place(self, pod: Pod, service: Hashable) -> Generator[simpy.Event, object, Node]:
        self.pending[pod] = self._env.now
        waiting = _Waiting(pod, service, self._env.event())
        self._refuse(waiting)
        yield waiting.has_node
        del self.pending[pod]
        return self._node_of[pod]

    def _refuse(self, waiting: _Waiting) -> None:
        refused, self._refused = self._refused, []
        for event in refused:
            event.succeed()
        waiting.not_before_s = self._env.now + waiting.backoff_s
        waiting.backoff_s = min(2 * waiting.backoff_s, LONGEST_BACKOFF_S)
        self._unschedulable.append(waiting)

    def _retry(self, pods: list[_Waiting]) -> None:
        """Try pods again once their backoffs are over: all that need not wait at once."""
        at_once = [waiting for waiting in pods if waiting.not_before_s <= self._env.now]
        call_when(self._env.timeout(0), partial(self._try, at_once))
        for waiting in pods:
            if waiting.not_before_s > self._env.now:
                call_when(self._env.timeout(waiting.not_before_s - self._env.now), partial(self._try, [waiting]))

    def _try(self, pods: list[_Waiting]) -> None:
        for waiting in pods:
            if self.bind(waiting.pod, waiting.service) is None:
                self._refuse(waiting)
            else:
                come_now(waiting.has_node)

    def bind(self, pod: Pod, service: Hashable) -> Node | None:
        """Assign a pod a place now. Return the pod's node, or None if there is no place."""
        node = self._best(service)
        if node is None:
            return None
        self._node_of[pod] = node
        self._service_of[pod] = service
        self._live[service, node.zone] += 1
        self._allocate(node, 1)
        return node

    def _best(self, service: Hashable) -> Node | None:
        """Return the node for a pod of this Service, None if no node has room."""
        of_zones = [node for zone in range(self._zones) if (node := self._least_allocated(zone)) is not None]
        return min(of_zones, key=lambda node: (self._live[service, node.zone], node.pods, node.number), default=None)

    def is_deleted(self, pod: Pod) -> None:
        """Count a pod no longer where pods are spread over zones. The pod keeps its place."""
        self._live[self._service_of[pod], self._node_of[pod].zone] -= 1

    def release(self, pod: Pod) -> None:
        """Take the place of a pod that is gone."""
        del self._service_of[pod]
        self._allocate(self._node_of.pop(pod), -1)

    def _allocate(self, node: Node, pods: int) -> None:
        """Change the number of pods that have a place on a node, and tell the pods that wait if it has room."""
        self.changed_s = self._env.now
        node.pods += pods
        if node.cordoned or node.pods >= self.places_per_node:
            return
        heappush(self._with_room[node.zone], (node.pods, node.number))
        if pods <= 0 and self._unschedulable:
            call_when(self._env.event().succeed(), partial(self._retry, self._unschedulable))
            self._unschedulable = []

    def _least_allocated(self, zone: int) -> Node | None:
        """Return the zone's node with the fewest pods, if it has room. Entries that are out of date are dropped."""
        entries = self._with_room[zone]
        while entries:
            pods, number = entries[0]
            node = self.nodes[number]
            if node.pods == pods and not node.cordoned:
                return node
            heappop(entries)
        return None

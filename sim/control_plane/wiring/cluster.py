"""The worker nodes of a cluster as its Deployments meet them: a pod gets a node and an address, and gives them back.

Modelled:
- A pod waits for a place on a node (`scheduler`), then for an address (`vpc_cni`), then for the image.
- A new node pulls the pods' image once, from its first pod on. The others wait for the same pull.

Left out: images that differ, and pulls that fail.

Sources: docs/facts/capacity.md §2, §3.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.control_plane.aws.vpc_cni import VpcCni
from sim.control_plane.kubernetes.autoscaler import Autoscaler
from sim.control_plane.kubernetes.scheduler import Scheduler
from sim.control_plane.trace.nodes import PodScheduled
from sim.control_plane.wiring.new_cluster import NewCluster
from sim.scenario.cluster_switch import ClusterSwitchSpec
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Hashable

    import simpy

    from sim.control_plane.aws.aws_api import AwsApi
    from sim.control_plane.kubernetes.pod import Pod
    from sim.control_plane.kubernetes.scheduler import Node
    from sim.control_plane.simulation import Simulation
    from sim.control_plane.trace import Trace
    from sim.scenario.room import Room
    from sim.scenario.specs import NodesSpec, Scenario


class Cluster:
    """The nodes with the scheduler, and with their addresses if these are simulated. `api` is the account's.

    A cluster that is built `beside` another one takes its addresses from the same subnets, and its nodes are new: they
    have no pods and no images.
    """

    def __init__(
        self,
        simulation: Simulation,
        scenario: Scenario,
        nodes: NodesSpec,
        room: Room,
        api: AwsApi,
        beside: Cluster | None = None,
    ) -> None:
        self._env = simulation.env
        self.api = api
        first = 0 if beside is None else len(beside.scheduler.nodes)
        places = room.per_node
        self.scheduler: Scheduler = Scheduler(
            self._env, nodes=nodes.count, zones=nodes.zones, places=places, first=first
        )
        cni, self._autoscaled = scenario.vpc_cni, scenario.autoscaler
        self._beside = beside
        self._cni: VpcCni | None = None
        if cni is not None:
            self._cni = VpcCni(simulation, nodes, cni, api) if beside is None else beside._cni  # noqa: SLF001 - its own class
        self._autoscaler = Autoscaler(simulation, self._autoscaled, self.scheduler, self._launch, self._join)
        self._pulls_s = simulation.streams.draws(self._autoscaled.image_pull_s, Stream.IMAGE_PULL)
        self._image_from_s: dict[int, float] = {}
        self._launched = [0] * nodes.zones
        self._old_pods: list[tuple[Pod, Node]] = []
        spec = scenario.disrupted_by
        stands = beside is None and isinstance(spec, ClusterSwitchSpec) and spec.new_pods_created_at_s is None
        self._takes_over = NewCluster(simulation, scenario, nodes, room) if stands else None
        self._ended: set[int] = set()

    @property
    def without_address(self) -> Collection[Pod]:
        """The pods that have a node and no address."""
        return () if self._cni is None else self._cni.waiting

    def hold(self, pod: Pod, service: Hashable, trace: Trace) -> None:
        """Assign a pod from before the disruption its node."""
        node = self.scheduler.bind(pod, service)
        if node is not None:
            self._old_pods.append((pod, node))
            trace.record(PodScheduled(self._env.now, pod.number, node.number))

    def start(self) -> None:
        """Let the nodes have their addresses, once they have all pods from before the disruption."""
        nodes = [*self.scheduler.nodes.values()]
        if self._beside is not None:
            self._start_beside(nodes)
        elif self._cni is not None:
            self._cni.start(nodes, self._old_pods)
            if self._takes_over is not None:
                self._takes_over.start(self._cni, len(nodes))
        for node in nodes:
            self._launched[node.zone] += 1
            if self._beside is None:
                self._image_from_s[node.number] = -math.inf
        if self._autoscaled.kind != "none":
            self._env.process(self._autoscaler.run())

    def _start_beside(self, nodes: list[Node]) -> None:
        """Let the nodes have what addresses are left. A node for which there is no address does not come up."""
        if self._cni is not None:
            started = {node.number for node in self._cni.start_empty(nodes)}
            self.scheduler.cordon(node.number for node in nodes if node.number not in started)

    def admit(self, pod: Pod, service: Hashable, trace: Trace) -> Generator[simpy.Event]:
        """Wait until a pod has a node and an address."""
        node = yield from self.scheduler.place(pod, service)
        trace.record(PodScheduled(self._env.now, pod.number, node))
        if self._cni is not None:
            yield from self._cni.await_address(pod, node, trace)
        if node not in self._image_from_s:
            self._image_from_s[node] = self._env.now + next(self._pulls_s)
        if self._image_from_s[node] > self._env.now:
            yield self._env.timeout(self._image_from_s[node] - self._env.now)

    def leave(self, pod: Pod) -> None:
        """Take back the node and the address of a pod that is gone."""
        if self._cni is not None:
            self._cni.release(pod, self.scheduler.node_of(pod))
        self.scheduler.release(pod)

    def catch_up(self, until_s: float) -> None:
        """Record what was tried in vain up to a time, which costs no events."""
        if self._cni is not None:
            self._cni.catch_up(until_s)

    def _launch(self) -> int | None:
        """Return the zone of a new instance: the one with the fewest that has an address for it, None if none has."""
        zones = sorted(range(len(self._launched)), key=lambda zone: (self._launched[zone], zone))
        for zone in zones:
            if self._cni is None or self._cni.subnets[zone].take(1):
                self._launched[zone] += 1
                return zone
        return None

    def _join(self, zone: int) -> int:
        """Add a Ready node, and return its number."""
        node = self.scheduler.add_node(zone)
        if self._cni is not None:
            self._cni.add(node)
        return node.number

    def end_node(self, node: int) -> None:
        """Release the addresses of a node whose machine is gone, as the first of its Deployments says."""
        if self._cni is not None and node not in self._ended:
            self._ended.add(node)
            self._cni.remove(self.scheduler.nodes[node])

"""The worker nodes of a cluster as its Deployments meet them: a pod gets a node and an address, and gives them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.aws.vpc_cni import VpcCni
from sim.control_plane.kubernetes.scheduler import Scheduler
from sim.control_plane.trace import PodScheduled

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Hashable

    import simpy

    from sim.control_plane.aws.aws_api import AwsApi
    from sim.control_plane.kubernetes.pod import Pod
    from sim.control_plane.kubernetes.scheduler import Node
    from sim.control_plane.simulation import Simulation
    from sim.control_plane.trace import Trace
    from sim.scenario.room import Room
    from sim.scenario.specs import NodesSpec, VpcCniSpec


class Cluster:
    """The nodes with the scheduler, and with their addresses if these are simulated. `api` is the account's."""

    def __init__(
        self, simulation: Simulation, nodes: NodesSpec, room: Room, cni: VpcCniSpec | None, api: AwsApi
    ) -> None:
        self._env = simulation.env
        self.api = api
        self.scheduler = Scheduler(self._env, nodes=nodes.count, zones=nodes.zones, places=room.per_node)
        self._cni = None if cni is None else VpcCni(simulation, nodes, cni, api)
        self._old_pods: list[tuple[Pod, Node]] = []

    @property
    def without_address(self) -> Collection[Pod]:
        """The pods that have a node and no address."""
        return () if self._cni is None else self._cni.waiting

    def hold(self, pod: Pod, service: Hashable, trace: Trace) -> None:
        """Give a pod from before the disruption its node."""
        node = self.scheduler.bind(pod, service)
        if node is not None:
            self._old_pods.append((pod, node))
            trace.record(PodScheduled(self._env.now, pod.number, node.number))

    def start(self) -> None:
        """Give the nodes their addresses, once they have all pods from before the disruption."""
        if self._cni is not None:
            self._cni.start(self.scheduler.nodes, self._old_pods)

    def admit(self, pod: Pod, service: Hashable, trace: Trace) -> Generator[simpy.Event]:
        """Wait until a pod has a node and an address."""
        node = yield from self.scheduler.place(pod, service)
        trace.record(PodScheduled(self._env.now, pod.number, node))
        if self._cni is not None:
            yield from self._cni.await_address(pod, node, trace)

    def leave(self, pod: Pod) -> None:
        """Take back the node and the address of a pod that is gone."""
        if self._cni is not None:
            self._cni.release(pod, self.scheduler.node_of(pod))
        self.scheduler.release(pod)

"""The worker nodes as the targets of a Service's target group (`target_group.target_type: instance`), and their end.

Modelled:
- The ingress controller takes a node out of the target group when it is marked, if its release heeds the mark. Marks
  are the cordon, the label that takes a node out of load balancers, and the Cluster Autoscaler's taint.
- The controller takes any node out once its Node object is gone. The object goes a while after its machine: the node is
  NotReady when its heartbeats have failed for the grace period. The cloud's node controller then finds no instance (K8s
  cloud-provider/controllers/nodelifecycle, node-monitor-period 5 s).
- Until an ALB node hears of that, its health checks of a node without a machine fail, and it stops sending by itself.

Left out:
- worker nodes that join during the disruption;
- early ends of the Node object: Karpenter deletes it with its machine;
- v1.1.2 to v1.1.5, which also ask EC2 whether a node is healthy, whenever they reconcile for another cause;
- checks that a node fails while it has a machine, as any pod answers them.

Sources: docs/facts/capacity.md §3; docs/facts/kubernetes.md §9.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sim.control_plane.aws.target_group import TargetGroup
from sim.control_plane.kubernetes.outage import Outage
from sim.control_plane.kubernetes.pod import PodDraws
from sim.control_plane.trace import TargetDeregistered, TargetDrained, Trace
from sim.control_plane.trace.nodes import InstanceDeregistered, InstanceDrained, InstanceGone, InstanceUnhealthy
from sim.scenario.distributions import Constant, Uniform
from sim.scenario.unplanned import NodeLostSpec
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    import simpy

    from sim.control_plane.aws.target_group import TargetHealth
    from sim.control_plane.controllers.ingress import Gates
    from sim.control_plane.simulation import Simulation
    from sim.control_plane.trace import Record
    from sim.scenario.specs import Scenario

NODE_LOST = NodeLostSpec()
NODE_MONITOR_S = Uniform(dist="uniform", low=0, high=5)
"""From a node's NotReady until the cloud's node controller looks for its instance."""


@dataclass(frozen=True, slots=True, eq=False)
class WorkerNode:
    """A worker node as a target. `deregistered` occurs when it is draining."""

    number: int
    deregistered: simpy.Event
    is_new: bool = field(default=False, init=False)

    @property
    def ordinal(self) -> int:
        """The number by which the node's draws are selected."""
        return self.number

    def __lt__(self, other: WorkerNode) -> bool:
        """Return whether this node comes before another node."""
        return self.number < other.number


class InstanceTargets:
    """The worker nodes of a cluster as a controller's backend. No node leaves unless it is told to."""

    def __init__(self, simulation: Simulation, scenario: Scenario) -> None:
        self._env = env = simulation.env
        self._records = Trace()
        self._gone: list[InstanceGone] = []
        spec, streams = scenario.target_group, simulation.streams
        self._nodes = [WorkerNode(number, env.event()) for number in range(spec.instances)]
        self._group = TargetGroup(
            replace(simulation, trace=self._records), spec, self._nodes, fails_checks_s=lambda _: {}
        )
        self._out: set[WorkerNode] = set()
        self._grace_s = NODE_LOST.grace_s(scenario.kubernetes.version)
        never = Constant(value=0)
        self._lag_s = PodDraws(streams, scenario.controller.deregistration_lag_s or never, Stream.DEREGISTRATION_LAG)
        self._heartbeat_age_s = PodDraws(streams, NODE_LOST.heartbeat_age_s, Stream.NODE_LOST, 0)
        self._monitored_after_s = PodDraws(streams, NODE_LOST.monitored_after_s, Stream.NODE_LOST, 1)
        self._missed_after_s = PodDraws(streams, NODE_MONITOR_S, Stream.NODE_LOST, 2)
        self.gates: Gates[WorkerNode] | None = None
        self.changes: list[WorkerNode] = []
        self.watchers: list[Callable[[], None]] = []
        """Whoever is told that a node is no longer to be a target."""

    @property
    def target_changes(self) -> Sequence[WorkerNode]:
        """The nodes that were registered or deregistered, in order."""
        return self._group.changes

    def desired(self) -> frozenset[WorkerNode]:
        """Return the nodes that are to be targets."""
        return frozenset(self._nodes) - self._out

    def health(self, of: AbstractSet[WorkerNode] | None = None) -> TargetHealth[WorkerNode]:
        """Return the states of these nodes, or of all."""
        return self._group.health(of)

    def registered(self) -> set[WorkerNode]:
        """Return the nodes that are not draining."""
        return self._group.registered()

    def register(self, nodes: Iterable[WorkerNode]) -> None:
        """Take over a successful RegisterTargets."""
        self._group.register(nodes)

    def deregister(self, nodes: Iterable[WorkerNode]) -> None:
        """Take over a successful DeregisterTargets."""
        self._group.deregister(nodes)

    def exclude(self, number: int) -> None:
        """Take a node out of those that are to be targets, and tell the controller."""
        node = self._nodes[number]
        if node not in self._out:
            self._out.add(node)
            self.changes.append(node)
            for tell in self.watchers:
                tell()

    def deregister_after_lag(self) -> None:
        """Deregister each excluded node after a lag of its own, without a controller."""

        def follow() -> None:
            self._env.process(self._deregister_later(self.changes[-1]))

        self.watchers.append(follow)

    def end_machine(self, number: int) -> None:
        """Let a node's machine go now."""
        self._gone.append(InstanceGone(self._env.now, number))
        self._env.process(self._lose_node_object(self._nodes[number]))

    def until_left(self) -> Generator[simpy.Event]:
        """Wait until every node that has been excluded, or has no machine, is deregistered."""
        leaving = self._out | {self._nodes[gone.instance] for gone in self._gone}
        yield self._env.all_of([node.deregistered for node in leaving])

    def records(self) -> Sequence[Record]:
        """Return what happened to the nodes as targets."""
        deregistered = [
            InstanceDeregistered(record.time_s, record.pod, record.drain_deadline_s)
            for record in self._records.of(TargetDeregistered)
        ]
        drained = [
            InstanceDrained(record.time_s, record.pod, record.node) for record in self._records.of(TargetDrained)
        ]
        unhealthy = [
            InstanceUnhealthy(at_s, gone.instance, node)
            for gone in self._gone
            for node, at_s in enumerate(self._unhealthy_from_s(gone))
        ]
        return [*self._gone, *deregistered, *drained, *unhealthy]

    def _unhealthy_from_s(self, gone: InstanceGone) -> list[float]:
        outage = Outage(gone.time_s, silent=True)
        return [spell.from_s for spell in self._group.unhealthy_spells(self._nodes[gone.instance], outage)]

    def _deregister_later(self, node: WorkerNode) -> Generator[simpy.Event]:
        yield self._env.timeout(self._lag_s[node])
        self.deregister([node])

    def _lose_node_object(self, node: WorkerNode) -> Generator[simpy.Event]:
        yield self._env.timeout(max(0.0, self._grace_s - self._heartbeat_age_s[node]))
        yield self._env.timeout(self._monitored_after_s[node] + self._missed_after_s[node])
        self.exclude(node.number)

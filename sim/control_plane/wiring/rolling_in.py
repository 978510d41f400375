"""A Deployment of a cluster that takes over: its pods are created some time before or after the switch.

Modelled:
- The new cluster's ReplicaSet creates all pods at `new_pods_created_at_s`, through the client of its own
  kube-controller-manager.
- Each pod waits for a node of the new cluster, for an address of the subnets that both clusters share, and for its
  image, which no new node has.
- When a new pod is Ready the new cluster's controller registers its target with the new ALB, through the buckets that
  all controllers of the account share.

Left out: how the new cluster's nodes came up before, which have what addresses the old cluster's nodes have left.

Sources: docs/facts/capacity.md §1 and §4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.kubelet import Kubelet
from sim.control_plane.kubernetes.replica_set import ReplicaSet
from sim.control_plane.light_process import LightProcess
from sim.control_plane.trace import ReplicaSetScaled
from sim.control_plane.wiring.service import Service

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy

    from sim.control_plane.kubernetes.pod import Pod
    from sim.control_plane.kubernetes.replica_set import ControllerManagerClient
    from sim.control_plane.simulation import Simulation
    from sim.control_plane.wiring.cluster import Cluster
    from sim.scenario.specs import Scenario


class RollingIn:
    """A new Deployment, which does nothing until `run` is started. `cluster` has its nodes, if these are simulated.

    The new cluster's targets are in the second target group of the trace.
    """

    def __init__(
        self,
        simulation: Simulation,
        scenario: Scenario,
        client: ControllerManagerClient,
        cluster: Cluster | None,
        at_s: float,
    ) -> None:
        """Make the Deployment. `at_s` is when its pods are created."""
        self._env = simulation.env
        self._trace = simulation.trace
        self._cluster = cluster
        self._at_s = at_s
        self._pods = scenario.deployment.replicas
        node_of = None if cluster is None else cluster.scheduler.node_of
        self._kubelet = Kubelet(simulation, scenario.pod, scenario.kubernetes, node_of)
        self.service = Service(simulation, scenario, [], self._kubelet, {}, number=1)
        self._replica_set = ReplicaSet(simulation, client, self._pods, self._adopt)

    @property
    def is_registered(self) -> bool:
        """Whether every pod's target is registered."""
        group = self.service.target_group
        return group is not None and group.n_registered == self._pods

    def run(self) -> Generator[simpy.Event]:
        """Create the pods when it is time."""
        yield self._env.timeout(self._at_s - self._env.now)
        self._trace.record(ReplicaSetScaled(self._env.now, "new", self._pods))
        self._replica_set.create(self._pods)

    def _adopt(self, pod: Pod) -> None:
        LightProcess(self._env, self._start(pod))
        for follow in self.service.pod_processes:
            LightProcess(self._env, follow(pod))

    def _start(self, pod: Pod) -> Generator[simpy.Event]:
        if self._cluster is not None:
            yield from self._cluster.admit(pod, self, self._trace)
        yield from self._kubelet.start(pod)

"""The VPC CNI in a cluster: the subnets of its zones, the pool of each node, and sandboxes that wait for an address.

Modelled:
- A pod's sandbox needs an address from its node's pool. Without an address the sandbox fails at once, and the kubelet
  tries again after 10 s to 15 s. The scheduler knows nothing of this.
- A pod gives its address back when it is gone.
- Before the disruption the nodes took their addresses in turns: each its first interface, then each a second one.

Left out: custom networking, IPv6, and what the pods of DaemonSets on a new node do without an address.

Sources: docs/facts/capacity.md §1; docs/facts/kubernetes.md §1 and §6 (10 s, times U(1, 1.5)).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.aws.address_pool import AddressPool
from sim.control_plane.aws.ipamd import Ipamd
from sim.control_plane.aws.subnet import Subnet
from sim.control_plane.trace.nodes import SandboxFailed, SubnetFull
from sim.scenario.distributions import Uniform
from sim.scenario.problems import Problem, ScenarioError
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    import simpy

    from sim.control_plane.aws.aws_api import AwsApi
    from sim.control_plane.kubernetes.pod import Pod
    from sim.control_plane.kubernetes.scheduler import Node
    from sim.control_plane.simulation import Simulation
    from sim.control_plane.trace import Trace
    from sim.scenario.specs import NodesSpec, VpcCniSpec

RETRY_S = 10.0


class SandboxRetries:
    """A pod's sandbox without an address, which the kubelet sets up again and again."""

    def __init__(self, now_s: float, pod: int, node: int, uniforms: Iterator[float], trace: Trace) -> None:
        self.next_s = now_s
        self._pod = pod
        self._node = node
        self._uniforms = uniforms
        self._trace = trace

    def fail(self, until_s: float) -> None:
        """Record the attempts up to a time, which have failed: while no address is free they are arithmetic."""
        while self.next_s <= until_s:
            self._trace.record(SandboxFailed(self.next_s, self._pod, self._node))
            self.next_s += RETRY_S * (1 + 0.5 * next(self._uniforms))


class VpcCni:
    """The addresses of a cluster's nodes and pods."""

    def __init__(self, simulation: Simulation, nodes: NodesSpec, cni: VpcCniSpec, api: AwsApi) -> None:
        self._simulation = simulation
        self._env = simulation.env
        self._spec = nodes
        self._cni = cni
        self._api = api
        size = max(0, cni.usable - cni.other_addresses)
        self.subnets = [Subnet(simulation, zone, size) for zone in range(nodes.zones)]
        self._phases = simulation.streams.indexed(Uniform(dist="uniform", low=0, high=1), Stream.IPAMD_PHASE)
        self._ipamds: dict[int, Ipamd] = {}
        self.waiting: dict[Pod, SandboxRetries] = {}
        """The pods that have a node and no address."""

    def start(self, nodes: Sequence[Node], pods: Sequence[tuple[Pod, Node]]) -> None:
        """Set up the nodes and their pods from before the disruption, and start the nodes' loops.

        Raises ScenarioError if the subnets have no address for one of them.
        """
        if not all(self.subnets[node.zone].take(1) for node in nodes):
            raise self._too_small([])
        left = self._set_up(nodes, pods)
        if left:
            raise self._too_small(left)

    def start_beside(self, nodes: Sequence[Node], pods: Sequence[tuple[Pod, Node]]) -> list[tuple[Pod, Node]]:
        """Set up another cluster's nodes and pods in the same subnets, after those of the first.

        Return the pods without an address: a node for which there is none is left out, with all its pods.
        """
        started = self._launched(nodes)
        known = {node.number for node in started}
        on_them = [(pod, node) for pod, node in pods if node.number in known]
        nowhere = [(pod, node) for pod, node in pods if node.number not in known]
        return nowhere + self._set_up(started, on_them)

    def start_empty(self, nodes: Sequence[Node]) -> list[Node]:
        """Set up another cluster's nodes in the same subnets, after those of the first, without pods as yet.

        Return the nodes for which there is an address.
        """
        started = self._launched(nodes)
        self._set_up(started, [])
        return started

    def _launched(self, nodes: Sequence[Node]) -> list[Node]:
        return [node for node in nodes if self.subnets[node.zone].take(1)]

    def _set_up(self, nodes: Sequence[Node], pods: Sequence[tuple[Pod, Node]]) -> list[tuple[Pod, Node]]:
        """Give nodes, and their pods, what addresses there are, start the nodes' loops, and return the pods without."""
        ipamds = [self._add(node) for node in nodes]
        self._take_turns(ipamds)
        for ipamd in ipamds:
            self._start_daemons(ipamd)
        left, grew = list(pods), True
        while left and grew:
            left = [(pod, node) for pod, node in left if not self._ipamds[node.number].assign(pod)]
            grew = self._take_turns(ipamds)
        while self._take_turns(ipamds):
            pass
        for ipamd in ipamds:
            ipamd.watch()
        return left

    def add(self, node: Node) -> None:
        """Start the addresses of a new node, which has its own already."""
        ipamd = self._add(node)
        ipamd.start()
        ipamd.watch()
        self._start_daemons(ipamd)

    def await_address(self, pod: Pod, node: int, trace: Trace) -> Generator[simpy.Event]:
        """Wait until a pod's sandbox has an address from its node's pool."""
        ipamd = self._ipamds[node]
        if ipamd.assign(pod):
            return
        uniforms = self._simulation.streams.uniforms(Stream.SANDBOX_RETRY, pod.number)
        self.waiting[pod] = retries = SandboxRetries(self._env.now, pod.number, node, uniforms, trace)
        while not ipamd.assign(pod):
            retries.fail(self._env.now)
            if ipamd.pool.available == 0:
                yield ipamd.available()
                retries.fail(self._env.now)
            yield self._env.timeout(retries.next_s - self._env.now)
        del self.waiting[pod]

    def release(self, pod: Pod, node: int) -> None:
        """Take back the address of a pod that is gone, unless its node's machine is gone too."""
        if node in self._ipamds:
            self._ipamds[node].release(pod)

    def remove(self, node: Node) -> None:
        """Release all addresses of a node whose machine is gone."""
        ipamd = self._ipamds.pop(node.number)
        ipamd.catch_up(self._env.now)
        ipamd.gone = True
        subnet = self.subnets[node.zone]
        subnet.use(-ipamd.pool.assigned)
        subnet.give(ipamd.pool.held)

    def catch_up(self, until_s: float) -> None:
        """Record what was tried in vain up to a time, and bring such records in order."""
        for ipamd in self._ipamds.values():
            ipamd.catch_up(until_s)
        for retries in self.waiting.values():
            retries.fail(until_s)
        for kind in (SubnetFull, SandboxFailed):
            self._simulation.trace.put_in_order(kind)

    def _add(self, node: Node) -> Ipamd:
        subnet = self.subnets[node.zone]
        instance = self._spec.type
        pool = AddressPool(
            self._cni,
            interfaces=min(instance.max_enis, self._cni.max_eni or instance.max_enis),
            slots_per_interface=instance.slots_per_eni,
            max_pods=self._spec.max_pods_with(prefixes=self._cni.prefix_delegation),
        )
        phase = self._phases[node.number]
        ipamd = Ipamd(self._simulation, self._cni, self._api, node.number, subnet, pool, phase)
        self._ipamds[node.number] = ipamd
        return ipamd

    def _start_daemons(self, ipamd: Ipamd) -> None:
        for daemon in range(self._spec.daemonset_addresses):
            ipamd.assign(("DaemonSet", daemon))

    def _take_turns(self, ipamds: Sequence[Ipamd]) -> bool:
        """Let each node grow by one step, one after another, and return whether any did."""
        grew = [ipamd.grow_at_once() for ipamd in ipamds]
        return any(grew)

    def _too_small(self, left: Sequence[tuple[Pod, Node]]) -> ScenarioError:
        found = f"/{self._cni.subnet_prefix_length} with {self._cni.other_addresses:,} addresses of others"
        without = f": {len(left):,} pods have none" if left else ": a node has none"
        expected = "subnets and targets that give each node and pod an address before the disruption"
        return ScenarioError([Problem(key="vpc_cni", expected=expected, found=found + without)])

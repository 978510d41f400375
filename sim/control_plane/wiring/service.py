"""A Service of the disrupted Deployment: its Endpoints, its target group, and who tells the target group of them.

Modelled:
- A Deployment is behind one Service. A canary has a second one, with a target group of its own behind the same ingress.
- A pod meets the same draws in both.

Left out: Services without a target group, and several ports.

Sources: docs/model.md, "Canary".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sim.control_plane.aws.target_group import TargetGroup
from sim.control_plane.controllers.fixed_lag import FixedLag
from sim.control_plane.controllers.instance_targets import InstanceTargets
from sim.control_plane.kubernetes.endpoints import Endpoints
from sim.control_plane.kubernetes.kube_proxy import KubeProxies
from sim.control_plane.kubernetes.readiness_gates import ReadinessGates
from sim.scenario.controller import FIXED_LAG
from sim.scenario.node_drain import NodeDrainSpec
from sim.scenario.target_group import HealthCheckSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import simpy

    from sim.control_plane.controllers.ingress import Gates
    from sim.control_plane.kubernetes.kubelet import Kubelet
    from sim.control_plane.kubernetes.outage import Outage
    from sim.control_plane.kubernetes.pod import Pod
    from sim.control_plane.simulation import Simulation
    from sim.scenario.specs import Scenario

    PodProcess = Callable[[Pod], Generator[simpy.Event]]
    OutageProcess = Callable[[Pod, simpy.Event], Generator[simpy.Event]]


class RolledBackend:
    """A Service and its target group of pods, as an ingress controller sees them."""

    def __init__(self, endpoints: Endpoints, target_group: TargetGroup[Pod], gates: ReadinessGates | None) -> None:
        self._endpoints = endpoints
        self.gates: Gates[Pod] | None = gates
        self.changes: Sequence[Pod] = endpoints.changes
        self.target_changes: Sequence[Pod] = target_group.changes
        self.health = target_group.health
        self.registered = target_group.registered
        self.register = target_group.register
        self.deregister = target_group.deregister

    def desired(self) -> frozenset[Pod]:
        """Return the addresses to register: the ready ones, and those with ready containers behind a closed gate."""
        return frozenset().union(self._endpoints.addresses, self._endpoints.gated)


class Service:
    """One Service. `outages` holds the pods that fail unasked; `number` is 1 for the second one of a Deployment."""

    def __init__(
        self,
        simulation: Simulation,
        scenario: Scenario,
        ready: Sequence[Pod],
        kubelet: Kubelet,
        outages: dict[Pod, Outage],
        number: int = 0,
    ) -> None:
        self._scenario = scenario
        has_gates = scenario.pod.readiness_gate
        self.endpoints = Endpoints(simulation, scenario.endpoints, ready, has_gates=has_gates)
        self.target_group: TargetGroup[Pod] | None = None
        self.instances: InstanceTargets | None = None
        self.pod_processes: list[PodProcess] = [self.endpoints.follow]
        self.outage_processes: list[OutageProcess] = [self.endpoints.follow_outage]
        if scenario.target_group.target_type == "instance":
            proxies = KubeProxies(simulation, scenario.target_group, self.endpoints)
            self.pod_processes.append(proxies.follow)
            self.sent_until_s = proxies.sent_until_s
            if isinstance(scenario.disrupted_by, NodeDrainSpec):
                self.instances = InstanceTargets(simulation, scenario)
                if scenario.controller.version == FIXED_LAG:
                    self.instances.deregister_after_lag()
        else:
            self.target_group = TargetGroup(
                simulation, scenario.target_group, ready, kubelet.fails_checks_s, number=number
            )
            self.target_group.outages = outages
            if scenario.controller.version == FIXED_LAG:
                controller = FixedLag(simulation, scenario.controller, self.target_group)
                self.pod_processes.append(controller.follow)
                self.outage_processes.append(controller.follow_outage)
            self.sent_until_s = self.target_group.sent_until_s

    @property
    def is_controlled(self) -> bool:
        """Whether the ingress controller has something to do: pods are targets, or worker nodes that may leave."""
        return self.target_group is not None or self.instances is not None

    def backend(self) -> RolledBackend | InstanceTargets:
        """Return what a controller sees of the Service. Only for one that `is_controlled`."""
        if self.target_group is None:
            return cast("InstanceTargets", self.instances)
        check = self._scenario.target_group.health_check
        interval_s = (check or HealthCheckSpec()).interval_s
        gates = ReadinessGates(self.endpoints, interval_s) if self._scenario.pod.readiness_gate else None
        return RolledBackend(self.endpoints, self.target_group, gates)

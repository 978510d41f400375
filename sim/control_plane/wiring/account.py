"""The AWS account: every cluster's controller, and what their pods do, behind one API."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from sim.control_plane.controllers.ingress import Ingress
from sim.control_plane.controllers.other_cluster import ChurningBackend, churn
from sim.control_plane.controllers.start import start_controller
from sim.control_plane.light_process import LightProcess
from sim.scenario.cluster_switch import ClusterSwitchSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.control_plane.aws.aws_api import AwsApi
    from sim.control_plane.controllers.ingress import Backend
    from sim.control_plane.controllers.leader import Leader
    from sim.control_plane.kubernetes.pod import Pod
    from sim.control_plane.simulation import Simulation
    from sim.control_plane.trace import Trace
    from sim.control_plane.wiring.rolling_in import RollingIn
    from sim.control_plane.wiring.service import Service
    from sim.control_plane.wiring.workload import RolledDeployment
    from sim.scenario.specs import ControllerSpec, Scenario


class Account:
    """The AWS account: its API, this cluster's controller (cluster 0), those of others, and of one that takes over.

    What the others' controllers do is recorded only in the trace `of_others`.
    """

    def __init__(self, simulation: Simulation, scenario: Scenario, api: AwsApi, of_others: Trace) -> None:
        self._simulation = simulation
        self._others = replace(simulation, trace=of_others)
        self._scenario = scenario
        self._api = api

    def start(self, rolled: Sequence[RolledDeployment], coming: Sequence[RollingIn] = ()) -> None:
        """Start every controller and the churn of the other clusters. Each Deployment has an ingress of its own.

        The first Deployment's ingress has `controller.target_groups` target groups, of which its own is the last.
        `coming` are the Deployments of a new cluster that are not there yet.
        """
        spec = self._scenario.controller
        env = self._simulation.env
        quiet = [ChurningBackend(env) for _ in range(spec.target_groups - 1)]
        backends: list[list[Backend[Any]]] = [[ChurningBackend(env)] for _ in range(spec.ingresses)]
        for number, deployment in enumerate(rolled):
            backends[number] = [
                *(quiet if number == 0 else []),
                *(service.backend() for service in deployment.services),
            ]
        rules = [deployment.rule for deployment in rolled]
        ingresses = [
            Ingress(number, of_ingress, rule=rule)
            for number, (of_ingress, rule) in enumerate(zip_longest(backends, rules))
        ]
        ours = self._controller(spec, ingresses, cluster=0)
        for ingress, deployment in zip(ingresses, rolled, strict=False):
            _watch(deployment, ours, ingress)
        for cluster, other in enumerate(self._scenario.aws_api.other_clusters, start=1):
            churning = [ChurningBackend(env) for _ in range(other.ingresses)]
            ingresses = [Ingress(number, [backend]) for number, backend in enumerate(churning)]
            controller = self._controller(other.controller or spec, ingresses, cluster=cluster)
            if other.churn_per_s > 0:
                changes = churn(
                    self._simulation, controller, churning, ingresses, churn_per_s=other.churn_per_s, cluster=cluster
                )
                LightProcess(env, changes)

        if isinstance(self._scenario.disrupted_by, ClusterSwitchSpec):
            self._start_new_cluster(len(self._scenario.aws_api.other_clusters) + 1, coming)

    def _start_new_cluster(self, cluster: int, coming: Sequence[RollingIn]) -> None:
        """Start the controller of the cluster that takes over: as many target groups, registered but for `coming`."""
        spec, env = self._scenario.controller, self._simulation.env
        groups = [spec.target_groups, *([1] * (spec.ingresses - 1))]
        backends: list[list[Backend[Any]]] = [[ChurningBackend(env) for _ in range(n)] for n in groups]
        for number, deployment in enumerate(coming):
            backends[number][-1] = deployment.service.backend()
        ingresses = [Ingress(number, of_ingress) for number, of_ingress in enumerate(backends)]
        controller = self._controller(spec, ingresses, cluster=cluster)
        for ingress, deployment in zip(ingresses, coming, strict=False):
            _watch_pods(deployment.service, controller, ingress, len(ingress.backends) - 1)

    def _controller(self, spec: ControllerSpec, ingresses: list[Ingress], *, cluster: int) -> Leader:
        simulation = self._simulation if cluster == 0 else self._others
        return start_controller(simulation, spec, self._scenario.aws_api, self._api, ingresses, cluster=cluster)


def _watch(deployment: RolledDeployment, controller: Leader, ingress: Ingress) -> None:
    """Let a controller watch a Deployment's Services, which are the ingress's last backends, and the ingress itself."""
    first = len(ingress.backends) - len(deployment.services)
    if deployment.rule is not None:
        deployment.rule.watchers.append(partial(controller.on_ingress_change, ingress))
    for position, service in enumerate(deployment.services, start=first):
        if service.instances is not None:
            service.instances.watchers.append(partial(controller.on_instance_change, ingress, position))
            service.endpoints.watchers.append(_telling(controller.on_endpoints_behind_instances, ingress, position))
            continue
        _watch_pods(service, controller, ingress, position)
        if position == first:
            deployment.node_watchers.append(controller.on_cordon)


def _watch_pods(service: Service, controller: Leader, ingress: Ingress, position: int) -> None:
    service.endpoints.watchers.append(_telling(controller.on_endpoints_change, ingress, position))
    service.endpoints.pod_watchers.append(_telling(controller.on_containers_ready, ingress, position))


def _telling(tell: Callable[[Ingress, int], None], ingress: Ingress, position: int) -> Callable[[Pod], None]:
    """Return a watcher that tells a controller of which backend's Endpoints a pod is."""
    return lambda _pod: tell(ingress, position)

"""The AWS account again, naively: its API, who else calls it, and the controllers of all clusters.

Written from docs/model.md, "Control plane".
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from sim.scenario.distributions import Exponential
from sim.streams import Stream
from sim.verification.reference.aws_twin import Api
from sim.verification.reference.canary_twin import Canary
from sim.verification.reference.controller_twin import Controller
from sim.verification.reference.load_balancer_controller_twin import LoadBalancerController
from sim.verification.reference.service_twin import PODS, Service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.specs import ControllerSpec
    from sim.verification.reference.control_plane_twin import ControlPlane
    from sim.verification.reference.new_side_twin import NewSide
    from sim.verification.reference.service_twin import RolledService

    AnyController = Controller | LoadBalancerController

EQUAL_CHANCE = 0.5


class Account:
    """The account of one replication."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self.api = Api(plane.scenario.aws_api.buckets)

    def controllers(self, rolled: RolledService, coming: NewSide | None) -> AnyController:
        """Start the controllers of all clusters, and give `coming` its own. Return that of the disrupted one."""
        scenario = self._plane.scenario
        quiet = [self._quiet() for _ in range(scenario.controller.target_groups - 1)]
        second = [] if self._plane.canary is None else [self._plane.canary]
        ours = [[*quiet, rolled, *second], *([self._quiet()] for _ in range(1, scenario.controller.ingresses))]
        controller = self._controller(scenario.controller, 0, ours)
        if isinstance(self._plane.deployment, Canary):
            self._plane.deployment.listens_to = partial(controller.annotated, 0)
            controller.rules[0] = self._plane.deployment
        if self._plane.deployment.cordons:
            self._plane.agenda.after(-self._plane.agenda.now_s, controller.cordoned)
        for cluster, other in enumerate(scenario.aws_api.other_clusters, start=1):
            theirs = self._controller(
                other.controller or scenario.controller, cluster, [[self._quiet()] for _ in range(other.ingresses)]
            )
            if other.churn_per_s > 0:
                Churn(self._plane, theirs, other.churn_per_s, cluster).wait()
        if scenario.disruption == "cluster_switch":
            spec, last = scenario.controller, len(scenario.aws_api.other_clusters)
            groups: list[list[Service]] = [[self._quiet() for _ in range(spec.target_groups)]]
            groups += [[self._quiet()] for _ in range(1, spec.ingresses)]
            if coming is not None:
                groups[0][-1] = coming.rolled
            new = self._controller(spec, last + 1, groups)
            if coming is not None:
                coming.controller = new
        return controller

    def _quiet(self) -> Service:
        """Return a Service of 50 pods that nobody rolls."""
        return Service(self._plane.agenda, range(PODS))

    def _controller(self, spec: ControllerSpec, cluster: int, ingresses: list[list[Service]]) -> AnyController:
        make = Controller if spec.version.startswith("v1") else LoadBalancerController
        return make(
            self._plane.agenda,
            self.api,
            self._plane.scenario.aws_api,
            spec,
            self._plane.streams,
            ingresses,
            cluster=cluster,
        )

    def begin_background(self) -> None:
        """Let others of the account call its API."""
        names = [name for name, _ in self._plane.scenario.aws_api.buckets]
        for name, calls_per_s in self._plane.scenario.aws_api.background_calls_per_s.items():
            if calls_per_s > 0:
                gap = Exponential(dist="exponential", mean=1 / calls_per_s)
                for which, covering in enumerate(self.api.background()[name]):
                    gaps_s = self._plane.streams.draws(gap, Stream.API_BACKGROUND, names.index(name), which)
                    self._someone_else(covering, gaps_s)

    def _someone_else(self, covering: list[str], gaps_s: Iterator[float]) -> None:
        def calls() -> None:
            self.api.admit(covering, self._plane.agenda.now_s)
            self._plane.agenda.after(next(gaps_s), calls)

        self._plane.agenda.after(next(gaps_s), calls)


class Churn:
    """Another cluster's pods: with equal chance one comes or the oldest goes, in any ingress with equal chance."""

    def __init__(self, plane: ControlPlane, controller: AnyController, per_s: float, cluster: int) -> None:
        self._agenda = plane.agenda
        self._controller = controller
        gap = Exponential(dist="exponential", mean=1 / per_s)
        self._gaps_s = plane.streams.draws(gap, Stream.CHURN, cluster, 0)
        self._which = plane.streams.uniforms(Stream.CHURN, cluster, 1)
        self._comes = plane.streams.uniforms(Stream.CHURN, cluster, 2)
        self._named = dict.fromkeys(range(len(controller.ingresses)), PODS)

    def wait(self) -> None:
        """Schedule the next change."""
        self._agenda.after(next(self._gaps_s), self._change)

    def _change(self) -> None:
        number = math.floor(next(self._which) * len(self._named))
        addresses = self._controller.ingresses[number][0].ready
        if next(self._comes) < EQUAL_CHANCE:
            addresses.add(self._named[number])
            self._named[number] += 1
        elif addresses:
            addresses.remove(min(addresses))
        self._controller.endpoints_changed(number)
        self.wait()

"""One replication's control plane: how its parts are wired, and when it is over.

Time begins `aws_api.warm_up_s` before the disruption, so that at t = 0 the account's buckets and the other clusters'
controllers are in their steady state.

A replication is over when all of these hold. If a disruption ends only some old pods, "every" means those:
- the Deployment is complete;
- every old pod is terminated, and every old pod's target is deregistered;
- some target is healthy at every ALB node, unless a new cluster with an ALB of its own takes over.

It is over too when the disruption has stalled, because pods have no room.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import simpy

from sim.control_plane.aws.aws_api import AwsApi
from sim.control_plane.cluster import Cluster
from sim.control_plane.controllers.ingress import Ingress
from sim.control_plane.controllers.other_cluster import ChurningBackend, churn
from sim.control_plane.controllers.start import start_controller
from sim.control_plane.kubernetes.kubelet import termination
from sim.control_plane.kubernetes.outage import Outage
from sim.control_plane.kubernetes.progress import ProgressDeadline
from sim.control_plane.kubernetes.replica_set import ControllerManagerClient
from sim.control_plane.simulation import Simulation
from sim.control_plane.trace import (
    ListenerClosed,
    PodDeleted,
    ProcessCut,
    Sigterm,
    TargetDrained,
    TargetRecovered,
    TargetUnhealthy,
    Trace,
)
from sim.control_plane.trace_of_calls import Reconciled
from sim.control_plane.trace_of_nodes import RolloutStalled
from sim.control_plane.workload import RolledDeployment
from sim.scenario.controller import FIXED_LAG
from sim.scenario.cost import require_affordable
from sim.scenario.problems import Problem, ScenarioError
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.control_plane.aws.target_group import TargetGroup
    from sim.control_plane.controllers.ingress import Backend
    from sim.control_plane.controllers.leader import Leader
    from sim.control_plane.kubernetes.pod import Pod
    from sim.scenario.specs import ControllerSpec, PodSpec, Scenario
    from sim.streams import Streams

LONGEST_ROLLOUT_S = 86_400.0
MOST_NAMED = 10


def run_control_plane(scenario: Scenario, streams: Streams) -> Trace:
    """Simulate one replication's control plane.

    Raises `ScenarioError` if the settings let the simulation reach no end within a day of simulated time, or if there
    are too many pods.
    """
    return ControlPlane(scenario, streams).trace(scenario.pod)


class ControlPlane:
    """One replication's control plane, run until nothing is left to do, except that deleted pods have yet to end.

    Arithmetic gives the end of a deleted pod (`kubelet.termination`). So scenarios of the same `control_plane_key` can
    take their traces from one control plane.
    """

    def __init__(self, scenario: Scenario, streams: Streams) -> None:
        require_affordable(scenario)
        self._disruption = scenario.disruption.replace("_", " ")
        self._env = simpy.Environment(initial_time=-scenario.aws_api.warm_up_s)
        self._trace = Trace()
        simulation = Simulation(self._env, streams, self._trace)
        client = ControllerManagerClient(self._env, scenario.kubernetes)
        cluster = _cluster(simulation, scenario)
        self._rolled = RolledDeployment(simulation, scenario, client, cluster)
        others = [
            replace(simulation.within(Stream.OTHER_DEPLOYMENT, number), trace=Trace())
            for number in range(1, scenario.deployment.rolled_at_once)
        ]
        rolled = [self._rolled, *(RolledDeployment(other, scenario, client, cluster) for other in others)]
        if scenario.target_group.target_type == "ip" and scenario.controller.version != FIXED_LAG:
            api = AwsApi(simulation, scenario.aws_api) if cluster is None else cluster.api
            Account(simulation, scenario, api).start(rolled)
        order = streams.generator(Stream.OTHER_DEPLOYMENT).permutation(len(rolled)).tolist()
        over = {place: rolled[place].start() for place in order}[0]
        ends: list[simpy.Event] = [over, self._env.timeout(LONGEST_ROLLOUT_S - self._env.now)]
        if cluster is not None:
            cluster.start()
            deadline = ProgressDeadline(
                simulation, cluster.scheduler, cluster.without_address, self._rolled.ending_pods
            )
            ends.append(self._env.process(deadline.run()))
        self._env.run(until=self._env.any_of(ends))
        if self._trace.of(RolloutStalled):
            return
        if not over.triggered:
            raise self._endless()
        if self._rolled.target_group is not None and scenario.disrupted_by.leaves_targets:
            self._run_until_healthy(self._rolled.target_group)

    def over_s(self, pod: PodSpec) -> float:
        """Return when the last deleted pod has ended and every ALB node has dropped its target.

        Until then requests are counted, and a new target that is registered meanwhile takes some of them. `pod` says
        how pods end.
        """
        told = self._told_to_end()
        if not told:
            return self._env.now
        drained_s = [drained.time_s for drained in self._trace.of(TargetDrained)]
        return max(termination(pod, max(deleted.time_s for deleted in told)).listener_closed_s, *drained_s)

    def trace(self, pod: PodSpec) -> Trace:
        """Return the trace for pods with this specification, once the last of them has ended and its target left.

        For several specifications, call in the order of `over_s`: the simulation cannot run backwards.
        Raises `ScenarioError` if the simulation is not over within a day of simulated time.
        """
        self._run_until(self.over_s(pod))
        ends = {deleted.pod: termination(pod, deleted.time_s) for deleted in self._told_to_end()}
        trace = self._trace.copy()
        for number, end in ends.items():
            trace.record(Sigterm(end.sigterm_s, number))
            trace.record(ListenerClosed(end.listener_closed_s, number))
            trace.record(ProcessCut(end.cut_s, number))
            self._record_health(trace, self._rolled.old_pods[number], Outage(end.fails_checks_s, silent=False))
        for failed, outage in self._rolled.outages.items():
            self._record_health(trace, failed, outage)
        return trace

    def _told_to_end(self) -> list[PodDeleted]:
        """Return the deletions of pods that serve until then."""
        failed = {pod.number for pod in self._rolled.outages}
        return [deleted for deleted in self._trace.of(PodDeleted) if deleted.pod not in failed]

    def _record_health(self, trace: Trace, pod: Pod, outage: Outage) -> None:
        if self._rolled.target_group is None:
            return
        for node, spell in enumerate(self._rolled.target_group.unhealthy_spells(pod, outage)):
            if spell.from_s < math.inf:
                trace.record(TargetUnhealthy(spell.from_s, pod.number, node))
            if spell.until_s < math.inf:
                trace.record(TargetRecovered(spell.until_s, pod.number, node))

    def _run_until_healthy(self, target_group: TargetGroup) -> None:
        while self._env.peek() <= min(target_group.first_healthy_s(), LONGEST_ROLLOUT_S):
            self._env.step()
        if target_group.first_healthy_s() == math.inf:
            raise self._endless()

    def _run_until(self, time_s: float) -> None:
        if time_s >= LONGEST_ROLLOUT_S:
            raise self._endless()
        while self._env.peek() <= time_s:
            self._env.step()

    def _endless(self) -> ScenarioError:
        ending_pods = self._rolled.ending_pods
        left = [str(pod.number) for pod in ending_pods if not pod.deregistered.triggered]
        found = f"one in which {len(left)} of {len(ending_pods)} old targets are registered still"
        if left:
            named = ", ".join(left[:MOST_NAMED]) + (", …" if len(left) > MOST_NAMED else "")
            found += f", those of {'pod' if len(left) == 1 else 'pods'} {named}"
        if not left:
            found = "one after which no new target is healthy"
        failed = [
            reconciled for reconciled in self._trace.of(Reconciled) if reconciled.cluster == 0 and reconciled.error
        ]
        hint = f"its last failed reconcile gave up on {failed[-1].error}" if failed else ""
        return ScenarioError(
            [Problem(expected=f"a {self._disruption} that is over within a day", found=found, hint=hint)]
        )


def _cluster(simulation: Simulation, scenario: Scenario) -> Cluster | None:
    nodes, room = scenario.nodes, scenario.room
    if nodes is None or room is None:
        return None
    return Cluster(simulation, scenario, nodes, room, AwsApi(simulation, scenario.aws_api))


class Account:
    """The AWS account: its API, this cluster's controller (cluster 0) and those of the other clusters."""

    def __init__(self, simulation: Simulation, scenario: Scenario, api: AwsApi) -> None:
        self._simulation = simulation
        self._scenario = scenario
        self._api = api

    def start(self, rolled: Sequence[RolledDeployment]) -> None:
        """Start every controller and the churn of the other clusters. Each Deployment has an ingress of its own.

        The first Deployment's ingress has `controller.target_groups` target groups, of which its own is the last.
        """
        spec = self._scenario.controller
        env = self._simulation.env
        quiet = [ChurningBackend(env) for _ in range(spec.target_groups - 1)]
        backends: list[list[Backend[Any]]] = [[ChurningBackend(env)] for _ in range(spec.ingresses)]
        for number, deployment in enumerate(rolled):
            if deployment.target_group is not None:
                backends[number] = [*(quiet if number == 0 else []), deployment.backend(deployment.target_group)]
        ingresses = [Ingress(number, of_ingress) for number, of_ingress in enumerate(backends)]
        ours = self._controller(spec, ingresses, cluster=0)
        for ingress, deployment in zip(ingresses, rolled, strict=False):
            last = len(ingress.backends) - 1
            deployment.endpoints.watchers.append(_telling(ours.on_endpoints_change, ingress, last))
            deployment.endpoints.pod_watchers.append(_telling(ours.on_containers_ready, ingress, last))
            deployment.node_watchers.append(ours.on_cordon)
        for cluster, other in enumerate(self._scenario.aws_api.other_clusters, start=1):
            churning = [ChurningBackend(env) for _ in range(other.ingresses)]
            ingresses = [Ingress(number, [backend]) for number, backend in enumerate(churning)]
            controller = self._controller(other.controller or spec, ingresses, cluster=cluster)
            if other.churn_per_s > 0:
                changes = churn(
                    self._simulation, controller, churning, ingresses, churn_per_s=other.churn_per_s, cluster=cluster
                )
                env.process(changes)

    def _controller(self, spec: ControllerSpec, ingresses: list[Ingress], *, cluster: int) -> Leader:
        return start_controller(self._simulation, spec, self._scenario.aws_api, self._api, ingresses, cluster=cluster)


def _telling(tell: Callable[[Ingress, int], None], ingress: Ingress, position: int) -> Callable[[Pod], None]:
    """Return a watcher that tells a controller of which backend's Endpoints a pod is."""
    return lambda _pod: tell(ingress, position)

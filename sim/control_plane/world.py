"""One replication's control plane: how its parts are wired, and when it is over.

Time begins `aws_api.warm_up_s` before the disruption, so that at t = 0 the account's buckets and the other clusters'
controllers are in their steady state. If the pods of a new cluster are created before that, it begins as long before
these.

A replication is over when all of these hold. If a disruption ends only some old pods, "every" means those:
- the Deployment is complete;
- every old pod is terminated, and every old pod's target is deregistered;
- some target is healthy at every ALB node, unless a new cluster with an ALB of its own takes over.

A replication is over too when the disruption has stalled, because pods have no room.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from sim.control_plane.aws.aws_api import AwsApi
from sim.control_plane.clock import Clock
from sim.control_plane.kubernetes.kubelet import termination
from sim.control_plane.kubernetes.node_turns import NodeTurns
from sim.control_plane.kubernetes.outage import Outage
from sim.control_plane.kubernetes.progress import ProgressDeadline
from sim.control_plane.kubernetes.replica_set import ControllerManagerClient
from sim.control_plane.simulation import Simulation
from sim.control_plane.trace import (
    ListenerClosed,
    PodCreated,
    PodDeleted,
    PodReady,
    ProcessCut,
    Sigterm,
    TargetDeregistered,
    TargetDrained,
    TargetRecovered,
    TargetRegistered,
    TargetUnhealthy,
    Trace,
)
from sim.control_plane.trace.calls import Reconciled
from sim.control_plane.trace.nodes import RolloutStalled
from sim.control_plane.trace.traffic import WeightSet
from sim.control_plane.wiring.account import Account
from sim.control_plane.wiring.cluster import Cluster
from sim.control_plane.wiring.coming_cluster import ComingCluster
from sim.control_plane.wiring.workload import RolledDeployment
from sim.scenario.controller import FIXED_LAG
from sim.scenario.cost import require_affordable
from sim.scenario.problems import Problem, ScenarioError
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    import simpy

    from sim.control_plane.aws.target_group import TargetGroup
    from sim.control_plane.kubernetes.pod import Pod
    from sim.scenario.specs import PodSpec, Scenario
    from sim.streams import Streams

LONGEST_PAUSE_S = 86_400.0
"""A disruption in which nothing comes on for so long has no end."""
MOST_NAMED = 10
_STEPS = (WeightSet, PodCreated, PodReady, PodDeleted, TargetRegistered, TargetDeregistered)


def run_control_plane(scenario: Scenario, streams: Streams) -> Trace:
    """Simulate one replication's control plane.

    Raises `ScenarioError` if the settings let the simulation reach no end, so that nothing comes on for a simulated
    day, or if there are too many pods.
    """
    return ControlPlane(scenario, streams, whole_account=True).trace(scenario.pod)


class ControlPlane:
    """One replication's control plane, run until nothing is left to do, except that deleted pods have yet to end.

    Arithmetic gives the end of a deleted pod (`kubelet.termination`). So scenarios of the same `control_plane_key` can
    take their traces from one control plane. Only traces of the `whole_account` hold what other clusters' controllers
    did.
    """

    def __init__(self, scenario: Scenario, streams: Streams, *, whole_account: bool = False) -> None:
        require_affordable(scenario)
        self._disruption = scenario.disruption.replace("_", " ")
        self._spec = scenario.disrupted_by
        self._env = Clock(initial_time=min(0.0, self._spec.begins_s) - scenario.aws_api.warm_up_s)
        self._trace = Trace()
        simulation = Simulation(self._env, streams, self._trace)
        client = ControllerManagerClient(self._env, scenario.kubernetes)
        cluster = _cluster(simulation, scenario)
        turns = NodeTurns(self._env, scenario.deployment.rolled_at_once)
        self._rolled = RolledDeployment(simulation, scenario, client, turns, cluster)
        self._cluster = cluster
        others = [
            replace(simulation.within(Stream.OTHER_DEPLOYMENT, number), trace=Trace())
            for number in range(1, scenario.deployment.rolled_at_once)
        ]
        rolled = [self._rolled, *(RolledDeployment(other, scenario, client, turns, cluster) for other in others)]
        coming = ComingCluster(simulation, scenario, cluster)
        if self._rolled.services[0].is_controlled and scenario.controller.version != FIXED_LAG:
            api = AwsApi(simulation, scenario.aws_api) if cluster is None else cluster.api
            elsewhere = self._trace if whole_account else Trace(kept=False)
            Account(simulation, scenario, api, elsewhere).start(rolled, coming.deployments)
        order = streams.generator(Stream.OTHER_DEPLOYMENT).permutation(len(rolled)).tolist()
        over = {place: rolled[place].start() for place in order}[0]
        ends: list[simpy.Event] = [over]
        if cluster is not None:
            cluster.start()
            if not coming.deployments:
                deadline = ProgressDeadline(
                    simulation, cluster.scheduler, cluster.without_address, self._rolled.ending_pods
                )
                ends.append(self._env.process(deadline.run()))
        coming.start()
        self._run_while_it_goes_on(self._env.any_of(ends))
        if self._trace.of(RolloutStalled):
            return
        if not over.triggered:
            raise self._endless()
        self._run_until_come(coming)
        if scenario.disrupted_by.leaves_targets:
            self._run_until_healthy([service.target_group for service in self._rolled.services if service.target_group])

    def over_s(self, pod: PodSpec) -> float:
        """Return when the last deleted pod has ended and every ALB node has dropped its target.

        Until then requests are counted, and a new target that is registered meanwhile takes some of them. `pod` says
        how pods end.
        """
        told = self._told_to_end()
        if not told:
            return self._env.now
        drained_s = [drained.time_s for drained in self._trace.of(TargetDrained)]
        return max([termination(pod, max(deleted.time_s for deleted in told)).listener_closed_s, *drained_s])

    def trace(self, pod: PodSpec) -> Trace:
        """Return the trace for pods with this specification, once the last of them has ended and its target left.

        For several specifications, call in the order of `over_s`: the simulation cannot run backwards.
        Raises `ScenarioError` if the simulation is not over a simulated day after the last step of the disruption.
        """
        self._run_until(self.over_s(pod))
        ends = {deleted.pod: termination(pod, deleted.time_s) for deleted in self._told_to_end()}
        trace = self._trace.copy()
        for number, end in ends.items():
            trace.record(Sigterm(end.sigterm_s, number))
            trace.record(ListenerClosed(end.listener_closed_s, number))
            trace.record(ProcessCut(end.cut_s, number))
            self._record_health(trace, self._rolled.pods[number], Outage(end.fails_checks_s, silent=False))
        for failed, outage in self._rolled.outages.items():
            self._record_health(trace, failed, outage)
        for record in () if (instances := self._rolled.services[0].instances) is None else instances.records():
            trace.record(record)
        return trace

    def _told_to_end(self) -> list[PodDeleted]:
        """Return the deletions of pods that serve until then."""
        failed = {pod.number for pod in self._rolled.outages}
        return [deleted for deleted in self._trace.of(PodDeleted) if deleted.pod not in failed]

    def _record_health(self, trace: Trace, pod: Pod, outage: Outage) -> None:
        for service in self._rolled.services:
            if service.target_group is None:
                continue
            spells = service.target_group.unhealthy_spells(pod, outage)
            for row, spell in enumerate(spells, start=service.target_group.rows.start):
                if spell.from_s < math.inf:
                    trace.record(TargetUnhealthy(spell.from_s, pod.number, row))
                if spell.until_s < math.inf:
                    trace.record(TargetRecovered(spell.until_s, pod.number, row))

    def _latest_s(self) -> float:
        """Return when the disruption has no end, unless it comes on before."""
        last = [records[-1].time_s for kind in _STEPS if (records := self._trace.of(kind))]
        return max([self._spec.goes_on_until_s, *last]) + LONGEST_PAUSE_S

    def _run_while_it_goes_on(self, over: simpy.Event) -> None:
        while not over.triggered and self._env.now < self._latest_s():
            pause = self._env.timeout(self._latest_s() - self._env.now)
            self._env.run_until(self._env.any_of([over, pause]))

    def _run_until_come(self, coming: ComingCluster) -> None:
        while not coming.has_come and self._env.peek() <= coming.until_s:
            self._env.step()
        if not coming.has_come:
            self._catch_up(coming.until_s)

    def _run_until_healthy(self, target_groups: Sequence[TargetGroup[Pod]]) -> None:
        def first_healthy_s() -> float:
            return min((target_group.first_healthy_s() for target_group in target_groups), default=-math.inf)

        latest_s = self._latest_s()
        while self._env.peek() <= min(first_healthy_s(), latest_s):
            self._env.step()
        if first_healthy_s() == math.inf:
            raise self._endless()
        self._catch_up(min(first_healthy_s(), latest_s))

    def _run_until(self, time_s: float) -> None:
        if time_s >= self._latest_s():
            raise self._endless()
        self._env.run_until(self._env.event(), time_s)
        self._catch_up(time_s)

    def _catch_up(self, until_s: float) -> None:
        """Let the cluster record what costs no events. There is no event left until `until_s`."""
        if self._cluster is not None:
            self._cluster.catch_up(max(until_s, self._env.now))

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
            [
                Problem(
                    expected=f"a {self._disruption} that is over within a day of its last step", found=found, hint=hint
                )
            ]
        )


def _cluster(simulation: Simulation, scenario: Scenario) -> Cluster | None:
    nodes, room = scenario.nodes, scenario.room
    if nodes is None or room is None:
        return None
    return Cluster(simulation, scenario, nodes, room, AwsApi(simulation, scenario.aws_api))

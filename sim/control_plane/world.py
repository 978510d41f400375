"""One replication's control plane, wired: who is given what, and when it is over.

Time begins `aws_api.warm_up_s` before the rollout, so that at t = 0 the account's buckets and the other clusters'
controllers are in their steady state. It ends when the Deployment is complete, every old pod is terminated and every
old pod's target is deregistered. With `disruption: node_drain` the old pods that are evicted stand for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import simpy

from sim.control_plane.aws_api import AwsApi
from sim.control_plane.controllers import start_controller
from sim.control_plane.deployment import Deployment
from sim.control_plane.endpoints import Endpoints
from sim.control_plane.fixed_lag import FixedLag
from sim.control_plane.ingress import Ingress
from sim.control_plane.kube_proxy import KubeProxies
from sim.control_plane.kubelet import Kubelet, termination
from sim.control_plane.node_drain import NodeDrain
from sim.control_plane.other_cluster import ChurningBackend, churn
from sim.control_plane.pod import Pod
from sim.control_plane.readiness_gates import ReadinessGates
from sim.control_plane.replica_set import ControllerManagerClient
from sim.control_plane.target_group import TargetGroup
from sim.control_plane.trace import ListenerClosed, PodDeleted, ProcessCut, Sigterm, TargetUnhealthy, Trace
from sim.scenario.problems import Problem, ScenarioError
from sim.scenario.target_group import HealthCheckSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from sim.control_plane.ingress import Controller, Gates
    from sim.scenario.specs import ControllerSpec, PodSpec, Scenario
    from sim.streams import Streams

    PodProcess = Callable[[Pod], Generator[simpy.Event]]

LONGEST_ROLLOUT_S = 86_400.0


def run_control_plane(scenario: Scenario, streams: Streams) -> Trace:
    """Simulate one replication's control plane.

    Raises `ScenarioError` where the settings let it come to no end within a day of simulated time.

    """
    return ControlPlane(scenario, streams).trace(scenario.pod)


class ControlPlane:
    """One replication's control plane, run until nothing is left to do but for the deleted pods to end.

    Their end is a matter of arithmetic (`kubelet.termination`), so that scenarios of the same `control_plane_key` can
    take their traces from one.
    """

    def __init__(self, scenario: Scenario, streams: Streams) -> None:
        self._env = simpy.Environment(initial_time=-scenario.aws_api.warm_up_s)
        self._trace = Trace()
        n_old = scenario.deployment.replicas
        self._old_pods = [Pod(number, self._env, number, is_new=False) for number in range(n_old)]
        kubelet = Kubelet(self._env, scenario.pod, streams, self._trace, scenario.kubernetes)
        has_gates = scenario.pod.readiness_gate
        endpoints = Endpoints(self._env, scenario.endpoints, streams, self._trace, self._old_pods, has_gates=has_gates)
        self._target_group: TargetGroup | None = None
        pod_processes: list[PodProcess] = [endpoints.follow]
        if scenario.target_group.target_type == "instance":
            proxies = KubeProxies(self._env, scenario.target_group, streams, self._trace, endpoints)
            pod_processes.append(proxies.follow)
        else:
            self._target_group = TargetGroup(
                self._env, scenario.target_group, streams, self._trace, self._old_pods, kubelet.fails_checks_s
            )
            pod_processes += _deregistration(self._env, scenario, streams, self._trace, endpoints, self._target_group)

        def adopt(pod: Pod) -> None:
            for process in (kubelet.start, *pod_processes):
                self._env.process(process(pod))

        client = ControllerManagerClient(self._env, scenario.kubernetes)
        disruption: Deployment | NodeDrain
        if scenario.disruption == "node_drain":
            drain = scenario.node_drain
            self._ending_pods = self._old_pods[: drain.evicted]
            disruption = NodeDrain(
                self._env, drain, streams, self._trace, self._old_pods, client, adopt, kubelet.gone_s
            )
        else:
            self._ending_pods = self._old_pods
            disruption = Deployment(
                self._env, scenario.deployment, streams, self._trace, self._old_pods, client, adopt, kubelet.gone_s
            )
        ends = [self._env.process(process(pod)) for pod in self._ending_pods for process in pod_processes]
        disrupted = self._env.process(self._start_at_zero(disruption))
        over = self._env.process(_wait_for([disrupted, *ends, *(pod.deregistered for pod in self._ending_pods)]))
        self._env.run(until=over | self._env.timeout(LONGEST_ROLLOUT_S - self._env.now))
        if not over.triggered:
            raise self._endless()

    def over_s(self, pod: PodSpec) -> float:
        """Give when the last deleted pod has ended, if they are these pods."""
        last_deleted_s = max(deleted.time_s for deleted in self._trace.of(PodDeleted))
        return termination(pod, last_deleted_s).listener_closed_s

    def trace(self, pod: PodSpec) -> Trace:
        """Give the trace as it is with these pods, once the last of them has ended.

        Of several, take those first that are over first (`over_s`): what has happened cannot be undone.
        Raises `ScenarioError` if it is not over within a day of simulated time.
        """
        self._run_until(self.over_s(pod))
        ends = {deleted.pod: termination(pod, deleted.time_s) for deleted in self._trace.of(PodDeleted)}
        trace = self._trace.copy()
        for number, end in ends.items():
            trace.record(Sigterm(end.sigterm_s, number))
            trace.record(ListenerClosed(end.listener_closed_s, number))
            trace.record(ProcessCut(end.cut_s, number))
            for node, unhealthy_s in enumerate(self._unhealthy_from_s(number, end.fails_checks_s)):
                trace.record(TargetUnhealthy(unhealthy_s, number, node))
        return trace

    def _unhealthy_from_s(self, number: int, fails_checks_s: float) -> list[float]:
        if self._target_group is None:
            return []
        return self._target_group.unhealthy_from_s(self._old_pods[number], fails_checks_s)

    def _run_until(self, time_s: float) -> None:
        if time_s >= LONGEST_ROLLOUT_S:
            raise self._endless()
        while self._env.peek() <= time_s:
            self._env.step()

    def _start_at_zero(self, disruption: Deployment | NodeDrain) -> Generator[simpy.Event]:
        yield self._env.timeout(-self._env.now)
        yield from disruption.run()

    def _endless(self) -> ScenarioError:
        left = sum(not pod.deregistered.triggered for pod in self._ending_pods)
        found = f"one in which {left} of {len(self._ending_pods)} old targets are registered still"
        return ScenarioError([Problem(expected="a rollout that is over within a day", found=found)])


def _deregistration(
    env: simpy.Environment,
    scenario: Scenario,
    streams: Streams,
    trace: Trace,
    endpoints: Endpoints,
    target_group: TargetGroup,
) -> list[PodProcess]:
    """Start what registers and deregisters targets; give what must follow each pod for it."""
    if scenario.controller.version == "fixed_lag":
        return [FixedLag(env, scenario.controller, streams, target_group).follow]
    Account(env, scenario, streams, trace).start(endpoints, target_group)
    return []


def _wait_for(events: Iterable[simpy.Event]) -> Generator[simpy.Event]:
    for event in events:  # noqa: UP028 - SimPy sends each event's value, which a list's iterator does not take
        yield event


class Account:
    """The AWS account: its API, this cluster's controller (cluster 0) and the other clusters' ones."""

    def __init__(self, env: simpy.Environment, scenario: Scenario, streams: Streams, trace: Trace) -> None:
        self._env = env
        self._scenario = scenario
        self._streams = streams
        self._trace = trace
        self._api = AwsApi(env, scenario.aws_api, streams)

    def start(self, endpoints: Endpoints, target_group: TargetGroup) -> None:
        """Start every controller and the churn of the other clusters."""
        spec = self._scenario.controller
        quiet = [ChurningBackend(self._env) for _ in range(spec.target_groups - 1)]
        rolled = Ingress(0, [*quiet, RolledBackend(endpoints, target_group, self._gates(endpoints))])
        others = [Ingress(number, [ChurningBackend(self._env)]) for number in range(1, spec.ingresses)]
        ours = self._controller(spec, [rolled, *others], cluster=0)
        endpoints.watchers.append(lambda: ours.on_endpoints_change(rolled, len(quiet)))
        endpoints.pod_watchers.append(lambda: ours.on_containers_ready(rolled, len(quiet)))
        for cluster, other in enumerate(self._scenario.aws_api.other_clusters, start=1):
            backends = [ChurningBackend(self._env) for _ in range(other.ingresses)]
            ingresses = [Ingress(number, [backend]) for number, backend in enumerate(backends)]
            controller = self._controller(other.controller, ingresses, cluster=cluster)
            if other.churn_per_s > 0:
                self._env.process(
                    churn(
                        self._env,
                        controller,
                        backends,
                        ingresses,
                        self._streams,
                        churn_per_s=other.churn_per_s,
                        cluster=cluster,
                    )
                )

    def _gates(self, endpoints: Endpoints) -> ReadinessGates | None:
        check = self._scenario.target_group.health_check
        interval_s = (check or HealthCheckSpec()).interval_s
        return ReadinessGates(endpoints, interval_s) if self._scenario.pod.readiness_gate else None

    def _controller(self, spec: ControllerSpec, ingresses: list[Ingress], *, cluster: int) -> Controller:
        return start_controller(
            self._env,
            spec,
            self._scenario.aws_api,
            self._api,
            ingresses,
            self._streams,
            self._trace,
            cluster=cluster,
        )


class RolledBackend:
    """The rolled Deployment's Service and its target group."""

    def __init__(self, endpoints: Endpoints, target_group: TargetGroup, gates: ReadinessGates | None) -> None:
        self._endpoints = endpoints
        self.gates: Gates[Pod] | None = gates
        self.health = target_group.health
        self.registered = target_group.registered
        self.register = target_group.register
        self.deregister = target_group.deregister

    def desired(self) -> set[Pod]:
        """Give the addresses that are to be targets: the ready ones, and the gated ones with ready containers."""
        return self._endpoints.addresses | self._endpoints.gated

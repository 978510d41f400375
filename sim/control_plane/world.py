"""One replication's control plane, wired: who is given what, and when it is over.

Time begins `aws_api.warm_up_s` before the rollout, so that at t = 0 the account's buckets and the other clusters'
controllers are in their steady state. It ends when the Deployment is complete, every old pod is terminated and every
old pod's target is deregistered.
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
from sim.control_plane.kubelet import Kubelet
from sim.control_plane.other_cluster import ChurningBackend, churn
from sim.control_plane.pod import Pod
from sim.control_plane.readiness_gates import ReadinessGates
from sim.control_plane.target_group import TargetGroup
from sim.control_plane.trace import Trace
from sim.scenario.problems import Problem, ScenarioError
from sim.scenario.target_group import HealthCheckSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from sim.control_plane.ingress import Controller, Gates
    from sim.scenario.specs import ControllerSpec, Scenario
    from sim.streams import Streams

    PodProcess = Callable[[Pod], Generator[simpy.Event]]

LONGEST_ROLLOUT_S = 86_400.0


def run_control_plane(scenario: Scenario, streams: Streams) -> Trace:
    """Simulate one replication's control plane.

    Raises `ScenarioError` where the settings let it come to no end within a day of simulated time.

    """
    env = simpy.Environment(initial_time=-scenario.aws_api.warm_up_s)
    trace = Trace()
    old_pods = [Pod(number, env, number, is_new=False) for number in range(scenario.deployment.replicas)]
    kubelet = Kubelet(env, scenario.pod, streams, trace)
    has_gates = scenario.pod.readiness_gate
    endpoints = Endpoints(env, scenario.endpoints, streams, trace, old_pods, has_gates=has_gates)
    pod_processes: list[PodProcess] = [kubelet.terminate, endpoints.follow]
    pod_processes += _targets(env, scenario, streams, trace, endpoints, old_pods)

    def adopt(pod: Pod) -> None:
        for process in (kubelet.start, *pod_processes):
            env.process(process(pod))

    deployment = Deployment(env, scenario.deployment, streams, trace, old_pods, adopt)
    ends = [env.process(process(pod)) for pod in old_pods for process in pod_processes]
    rollout = env.process(_start_at_zero(env, deployment))
    over = env.all_of([rollout, *ends, *(pod.deregistered for pod in old_pods)])
    env.run(until=over | env.timeout(LONGEST_ROLLOUT_S - env.now))
    if not over.triggered:
        left = sum(not pod.deregistered.triggered for pod in old_pods)
        found = f"one in which {left} of {len(old_pods)} old targets are registered still"
        raise ScenarioError([Problem(expected="a rollout that is over within a day", found=found)])
    return trace


def _targets(
    env: simpy.Environment,
    scenario: Scenario,
    streams: Streams,
    trace: Trace,
    endpoints: Endpoints,
    old_pods: list[Pod],
) -> list[PodProcess]:
    """Start what takes pods in and out of the ALB's rotation; give what must follow each pod for it."""
    if scenario.target_group.target_type == "instance":
        return [KubeProxies(env, scenario.target_group, streams, trace, endpoints).follow]
    target_group = TargetGroup(env, scenario.target_group, streams, trace, old_pods)
    if scenario.controller.version == "fixed_lag":
        return [FixedLag(env, scenario.controller, streams, target_group).follow]
    Account(env, scenario, streams, trace).start(endpoints, target_group)
    return []


def _start_at_zero(env: simpy.Environment, deployment: Deployment) -> Generator[simpy.Event]:
    yield env.timeout(-env.now)
    yield from deployment.run()


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
        self.register = target_group.register
        self.deregister = target_group.deregister

    def desired(self) -> set[Pod]:
        """Give the addresses that are to be targets: the ready ones, and the gated ones with ready containers."""
        return self._endpoints.addresses | self._endpoints.gated

"""Advice on how requests reach a pod and are served, and on settings that have no effect. `advice` has the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.keep_alive import raced_per_million
from sim.scenario.node_drain import NodeDrainSpec, NodeTerminationSpec
from sim.scenario.problems import Advice, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.scenario.specs import Scenario


def _least_outstanding_requests(scenario: Scenario) -> Iterator[Advice]:
    of_pods = scenario.target_group.target_type == "ip"
    if of_pods and scenario.target_group.routing == "least_outstanding_requests" and not scenario.pod.pre_stop_sleep_s:
        yield Advice(
            "target_group.routing",
            "without a preStop sleep a dead target refuses at once, has the fewest outstanding requests, and draws the "
            "traffic of its ALB node",
        )


def _keep_alive(scenario: Scenario) -> Iterator[Advice]:
    keep_alive_s, idle_s = scenario.pod.keep_alive_timeout_s, scenario.target_group.idle_timeout_s
    if keep_alive_s is None:
        return
    if not scenario.target_group.connection_reuse:
        yield Advice("pod.keep_alive_timeout_s", "has no effect without target_group.connection_reuse")
    elif keep_alive_s <= idle_s:
        yield Advice(
            "pod.keep_alive_timeout_s",
            f"{plain(keep_alive_s)} s is not above the ALB's idle timeout, {plain(idle_s)} s. A request may be sent on "
            "a connection that the pod is closing, and gets 502 (AWS, edit-load-balancer-attributes). Without any "
            f"disruption some {raced_per_million(scenario):.2g} of a million do",
        )


def _pooled_connections(scenario: Scenario) -> Iterator[Advice]:
    pod = scenario.pod
    if pod.idle_connections_at_sigterm != "serve":
        return
    if not scenario.target_group.connection_reuse:
        yield Advice("pod.idle_connections_at_sigterm", "has no effect without target_group.connection_reuse")
    elif pod.on_sigterm != "drain":
        yield Advice("pod.idle_connections_at_sigterm", "has no effect without pod.on_sigterm 'drain'")


def _pooled_behind_worker_nodes(scenario: Scenario) -> Iterator[Advice]:
    pod, target_group = scenario.pod, scenario.target_group
    if target_group.target_type != "instance" or not target_group.connection_reuse:
        return
    if pod.on_sigterm != "drain" or pod.idle_connections_at_sigterm == "serve":
        yield Advice(
            "target_group.connection_reuse",
            "behind worker nodes a pooled connection stays with its pod whatever kube-proxy's rules say, so that no "
            "preStop sleep keeps requests from the pod. Requests in flight at a pod's end are cut, unless it closes "
            "its idle connections at SIGTERM and drains (LBC issue 1184)",
        )


def _queue(scenario: Scenario) -> Iterator[Advice]:
    pod, traffic, replicas = scenario.pod, scenario.traffic, scenario.deployment.replicas
    if pod.concurrency is None:
        if pod.accept == "prefork":
            yield Advice("pod.accept", "has no effect without pod.concurrency")
        return
    busy = traffic.arrival_rate_rps * traffic.service_time_s.mean() / (replicas * pod.concurrency)
    if busy >= 1:
        yield Advice(
            "pod.concurrency",
            f"{replicas} pods that serve {pod.concurrency} requests at once are asked for {busy:.0%} of what they can "
            "do before any pod ends: queues grow without end",
        )


def _instances(scenario: Scenario) -> Iterator[Advice]:
    """Yield advice on keys without effect: some behind worker nodes, others with target type `ip`."""
    if scenario.target_group.target_type != "instance":
        for key in sorted(scenario.target_group.model_fields_set & {"instances", "kube_proxy_sync_s"}):
            yield Advice(f"target_group.{key}", "has no effect without target_type 'instance'")
        return
    meets = {"target_type", "instances", "kube_proxy_sync_s", "idle_timeout_s"}
    meets |= {"alb_nodes", "routing", "connection_reuse"}
    without_effect: list[str] = []
    if isinstance(scenario.disrupted_by, NodeDrainSpec):
        meets |= {"propagation_s", "deregistration_delay_s", "health_check"}
    else:
        without_effect += [f"controller.{key}" for key in sorted(scenario.controller.model_fields_set)]
        without_effect += [f"aws_api.{key}" for key in sorted(scenario.aws_api.model_fields_set)]
    without_effect += [f"target_group.{key}" for key in sorted(scenario.target_group.model_fields_set - meets)]
    without_effect += ["pod.readiness_gate"] if scenario.pod.readiness_gate else []
    without_effect += ["pod.pre_stop_fails_health_check"] if scenario.pod.pre_stop_fails_health_check else []
    for key in without_effect:
        yield Advice(
            key, "has no effect: with target_type 'instance' a pod that comes or goes changes kube-proxy's rules alone"
        )


def _drained_targets(scenario: Scenario) -> Iterator[Advice]:
    """Yield advice on drained nodes as targets: how the load balancer hears of their end."""
    spec = scenario.disrupted_by
    if not isinstance(spec, NodeDrainSpec):
        return
    key = f"{spec.kind}.exclude_from_load_balancers"
    if scenario.target_group.target_type != "instance":
        if spec.exclude_from_load_balancers is not None:
            yield Advice(key, "has no effect without target_group.target_type 'instance': the targets are pods")
        return
    if isinstance(spec, NodeTerminationSpec) and not spec.marks & scenario.controller.heeded_marks:
        yield Advice(
            key,
            f"{scenario.controller.version} keeps nodes that {spec.drained_by} drains as targets until their machines "
            "are gone, and what is sent there until then is lost. Set this key to true, which v1.1.6 and later heed "
            "(LBC pkg/backend/endpoint_utils.go)",
        )
    if scenario.nodes is not None and scenario.nodes.count != scenario.target_group.instances:
        count = plain(scenario.nodes.count)
        yield Advice("target_group.instances", f"nodes.count says {count}: all worker nodes are targets")


ON_REQUESTS: tuple[Callable[[Scenario], Iterator[Advice]], ...] = (
    _least_outstanding_requests,
    _keep_alive,
    _pooled_connections,
    _pooled_behind_worker_nodes,
    _queue,
    _instances,
    _drained_targets,
)

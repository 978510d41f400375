"""Advice on a disruption, and on settings of Kubernetes that have no effect. `advice` has the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.cost import MOST_SIMULATED_PODS, available_after_s, rolled_pods, rollout_at_least_s
from sim.scenario.disruptions import DISRUPTIONS
from sim.scenario.problems import Advice

_HOUR_S = 3600
_LONG_HOURS = 2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.scenario.specs import Scenario


def _disruption(scenario: Scenario) -> Iterator[Advice]:
    yield from scenario.disrupted_by.unwise(scenario.deployment)


def _without_effect(scenario: Scenario) -> Iterator[Advice]:
    disruption = scenario.disrupted_by
    for key in sorted(scenario.deployment.model_fields_set & disruption.ignored):
        called = disruption.kind.replace("_", " ")
        yield Advice(f"deployment.{key}", f"has no effect in a {called}: {disruption.why_ignored}")
    for kind in sorted(DISRUPTIONS.keys() & scenario.model_fields_set - {disruption.kind}):
        for key in sorted(getattr(scenario, kind).model_fields_set):
            yield Advice(f"{kind}.{key}", f"has no effect without disruption {kind!r}")


def _kubelets(scenario: Scenario) -> Iterator[Advice]:
    given = scenario.kubernetes.model_fields_set
    if scenario.nodes is not None:
        yield from _nodes_twice(scenario)
    elif scenario.kubernetes.nodes is None:
        for key in sorted(given & {"version", "kubelet_api_qps", "kubelet_api_burst"}):
            yield Advice(
                f"kubernetes.{key}", "has no effect without kubernetes.nodes, the nodes whose kubelets are held up"
            )


def _nodes_twice(scenario: Scenario) -> Iterator[Advice]:
    """Yield advice on keys that say of nodes what the block `nodes` and the scheduler say."""
    given = {
        "kubernetes.nodes": scenario.kubernetes.model_fields_set,
        "node_drain.pods_per_node": scenario.node_drain.model_fields_set,
        "node_termination.pods_per_node": scenario.node_termination.model_fields_set,
        "scale_in.nodes": scenario.scale_in.model_fields_set,
    }
    for key, fields in given.items():
        if key.rpartition(".")[2] in fields:
            yield Advice(key, "has no effect with nodes: the scheduler says which pods are on which node")


def _room(scenario: Scenario) -> Iterator[Advice]:
    room, deployment = scenario.room, scenario.deployment
    if room is None or scenario.disruption != "rollout":
        return
    replicas, surge = (pods * deployment.rolled_at_once for pods in (deployment.replicas, deployment.surge))
    missing = replicas + surge - room.places
    if missing <= 0 or room.may_grow_by(scenario.autoscaler) >= missing:
        return
    has_end = deployment.unavailable > 0 or room.places > replicas or room.may_grow_by(scenario.autoscaler) > 0
    yield Advice(
        "nodes.count",
        f"{room.nodes:,} nodes take {room.places:,} pods, limited by {room.limited_by}, and {replicas:,} with a surge "
        f"of {surge:,} need {missing:,} more: pods wait until old ones are gone"
        + ("" if has_end else ", and with max_unavailable 0 none goes first: this rollout does not end"),
    )


def _capacity(scenario: Scenario) -> Iterator[Advice]:
    if scenario.nodes is None and scenario.autoscaler.kind != "none":
        yield Advice("autoscaler.kind", "has no effect without nodes: every pod has a place")
    cni = scenario.vpc_cni
    if cni is not None and scenario.nodes is None:
        yield Advice("vpc_cni", "has no effect without nodes, which hold the addresses")
    if cni is not None and cni.minimum_ip_target and not cni.warm_ip_target:
        yield Advice(
            "vpc_cni.warm_ip_target",
            f"without it a node never has more than {cni.minimum_ip_target} addresses, its minimum_ip_target, however "
            "many pods wait (CNI ipamd.go)",
        )


def _too_many_pods(scenario: Scenario) -> Iterator[Advice]:
    pods = rolled_pods(scenario)
    if pods > MOST_SIMULATED_PODS:
        yield Advice("deployment.replicas", f"{pods:,} pods are not simulated: at most {MOST_SIMULATED_PODS:,} are")


def _many_steps(scenario: Scenario) -> Iterator[Advice]:
    deployment, hours = scenario.deployment, rollout_at_least_s(scenario) / _HOUR_S
    if hours >= _LONG_HOURS:
        at_once, available_s = deployment.surge + deployment.unavailable, available_after_s(scenario)
        yield Advice(
            "deployment.max_surge" if deployment.surge else "deployment.max_unavailable",
            f"{at_once:,} of {deployment.replicas:,} pods at a time, each available after {available_s:.3g} s: the "
            f"rollout takes {hours:,.3g} hours or more",
        )


ON_KUBERNETES: tuple[Callable[[Scenario], Iterator[Advice]], ...] = (
    _disruption,
    _without_effect,
    _kubelets,
    _room,
    _capacity,
    _too_many_pods,
    _many_steps,
)

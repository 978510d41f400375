"""What is unwise about a node drain, and what has no effect on Kubernetes' side.

`advice` has the rest, and says what advice is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.advice_on_requests import Advice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.scenario.specs import Scenario

_OF_ROLLOUTS = {"max_surge", "max_unavailable", "min_ready_s", "sync_latency_s", "pod_replacement_policy"}


def _budget(scenario: Scenario) -> Iterator[Advice]:
    drain, replicas = scenario.node_drain, scenario.deployment.replicas
    if scenario.disruption != "node_drain":
        return
    gone = min(drain.pods_per_node * min(drain.nodes, drain.nodes_at_once), replicas - drain.desired_healthy(replicas))
    if drain.min_available is None and drain.max_unavailable is None and gone > 1:
        yield Advice(
            "node_drain.max_unavailable",
            f"without a PodDisruptionBudget {gone} of {replicas} pods are evicted at once (K8s eviction API)",
        )
    if gone == replicas:
        yield Advice("node_drain.pods_per_node", "all pods may be evicted before a replacement is ready")


def _without_effect(scenario: Scenario) -> Iterator[Advice]:
    if scenario.disruption == "node_drain":
        for key in sorted(scenario.deployment.model_fields_set & _OF_ROLLOUTS):
            yield Advice(f"deployment.{key}", "has no effect in a node drain: the ReplicaSet alone replaces the pods")
    else:
        for key in sorted(scenario.node_drain.model_fields_set):
            yield Advice(f"node_drain.{key}", "has no effect without disruption 'node_drain'")


def _kubelets(scenario: Scenario) -> Iterator[Advice]:
    given = scenario.kubernetes.model_fields_set
    if scenario.kubernetes.nodes is None:
        for key in sorted(given & {"version", "kubelet_api_qps", "kubelet_api_burst"}):
            yield Advice(
                f"kubernetes.{key}", "has no effect without kubernetes.nodes, the nodes whose kubelets are held up"
            )


ON_KUBERNETES: tuple[Callable[[Scenario], Iterator[Advice]], ...] = (_budget, _without_effect, _kubelets)

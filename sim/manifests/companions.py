"""What stands beside a workload and concerns it: its autoscaler, its PodDisruptionBudgets, the Nodes of a DaemonSet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.manifests.companion_models import Autoscaler, Budget, Selector
from sim.manifests.worker_nodes import ready_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.manifests.models import PodSpec
    from sim.manifests.objects import Cluster, Object

_EMPTY_SELECTS_NONE = "policy/v1beta1"


class Companions:
    """Autoscalers and PodDisruptionBudgets, by what they are for."""

    def __init__(self, cluster: Cluster) -> None:
        """Take the autoscalers, budgets and Nodes of the input."""
        self._nodes = ready_nodes(cluster)
        self._autoscalers: dict[tuple[str, str, str], Object] = {}
        self._budgets: dict[str, list[tuple[Object, Budget]]] = {}
        for one in cluster.of("HorizontalPodAutoscaler", "ScaledObject"):
            target = one.parsed(Autoscaler).spec.scale_target_ref
            self._autoscalers[one.namespace, target.kind, target.name] = one
        for one in cluster.of("PodDisruptionBudget"):
            self._budgets.setdefault(one.namespace, []).append((one, one.parsed(Budget)))

    def autoscaler_of(self, workload: Object) -> Object | None:
        """Return the autoscaler that sets a workload's replicas."""
        return self._autoscalers.get((workload.namespace, workload.kind, workload.name))

    def budgets_of(self, workload: Object, labels: dict[str, str]) -> Iterator[tuple[Object, Budget]]:
        """Return the budgets that select pods with these labels."""
        for one, budget in self._budgets.get(workload.namespace, ()):
            selector = budget.spec.selector
            selects_all = selector == Selector() and str(one.body.get("apiVersion")) != _EMPTY_SELECTS_NONE
            if selector and (selects_all or (selector != Selector() and selector.matches(labels))):
                yield one, budget

    def nodes_of(self, pod: PodSpec) -> list[Object]:
        """Return the Nodes that are Ready and have the labels of a pod's nodeSelector."""
        wanted = {key: str(value) for key, value in pod.node_selector.items()}
        return [node for node in self._nodes if wanted.items() <= node.labels.items()]

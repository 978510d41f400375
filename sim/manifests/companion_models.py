"""The fields of autoscalers, PodDisruptionBudgets and Nodes that matter here. `models` has the rest.

Source: the API reference of Kubernetes (core/v1, policy/v1, autoscaling/v2) and of keda.sh/v1alpha1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sim.manifests.models import Anything, IntOrString, Model

if TYPE_CHECKING:
    from collections.abc import Mapping


class Requirement(Model):
    """What a label must be."""

    key: str
    operator: str
    values: list[str] = Field(default_factory=list)

    def is_met_by(self, labels: Mapping[str, str]) -> bool:
        """Return whether these labels are so."""
        value = labels.get(self.key)
        if self.operator in {"Exists", "DoesNotExist"}:
            return (value is not None) == (self.operator == "Exists")
        return (value in self.values) == (self.operator == "In")


class Selector(Model):
    """Which pods are meant, by their labels: all of them where it is empty."""

    match_labels: dict[str, str] = Field(default_factory=dict)
    match_expressions: list[Requirement] = Field(default_factory=list)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether a pod with these labels is meant."""
        return self.match_labels.items() <= labels.items() and all(
            one.is_met_by(labels) for one in self.match_expressions
        )


class BudgetSpec(Model):
    """How many pods an eviction must leave."""

    min_available: IntOrString | None = None
    max_unavailable: IntOrString | None = None
    selector: Selector | None = None


class Budget(Model):
    """A PodDisruptionBudget."""

    spec: BudgetSpec = BudgetSpec()


class Condition(Model):
    """A condition of an object."""

    type: str = ""
    status: str = ""


class NodeInfo(Model):
    """The software of a Node."""

    kubelet_version: str = ""


class NodeStatus(Model):
    """What a Node says of itself."""

    conditions: list[Condition] = Field(default_factory=list)
    node_info: NodeInfo = NodeInfo()
    capacity: dict[str, Anything] = Field(default_factory=dict)


class NodeSpec(Model):
    """What a Node is asked to be."""

    unschedulable: bool = False


class Node(Model):
    """A worker node."""

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class ScaleTarget(Model):
    """The workload that an autoscaler scales."""

    kind: str = "Deployment"
    name: str


class ScalingRule(Model):
    """How many pods may go, or come, within a period."""

    type: str
    value: int
    period_seconds: int


class ScalingRules(Model):
    """How an autoscaler scales down, or up."""

    policies: list[ScalingRule] = Field(default_factory=list)
    select_policy: str = ""
    stabilization_window_seconds: int | None = None


class Behavior(Model):
    """How an autoscaler scales."""

    scale_down: ScalingRules = ScalingRules()
    scale_up: ScalingRules = ScalingRules()


class HpaConfig(Model):
    """What a ScaledObject says of the HorizontalPodAutoscaler that KEDA makes."""

    behavior: Behavior = Behavior()


class Advanced(Model):
    """What a ScaledObject says besides its triggers."""

    horizontal_pod_autoscaler_config: HpaConfig = HpaConfig()


class AutoscalerSpec(Model):
    """Between which numbers of replicas an autoscaler chooses, in the words of Kubernetes and of KEDA."""

    scale_target_ref: ScaleTarget
    min_replicas: int | None = None
    max_replicas: int | None = None
    min_replica_count: int | None = None
    max_replica_count: int | None = None
    behavior: Behavior = Behavior()
    advanced: Advanced = Advanced()


class Autoscaler(Model):
    """A HorizontalPodAutoscaler or a ScaledObject."""

    spec: AutoscalerSpec

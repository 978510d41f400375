"""The fields of autoscalers, PodDisruptionBudgets and Nodes that matter here. `models` has the rest.

Source: the API reference of Kubernetes (core/v1, policy/v1, autoscaling/v2) and of keda.sh/v1alpha1.
"""

from __future__ import annotations

from pydantic import Field

from sim.manifests.models import Anything, IntOrString, Model


class BudgetSpec(Model):
    """How many pods an eviction must leave."""

    min_available: IntOrString | None = None
    max_unavailable: IntOrString | None = None
    selector: dict[str, Anything] = Field(default_factory=dict)


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


class AutoscalerSpec(Model):
    """Between which numbers of replicas an autoscaler chooses, in the words of Kubernetes and of KEDA."""

    scale_target_ref: ScaleTarget
    min_replicas: int | None = None
    max_replicas: int | None = None
    min_replica_count: int | None = None
    max_replica_count: int | None = None


class Autoscaler(Model):
    """A HorizontalPodAutoscaler or a ScaledObject."""

    spec: AutoscalerSpec

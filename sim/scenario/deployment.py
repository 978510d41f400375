"""The Deployment: how many pods, and how its rolling update replaces them.

Sources are named in short: K8s is kubernetes/kubernetes, AWS the documentation of Elastic Load Balancing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from sim.scenario.distributions import Constant, DistributionField
from sim.scenario.fields import (
    MOST_PODS,
    WHOLE,
    PodsOrAnyPercentage,
    PodsOrPercentage,
    Seconds,
    Spec,
    complaint,
    hundredths,
    is_zero,
)
from sim.scenario.problems import shown


def _default_surge(given: dict[str, Any]) -> int | str:
    return "25%" if given.get("kind") == "Deployment" else 0


def _default_unavailable(given: dict[str, Any]) -> int | str:
    if given.get("kind") == "Deployment":
        return "25%"
    return 0 if given.get("kind") == "DaemonSet" and not is_zero(given.get("max_surge", 0)) else 1


class DeploymentSpec(Spec):
    """The Deployment whose pods are replaced."""

    replicas: Annotated[int, Field(ge=1, le=MOST_PODS), WHOLE]
    """Pods of the Deployment. Required. Of a DaemonSet: its nodes."""
    kind: Literal["Deployment", "StatefulSet", "DaemonSet"] = "Deployment"
    """What rolls the pods. `StatefulSet`: from the highest ordinal down, each pod gone before its successor is created,
    and that one available before the next pod goes. `DaemonSet`: so too, on nodes in a random order; or with max_surge
    each pod after its successor on the same node is available."""
    strategy: Literal["RollingUpdate", "Recreate"] = "RollingUpdate"
    """`spec.strategy.type`. `Recreate`, of a Deployment only: all old pods go, and when the last is gone all new ones
    are created."""
    partition: Annotated[int, Field(ge=0, le=MOST_PODS), WHOLE] = 0
    """`rollingUpdate.partition` of a StatefulSet: pods with a lower ordinal stay as they are. Default: K8s apps/v1."""
    max_surge: PodsOrAnyPercentage = Field(default_factory=_default_surge, json_schema_extra={"default": "25%"})
    """Pods above `replicas` during the rollout: a number, or a percentage, rounded up. Default: K8s apps/v1, 0 of a
    StatefulSet, which has none, and of a DaemonSet."""
    max_unavailable: PodsOrPercentage = Field(
        default_factory=_default_unavailable, json_schema_extra={"default": "25%"}
    )
    """Pods below `replicas`: a number, or a percentage, rounded down, but up for a DaemonSet. Default: K8s apps/v1, 1
    of a StatefulSet and of a DaemonSet. More than 1 of a StatefulSet needs Kubernetes v1.35, where it is beta
    (KEP-961)."""
    min_ready_s: Seconds = 0.0
    """How long a pod is Ready before it counts as available (minReadySeconds). Default: K8s apps/v1."""
    rolled_at_once: Annotated[int, Field(ge=1, le=1000), WHOLE] = 1
    """Deployments like this one that are rolled in this cluster at the same moment, this one included.

    Each Deployment has an ingress of its own among `controller.ingresses`. All Deployments share
    kube-controller-manager's client, the ingress controller and the AWS API. The figures are those of this one.
    Default: this one alone.
    """
    pod_replacement_policy: Literal["TerminationStarted", "TerminationComplete"] = "TerminationStarted"
    """When a terminating pod no longer counts among those that max_surge limits (`spec.podReplacementPolicy`): at its
    deletion, or when its phase is terminal. In the second case a rollout is complete only when every old pod is gone.
    Default: what every release does. The field is KEP-5882, alpha in v1.36 and off there."""
    sync_latency_s: DistributionField = Constant(value=0.1)
    """From a pod's Ready until the Deployment controller has acted on it. In between are the status writes of kubelet
    and ReplicaSet and the scale write, each followed by a watch event. Default: an assumption. K8s publishes only that
    a write takes at most 1 s in 99 % of cases (SLO of mutating API calls)."""

    @field_validator("strategy")
    @classmethod
    def _recreates_a_deployment(cls, strategy: str, info: ValidationInfo) -> str:
        if strategy == "Recreate" and info.data.get("kind") != "Deployment":
            raise complaint(expected=f"RollingUpdate with kind {info.data.get('kind')}", found=shown(strategy))
        return strategy

    @field_validator("partition")
    @classmethod
    def _parts_a_stateful_set(cls, partition: int, info: ValidationInfo) -> int:
        replicas = info.data.get("replicas")
        if partition and info.data.get("kind") != "StatefulSet":
            raise complaint(expected="0 without kind StatefulSet", found=shown(partition))
        if replicas is not None and partition >= replicas:
            raise complaint(expected=f"less than {replicas}, replicas: else no pod is replaced", found=shown(partition))
        return partition

    @field_validator("max_unavailable")
    @classmethod
    def _has_one_of_both(cls, value: int | str, info: ValidationInfo) -> int | str:
        surges = not is_zero(info.data.get("max_surge", 0))
        if info.data.get("kind") == "DaemonSet" and surges and not is_zero(value):
            hint = "a DaemonSet has one of the two (K8s ValidateRollingUpdateDaemonSet)"
            raise complaint(expected="0 with max_surge", found=shown(value), hint=hint)
        return value

    @property
    def surge(self) -> int:
        """Return maxSurge in pods, rounded up (ResolveFenceposts, K8s deployment_util.go)."""
        return 0 if self.kind == "StatefulSet" else -(-hundredths(self.max_surge, self.replicas) // 100)

    @property
    def unavailable(self) -> int:
        """Return maxUnavailable in pods, at most `replicas`; one if both it and the surge are zero.

        A percentage is rounded down, but up for a DaemonSet (UnavailableCount, K8s daemonset_util.go). With `Recreate`
        it is all.
        """
        if self.strategy == "Recreate":
            return self.replicas
        parts = hundredths(self.max_unavailable, self.replicas)
        count = min(-(-parts // 100) if self.kind == "DaemonSet" else parts // 100, self.replicas)
        return count if count or self.surge else 1

    @property
    def waits_for_ends(self) -> bool:
        """Return whether the rollout goes on only when pods that it deleted are gone."""
        one_for_one = self.kind != "Deployment" and not self.surge
        return one_for_one or self.strategy == "Recreate" or self.pod_replacement_policy == "TerminationComplete"

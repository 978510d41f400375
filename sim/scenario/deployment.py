"""The Deployment: how many pods, and how its rolling update replaces them.

Sources are named in short: K8s is kubernetes/kubernetes, AWS the documentation of Elastic Load Balancing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.scenario.distributions import Constant, DistributionField
from sim.scenario.fields import (
    MOST_PODS,
    WHOLE,
    PodsOrAnyPercentage,
    PodsOrPercentage,
    Seconds,
    Spec,
    hundredths,
)


class DeploymentSpec(Spec):
    """The Deployment whose pods are replaced."""

    replicas: Annotated[int, Field(ge=1, le=MOST_PODS), WHOLE]
    """Pods of the Deployment. Required."""
    max_surge: PodsOrAnyPercentage = "25%"
    """Pods above `replicas` during the rollout: a number, or a percentage, rounded up. Default: K8s apps/v1."""
    max_unavailable: PodsOrPercentage = "25%"
    """Pods below `replicas`: a number, or a percentage, rounded down. Default: K8s apps/v1."""
    min_ready_s: Seconds = 0.0
    """How long a pod is Ready before it counts as available (minReadySeconds). Default: K8s apps/v1."""
    rolled_at_once: Annotated[int, Field(ge=1, le=1000), WHOLE] = 1
    """Deployments like this one that are rolled in this cluster at the same moment, this one included. Each has an
    ingress of its own among `controller.ingresses`. They share kube-controller-manager's client, the ingress controller
    and the AWS API. The figures are those of this one. Default: this one alone."""
    pod_replacement_policy: Literal["TerminationStarted", "TerminationComplete"] = "TerminationStarted"
    """When a terminating pod no longer counts among those that max_surge limits (`spec.podReplacementPolicy`): at its
    deletion, or when its phase is terminal. In the second case a rollout is complete only when every old pod is gone.
    Default: what every release does. The field is KEP-5882, alpha in v1.36 and off there."""
    sync_latency_s: DistributionField = Constant(value=0.1)
    """From a pod's Ready until the Deployment controller has acted on it. In between are the status writes of kubelet
    and ReplicaSet and the scale write, each followed by a watch event. Default: an assumption. K8s publishes only that
    a write takes at most 1 s in 99 % of cases (SLO of mutating API calls)."""

    @property
    def surge(self) -> int:
        """Return maxSurge in pods, rounded up (ResolveFenceposts, K8s deployment_util.go)."""
        return -(-hundredths(self.max_surge, self.replicas) // 100)

    @property
    def unavailable(self) -> int:
        """Return maxUnavailable in pods, rounded down, at most `replicas`; one if both it and the surge are zero."""
        count = min(hundredths(self.max_unavailable, self.replicas) // 100, self.replicas)
        return count if count or self.surge else 1

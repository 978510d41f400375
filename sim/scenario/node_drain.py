"""What disrupts the Deployment's pods: its own rolling update, or the drain of worker nodes.

Sources are named in short: K8s is kubernetes/kubernetes, Karpenter kubernetes-sigs/karpenter.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ValidationInfo, field_validator

from sim.scenario.distributions import Constant, DistributionField
from sim.scenario.fields import Count, PodsOrPercentage, Spec, complaint, hundredths
from sim.scenario.problems import shown

Disruption = Literal["rollout", "node_drain"]


class NodeDrainSpec(Spec):
    """The drain of worker nodes through the eviction API, and the Deployment's PodDisruptionBudget."""

    nodes: Count = 1
    """Worker nodes that are drained. All are cordoned first, so that no replacement comes to one of them."""
    pods_per_node: Count = 1
    """Pods of the Deployment on each of these nodes. Default: the scheduler spreads a Deployment's pods."""
    nodes_at_once: Count = 1
    """How many nodes are drained at the same time; the next one begins when all pods of one are gone. Default:
    `kubectl drain` takes its nodes one after another (K8s kubectl, RunDrain)."""
    drained_by: Literal["kubectl", "karpenter"] = "kubectl"
    """Who drains decides when a refused eviction is tried again: `kubectl drain` every 5 s (K8s kubectl, drain.go);
    Karpenter after 0.1 s, then twice as long each time, at most 10 s (terminator/eviction.go)."""
    min_available: PodsOrPercentage | None = None
    """`minAvailable` of the PodDisruptionBudget: pods that are to stay Ready, a number, or a percentage of `replicas`,
    rounded up (K8s disruption.go). null like max_unavailable: no budget, every eviction is admitted."""
    max_unavailable: PodsOrPercentage | None = None
    """`maxUnavailable` of the PodDisruptionBudget: a number, or a percentage of `replicas`, rounded up (K8s
    disruption.go; the Deployment's own is rounded down)."""
    pdb_sync_latency_s: DistributionField = Constant(value=0.1)
    """From a replacement's Ready until the PodDisruptionBudget's status counts it: the kubelet's status write, a watch,
    the disruption controller's write. Default: an assumption, as for deployment.sync_latency_s."""

    @field_validator("max_unavailable")
    @classmethod
    def _is_the_only_limit(cls, value: int | str | None, info: ValidationInfo) -> int | str | None:
        if value is not None and info.data.get("min_available") is not None:
            hint = "a PodDisruptionBudget has one of the two (K8s ValidatePodDisruptionBudgetSpec)"
            raise complaint(expected="null with min_available", found=shown(value), hint=hint)
        return value

    @property
    def evicted(self) -> int:
        """The Deployment's pods on the drained nodes."""
        return self.nodes * self.pods_per_node

    def desired_healthy(self, replicas: int) -> int:
        """Return how many of so many pods must stay Ready; 0 without a budget."""
        if self.min_available is not None:
            return _rounded_up(self.min_available, replicas)
        if self.max_unavailable is not None:
            return max(0, replicas - _rounded_up(self.max_unavailable, replicas))
        return 0


def _rounded_up(value: int | str, replicas: int) -> int:
    return -(-hundredths(value, replicas) // 100)

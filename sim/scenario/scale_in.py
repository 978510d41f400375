"""A scale-in: the Deployment goes to fewer replicas in one step, by hand or by an autoscaler.

Sources are named in short: K8s is kubernetes/kubernetes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sim.scenario.disruption import Beside, DisruptionSpec
from sim.scenario.distributions import Constant, DistributionField
from sim.scenario.fields import Count, PodsOrPercentage, complaint, hundredths
from sim.scenario.problems import Advice, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.deployment import DeploymentSpec


class ScaleInSpec(DisruptionSpec):
    """The step from `deployment.replicas` to fewer, and what decides which pods the ReplicaSet deletes."""

    kind: ClassVar = "scale_in"
    ignored: ClassVar = frozenset(
        {"max_surge", "max_unavailable", "min_ready_s", "sync_latency_s", "pod_replacement_policy"}
    )
    why_ignored: ClassVar = "the ReplicaSet deletes pods at once"

    to_replicas: PodsOrPercentage = "50%"
    """Replicas that are left: a number, or a percentage of `deployment.replicas`, rounded up. Default: half of them."""
    nodes: Count | None = None
    """Worker nodes over which the pods are spread in turn. Those of a node with more of them go first (K8s
    ActivePodsWithRanks). null: as many everywhere."""
    ready_for_s: DistributionField = Constant(value=86_400)
    """For how long each pod has been Ready. Younger pods go first; from Kubernetes v1.22 on ages are compared by their
    power of two. Among equals chance decides (K8s LogarithmicScaleDown). Default: all alike."""

    def left(self, replicas: int) -> int:
        """Return how many of `replicas` pods are left."""
        return -(-hundredths(self.to_replicas, replicas) // 100)

    def require_end(self, beside: Beside) -> None:
        """Refuse a step that changes nothing, and one that leaves no pod."""
        if beside.deployment is None:
            return
        replicas = beside.deployment.replicas
        if not 0 < self.left(replicas) < replicas:
            raise complaint(
                key="to_replicas",
                expected=f"at least one pod and fewer than {replicas}, deployment.replicas",
                found=shown(self.to_replicas),
            )

    def unwise(self, deployment: DeploymentSpec) -> Iterator[Advice]:
        """Yield the advice that nothing limits a scale-in."""
        replicas = deployment.replicas
        gone = replicas - self.left(replicas)
        if gone > 1:
            yield Advice(
                "scale_in.to_replicas",
                f"{gone} of {replicas} pods are deleted at once: no PodDisruptionBudget holds a scale-in back (K8s, "
                "disruptions)",
            )

    def depends_on_pod_ends(self, deployment: DeploymentSpec) -> bool:  # noqa: ARG002 - nothing waits for deleted pods
        """Return False: a scale-in waits for no deleted pod."""
        return False

"""A scale-in: the Deployment goes to fewer replicas, in one step by hand, or in the steps of an autoscaler.

Sources are named in short: K8s is kubernetes/kubernetes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from sim.scenario.disruption import Beside, DisruptionSpec
from sim.scenario.distributions import Constant, DistributionField
from sim.scenario.fields import Count, PodsOrPercentage, PositiveSeconds, Spec, complaint, hundredths
from sim.scenario.problems import Advice, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.deployment import DeploymentSpec


class ScaleDownPolicy(Spec):
    """One policy of a HorizontalPodAutoscaler: how many pods may go within a period."""

    type: Literal["Pods", "Percent"]
    """What `value` is. Required."""
    value: Count
    """Pods, or per cent of the pods at the period's start. Required."""
    period_s: Annotated[float, Field(gt=0, le=1800)]
    """The period (periodSeconds, at most 1800). Required."""

    def limit(self, at_start: int) -> int:
        """Return how many of the pods at the period's start must be left; a fraction of a pod goes too."""
        return at_start - self.value if self.type == "Pods" else max(0, at_start * (100 - self.value) // 100)


class ScaleInSpec(DisruptionSpec):
    """The step from `deployment.replicas` to fewer, and what decides which pods the ReplicaSet deletes."""

    kind: ClassVar = "scale_in"
    ignored: ClassVar = frozenset(
        {"max_surge", "max_unavailable", "min_ready_s", "sync_latency_s", "pod_replacement_policy"}
    )
    why_ignored: ClassVar = "the ReplicaSet deletes pods at once"

    to_replicas: PodsOrPercentage = "50%"
    """Replicas that are left: a number, or a percentage of `deployment.replicas`, rounded up. Default: half of them."""
    policies: tuple[ScaleDownPolicy, ...] = Field(default=(), strict=False)
    """`behavior.scaleDown.policies` of a HorizontalPodAutoscaler, by which it goes down in steps. Empty: one step, as
    by hand, and as with the API's own policy (100 % per 15 s)."""
    select_policy: Literal["Max", "Min"] = "Max"
    """`behavior.scaleDown.selectPolicy`: the policy that lets most pods go, or fewest. Default: K8s autoscaling/v2."""
    sync_period_s: PositiveSeconds = 15.0
    """From one step to the next (`--horizontal-pod-autoscaler-sync-period`). Default: K8s."""
    nodes: Count | None = None
    """Worker nodes over which the pods are spread in turn. Those of a node with more of them go first (K8s
    ActivePodsWithRanks). null: as many everywhere."""
    ready_for_s: DistributionField = Constant(value=86_400)
    """For how long each pod has been Ready. Younger pods go first; from Kubernetes v1.22 on ages are compared by their
    power of two. Among equals chance decides (K8s LogarithmicScaleDown). Default: all alike."""

    def left(self, replicas: int) -> int:
        """Return how many of `replicas` pods are left."""
        return -(-hundredths(self.to_replicas, replicas) // 100)

    def steps(self, replicas: int) -> list[tuple[float, int]]:
        """Return the steps: when, and how many of `replicas` pods are then left.

        A policy counts what has gone within its period (K8s calculateScaleDownLimitWithBehaviors, horizontal.go).
        """
        least, left, now_s = self.left(replicas), replicas, 0.0
        steps: list[tuple[float, int]] = []
        while left > least:
            before = (replicas, *(after for _, after in steps))
            gone = [(at_s, then - after) for (at_s, after), then in zip(steps, before, strict=False)]
            limits = [
                policy.limit(left + sum(n for at_s, n in gone if at_s > now_s - policy.period_s))
                for policy in self.policies
            ]
            limit = (min if self.select_policy == "Max" else max)(limits, default=least)
            if limit < left:
                left = max(limit, least)
                steps.append((now_s, left))
            now_s += self.sync_period_s
        return steps

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
        gone = replicas - self.steps(replicas)[0][1]
        if gone > 1:
            yield Advice(
                "scale_in.to_replicas",
                f"{gone} of {replicas} pods are deleted at once: no PodDisruptionBudget holds a scale-in back (K8s, "
                "disruptions)",
            )

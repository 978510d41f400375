"""A scale-in: the Deployment goes to fewer replicas, in one step by hand, or in the steps of an autoscaler.

An autoscaler that went too far comes back up.

Sources are named in short: K8s is kubernetes/kubernetes.
"""

from __future__ import annotations

import math
from itertools import count, pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from sim.scenario.disruption import Beside, DisruptionSpec
from sim.scenario.distributions import Constant, DistributionField
from sim.scenario.fields import MOST_PODS, WHOLE, Count, PodsOrPercentage, Spec, complaint, hundredths
from sim.scenario.problems import Advice, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.scenario.deployment import DeploymentSpec


class ScalingPolicy(Spec):
    """One policy of a HorizontalPodAutoscaler: how many pods may go, or come, within a period."""

    type: Literal["Pods", "Percent"]
    """What `value` is. Required."""
    value: Count
    """Pods, or per cent of the pods at the period's start. Required."""
    period_s: Annotated[float, Field(gt=0, le=1800)]
    """The period (periodSeconds, at most 1800). Required."""

    def least(self, at_start: int) -> int:
        """Return how many of the pods at the period's start must be left; a fraction of a pod goes too."""
        return at_start - self.value if self.type == "Pods" else max(0, at_start * (100 - self.value) // 100)

    def most(self, at_start: int) -> int:
        """Return how many pods there may be, by those at the period's start; a fraction of a pod comes too."""
        return at_start + self.value if self.type == "Pods" else -(-at_start * (100 + self.value) // 100)


class Recommendation(Spec):
    """How many replicas the autoscaler's metrics call for, for a while."""

    until_s: Annotated[float, Field(gt=0, le=86_400)]
    """Until when, in seconds since the start. Required."""
    replicas: Annotated[int, Field(ge=1, le=MOST_PODS), WHOLE]
    """Replicas. Required."""


class ScaleInSpec(DisruptionSpec):
    """The step from `deployment.replicas` to fewer, and what decides which pods the ReplicaSet deletes."""

    kind: ClassVar = "scale_in"
    noun: ClassVar = "scale-in"
    complete: ClassVar = "last step taken"
    ignored: ClassVar = frozenset(
        {"max_surge", "max_unavailable", "min_ready_s", "sync_latency_s", "pod_replacement_policy"}
    )
    why_ignored: ClassVar = "the ReplicaSet deletes pods at once"

    to_replicas: PodsOrPercentage = "50%"
    """Replicas that are left: a number, or a percentage of `deployment.replicas`, rounded up. Default: half of them."""
    policies: tuple[ScalingPolicy, ...] = Field(default=(), strict=False)
    """`behavior.scaleDown.policies` of a HorizontalPodAutoscaler, by which it goes down in steps. Empty: one step, as
    by hand, and as with the API's own policy (100 % per 15 s)."""
    select_policy: Literal["Max", "Min"] = "Max"
    """`behavior.scaleDown.selectPolicy`: the policy that lets most pods go, or fewest. Default: K8s autoscaling/v2."""
    sync_period_s: Annotated[float, Field(ge=1, le=3600)] = 15.0
    """From one step to the next (`--horizontal-pod-autoscaler-sync-period`). Default: K8s."""
    recommendations: tuple[Recommendation, ...] = Field(default=(), strict=False)
    """What the metrics call for from 0 s on, until each `until_s`; after the last one it is `to_replicas`. Empty:
    `to_replicas` from the start, and `stabilization_window_s` is over at 0 s."""
    stabilization_window_s: Annotated[float, Field(ge=0, le=3600)] = 300.0
    """With `recommendations`: the most that was called for in this time counts (`stabilizationWindowSeconds`). Default:
    K8s (`--horizontal-pod-autoscaler-downscale-stabilization`)."""
    up_policies: tuple[ScalingPolicy, ...] = Field(
        default=(
            ScalingPolicy(type="Pods", value=4, period_s=15),
            ScalingPolicy(type="Percent", value=100, period_s=15),
        ),
        strict=False,
    )
    """`behavior.scaleUp.policies`, by which the autoscaler comes back up where `recommendations` had it below
    `to_replicas`. The one that lets most pods come counts, and nothing is stabilised. Empty: one step. Default: K8s
    (pkg/apis/autoscaling/v2/defaults.go)."""
    unready: Annotated[int, Field(ge=0, le=MOST_PODS), WHOLE] = 0
    """Pods that are pending or not Ready when it begins, and so no targets. Such pods go first."""
    deletion_cost: DistributionField = Constant(value=0)
    """Each pod's `controller.kubernetes.io/pod-deletion-cost`. The cheaper go first, from Kubernetes v1.22 on (K8s
    PodDeletionCost, KEP-2255). Default: no pod has that annotation."""
    nodes: Count | None = None
    """Worker nodes over which the pods are spread in turn. Pods of a node with more of them go first (K8s
    ActivePodsWithRanks). null: as many everywhere."""
    ready_for_s: DistributionField = Constant(value=86_400)
    """For how long each pod has been Ready. Younger pods go first; from Kubernetes v1.22 on ages are compared by their
    power of two. Among equals chance decides (K8s LogarithmicScaleDown). Default: all alike."""

    def left(self, replicas: int) -> int:
        """Return how many of `replicas` pods are left."""
        return -(-hundredths(self.to_replicas, replicas) // 100)

    def comes_back(self, replicas: int) -> int:
        """Return how many pods are created after too many of `replicas` have gone."""
        counts = [pods for _, pods in self.steps(replicas)]
        return max(0, counts[-1] - min(counts))

    @property
    def unready_pods(self) -> int:
        """Return how many pods are no targets when it begins."""
        return self.unready

    def steps(self, replicas: int) -> list[tuple[float, int]]:
        """Return the steps: when, and how many of `replicas` pods there are then."""
        steps, before = [], replicas
        for now_s, then in self._syncs(replicas):
            if then != before:
                steps.append((now_s, then))
            before = then
        return steps

    def _syncs(self, replicas: int) -> Iterator[tuple[float, int]]:
        """Yield the autoscaler's syncs: when, and how many pods there are then."""
        pods, changes = replicas, list[tuple[float, int]]()
        last_s = max((one.until_s for one in self.recommendations), default=0.0)
        for sync in count():
            now_s = sync * self.sync_period_s
            then = self._then(sync, replicas, pods, changes)
            changes.append((now_s, then - pods))
            pods = then
            yield now_s, pods
            if now_s >= last_s and pods == self.left(replicas):
                return

    def _then(self, sync: int, replicas: int, pods: int, changes: Sequence[tuple[float, int]]) -> int:
        """Return how many pods a sync leaves of those that it finds, or brings them to.

        A policy counts what has gone and come within its period (K8s horizontal.go,
        calculateScaleDownLimitWithBehaviors and calculateScaleUpLimitWithScalingRules).
        """

        def at_start(policy: ScalingPolicy) -> int:
            since_s = sync * self.sync_period_s - policy.period_s
            return pods - sum(change for at_s, change in changes if at_s > since_s)

        if (called_for := self._called_for(sync, replicas)) > pods:
            most = max((policy.most(at_start(policy)) for policy in self.up_policies), default=called_for)
            return max(pods, min(called_for, most))
        wanted = self._stabilized(sync, replicas)
        limits = [policy.least(at_start(policy)) for policy in self.policies]
        return min(pods, max(wanted, (min if self.select_policy == "Max" else max)(limits, default=wanted)))

    def _stabilized(self, sync: int, replicas: int) -> int:
        """Return the most that the syncs of the window have called for, this one included; `replicas` before 0 s.

        A sync that is as old as the window no longer counts (K8s stabilizeRecommendationWithBehaviors, horizontal.go).
        """
        older = math.ceil(self.stabilization_window_s / self.sync_period_s) if self.recommendations else 1
        return max(self._called_for(one, replicas) for one in range(sync, sync - max(older, 1), -1))

    def _called_for(self, sync: int, replicas: int) -> int:
        now_s = sync * self.sync_period_s
        if now_s < 0:
            return replicas
        given = (one.replicas for one in self.recommendations if now_s < one.until_s)
        return next(given, self.left(replicas))

    @field_validator("recommendations")
    @classmethod
    def _ascend(cls, given: tuple[Recommendation, ...]) -> tuple[Recommendation, ...]:
        until_s = [one.until_s for one in given]
        if until_s != sorted(set(until_s)):
            raise complaint(expected="an until_s that is later each time", found=shown(until_s))
        return given

    def require_end(self, beside: Beside) -> None:
        """Refuse a step that changes nothing, one that leaves no target, and a way that goes down after it went up."""
        if beside.deployment is None:
            return
        replicas = beside.deployment.replicas
        if self.unready >= replicas:
            raise complaint(
                key="unready",
                expected=f"fewer than {replicas}, deployment.replicas: else there is no target",
                found=shown(self.unready),
            )
        if not 0 < self.left(replicas) < replicas:
            raise complaint(
                key="to_replicas",
                expected=f"at least one pod and fewer than {replicas}, deployment.replicas",
                found=shown(self.to_replicas),
            )
        counts = [replicas, *(pods for _, pods in self.steps(replicas))]
        rises = [after > before for before, after in pairwise(counts)]
        if rises != sorted(rises):
            raise complaint(
                key="recommendations",
                expected="no step down after one up",
                found=", ".join(str(one.replicas) for one in self.recommendations),
                hint="pods that still start would be the first to go, which is not simulated",
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

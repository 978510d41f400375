"""A scale-out: the Deployment goes to more replicas, in one step by hand, or in the steps of an autoscaler.

Sources are named in short: K8s is kubernetes/kubernetes.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from sim.scenario.disruption import Beside, DisruptionSpec
from sim.scenario.fields import PodsOrAnyPercentage, complaint, hundredths
from sim.scenario.problems import Advice, shown
from sim.scenario.scale_in import ScalingPolicy  # noqa: TC001 - pydantic reads it

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.deployment import DeploymentSpec


class ScaleOutSpec(DisruptionSpec):
    """The step from `deployment.replicas` to more. No pod ends; what it costs is what queues until new pods serve."""

    kind: ClassVar = "scale_out"
    noun: ClassVar = "scale-out"
    complete: ClassVar = "requests counted until here"
    started: ClassVar = "New pods"
    why_no_sleep: ClassVar = "no pod ends in a scale-out"
    ignored: ClassVar = frozenset(
        {"max_surge", "max_unavailable", "min_ready_s", "sync_latency_s", "pod_replacement_policy"}
    )
    why_ignored: ClassVar = "the ReplicaSet creates pods at once"

    to_replicas: PodsOrAnyPercentage = "200%"
    """Replicas that there are then: a number, or a percentage of `deployment.replicas`, rounded up. Default: twice as
    many."""
    policies: tuple[ScalingPolicy, ...] = Field(default=(), strict=False)
    """`behavior.scaleUp.policies` of a HorizontalPodAutoscaler, by which it goes up in steps. Empty: one step, as by
    hand. The API's own are 4 pods and 100 % per 15 s."""
    select_policy: Literal["Max", "Min"] = "Max"
    """`behavior.scaleUp.selectPolicy`: the policy that lets most pods come, or fewest. Default: K8s autoscaling/v2."""
    sync_period_s: Annotated[float, Field(ge=1, le=3600)] = 15.0
    """From one step to the next (`--horizontal-pod-autoscaler-sync-period`). Default: K8s."""
    counted_until_s: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    """Until when requests are counted, at least until all new pods are Ready. So settings that let new targets serve
    sooner or later are compared over one time."""

    @property
    def goes_on_until_s(self) -> float:
        """Until when requests are counted."""
        return self.counted_until_s

    def then(self, replicas: int) -> int:
        """Return how many replicas there are in the end."""
        return -(-hundredths(self.to_replicas, replicas) // 100)

    def steps(self, replicas: int) -> Iterator[tuple[float, int]]:
        """Yield the steps: when, and to how many replicas.

        A policy counts what has come within its period (K8s calculateScaleUpLimitWithBehaviors, horizontal.go).
        """
        last, came = self.then(replicas), list[tuple[float, int]]()
        for sync in count():
            now_s = sync * self.sync_period_s
            limits = [
                policy.most(replicas - sum(n for at_s, n in came if at_s > now_s - policy.period_s))
                for policy in self.policies
            ]
            most = min(last, (max if self.select_policy == "Max" else min)(limits, default=last))
            if most > replicas:
                came.append((now_s, most - replicas))
                replicas = most
                yield now_s, replicas
            if replicas == last:
                return

    def require_end(self, beside: Beside) -> None:
        """Refuse a step that adds no pod."""
        if beside.deployment is not None and self.then(beside.deployment.replicas) <= beside.deployment.replicas:
            expected = f"more than {beside.deployment.replicas}, deployment.replicas"
            raise complaint(key="to_replicas", expected=expected, found=shown(self.to_replicas))

    def unwise(self, deployment: DeploymentSpec) -> Iterator[Advice]:  # noqa: ARG002 - nothing is
        """Yield no advice: no pod ends."""
        yield from ()

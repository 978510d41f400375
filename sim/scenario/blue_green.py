"""A blue/green switch: the Service's selector passes from the old pods to new ones that are all Ready already.

Sources are named in short: Argo is argoproj/argo-rollouts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sim.scenario.disruption import Beside, DisruptionSpec
from sim.scenario.fields import Seconds, complaint
from sim.scenario.problems import Advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.deployment import DeploymentSpec


class BlueGreenSpec(DisruptionSpec):
    """The switch of a Service's selector, and how long the old pods then stay."""

    kind: ClassVar = "blue_green"
    noun: ClassVar = "blue/green rollout"
    complete: ClassVar = "last old pod deleted"
    started: ClassVar = "New pods"
    ended: ClassVar = "Old pods deleted"
    ignored: ClassVar = frozenset(
        {"max_surge", "max_unavailable", "min_ready_s", "sync_latency_s", "pod_replacement_policy", "strategy"}
    )
    why_ignored: ClassVar = "all new pods are Ready before the switch, and all old ones go after it"

    scale_down_delay_s: Seconds = 30.0
    """From the switch until the old pods are deleted (scaleDownDelaySeconds). Default: Argo,
    spec.strategy.blueGreen."""

    @classmethod
    def require_simulated(cls, beside: Beside) -> None:
        """Refuse readiness gates, which ask for targets before the switch."""
        if beside.pod is not None and beside.pod.readiness_gate:
            raise complaint(found="'blue_green' is not simulated with pod.readiness_gate")

    @property
    def delay_key(self) -> str:
        """Return the key of the delay."""
        return "scale_down_delay_s"

    def unwise(self, deployment: DeploymentSpec) -> Iterator[Advice]:
        """Yield the advice that the new targets begin unchecked."""
        if deployment.replicas > 1:
            yield Advice(
                "blue_green.scale_down_delay_s",
                f"all {deployment.replicas} targets are swapped at once: until new ones are healthy the ALB sends to "
                "those that it has not forgotten yet, or to unchecked ones (fail-open)",
            )

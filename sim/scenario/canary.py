"""A canary: new pods behind a target group of their own, to which the listener's rule moves the traffic step by step.

Sources are named in short: Argo is argoproj/argo-rollouts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from sim.scenario.disruption import Beside, DisruptionSpec, require_one_deployment_of_ip_targets
from sim.scenario.fields import LONGEST_S, WHOLE, Seconds, Spec, complaint
from sim.scenario.problems import Advice
from sim.scenario.releases import first

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.deployment import DeploymentSpec

ABORT_DELAY_S = 30.0


class CanaryStepSpec(Spec):
    """One step: a weight, and how long it stays."""

    weight: Annotated[int, Field(ge=0, le=100), WHOLE]
    """The share of requests that go to the new pods (setWeight), in percent. Required."""
    pause_s: Seconds = 0.0
    """How long the next step waits (pause.duration)."""


class CanarySpec(DisruptionSpec):
    """The canary's steps, and what becomes of the pods that get no more traffic."""

    kind: ClassVar = "canary"
    noun: ClassVar = "canary"
    complete: ClassVar = "last pod deleted"
    started: ClassVar = "New pods"
    target_groups: ClassVar = 2
    ignored: ClassVar = frozenset({"max_surge", "max_unavailable", "pod_replacement_policy", "strategy", "partition"})
    why_ignored: ClassVar = "a canary has as many new pods as its weight asks for, beside all old ones"

    steps: tuple[CanaryStepSpec, ...] = Field(
        default=(CanaryStepSpec(weight=20, pause_s=60), CanaryStepSpec(weight=50, pause_s=60)), strict=False
    )
    """The steps before the promotion, at which the new pods get all requests. `[]`: blue/green by the listener's rule.
    Argo has no default; these are an example."""
    ping_pong: bool = False
    """Whether the two Services take turns in being the stable one (pingPong), so that the promotion changes no rule and
    no Service. false: at the promotion the stable Service's selector passes to the new pods, and the rule back to its
    target group, at one and the same moment. Default: Argo's."""
    scale_down_delay_s: Seconds = 30.0
    """From the promotion until the old pods are deleted (scaleDownDelaySeconds). Default: Argo, with trafficRouting."""
    verifies: bool = False
    """`--aws-verify-target-group`: whether Argo waits until the AWS API shows each new weight and, before the delay
    begins, the new targets of the stable Service. Argo looks every 10 s. Default: Argo's."""
    dynamic_stable_scale: bool = False
    """Whether the old pods become fewer with each weight, one sync after it, without a delay (dynamicStableScale). Argo
    refuses it beside `scale_down_delay_s`. Default: Argo's."""
    abort_after_step: Annotated[int, Field(ge=1, le=100), WHOLE] | None = None
    """The step after whose pause the rollout is aborted: the old pods get all requests again, the new ones go. null: it
    is not."""
    abort_scale_down_delay_s: Annotated[float, Field(gt=0, le=LONGEST_S)] | None = None
    """From the abort until the new pods are deleted (abortScaleDownDelaySeconds; its 0, which keeps them, is not
    simulated). With `dynamic_stable_scale` from when all old pods are back. null: 30 s, Argo's default, but with
    `dynamic_stable_scale` the new pods become fewer with their weight, without a delay."""

    @classmethod
    def require_simulated(cls, beside: Beside) -> None:
        """Refuse worker nodes as targets, several Deployments, other workloads, and controllers without weights."""
        require_one_deployment_of_ip_targets(cls.kind, beside)
        if beside.deployment is not None and beside.deployment.kind != "Deployment":
            raise complaint(found=f"{cls.kind!r} is not simulated with deployment.kind {beside.deployment.kind!r}")
        if beside.controller is not None and not beside.controller.forwards_by_weight:
            since = first(lambda release: release.forwards_by_weight)
            raise complaint(
                found=f"{cls.kind!r} needs target groups with weights, which controller.version "
                f"{beside.controller.version} does not know",
                hint=f"{since} brought them",
            )

    def require_end(self, beside: Beside) -> None:  # noqa: ARG002 - it depends on nothing else
        """Refuse what Argo refuses, and an abort after a step that there is not."""
        if self.dynamic_stable_scale and "scale_down_delay_s" in self.model_fields_set:
            raise complaint(
                key="scale_down_delay_s", found="a delay beside dynamic_stable_scale", hint="Argo refuses it"
            )
        if (self.abort_after_step or 0) > len(self.steps):
            raise complaint(
                key="abort_after_step",
                expected=f"at most {len(self.steps)}, the number of steps",
                found=str(self.abort_after_step),
            )

    @property
    def abort_delay_s(self) -> float:
        """Return how long new pods stay when an aborted canary needs them no more."""
        if self.abort_scale_down_delay_s is not None:
            return self.abort_scale_down_delay_s
        return 0.0 if self.dynamic_stable_scale else ABORT_DELAY_S

    @property
    def delay_key(self) -> str:
        """Return the key of the delay. There is none with `dynamic_stable_scale`, and after an abort it is another."""
        return "" if self.dynamic_stable_scale or self.abort_after_step else "scale_down_delay_s"

    def unwise(self, deployment: DeploymentSpec) -> Iterator[Advice]:
        """Yield advice on the promotion, or the abort."""
        if not self.ping_pong and self.abort_after_step is not None:
            yield Advice(
                "canary.ping_pong",
                f"at the abort the {deployment.replicas} old targets replace the new ones in the canary's target group "
                "while the rule still sends to it. What comes first meets no target, or unchecked ones; ping_pong "
                "avoids that",
            )
        elif not self.ping_pong:
            yield Advice(
                "canary.ping_pong",
                f"at the promotion the rule goes back to the stable target group while its {deployment.replicas} "
                "targets are swapped. What comes first meets no target, or unchecked ones; ping_pong avoids that",
            )

"""The Deployment's own rolling update, as a disruption. The keys are those of `deployment`.

Sources are named in short: K8s is kubernetes/kubernetes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sim.scenario.disruption import DisruptionSpec
from sim.scenario.fields import is_zero
from sim.scenario.problems import Advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.deployment import DeploymentSpec


class RolloutSpec(DisruptionSpec):
    """A rolling update of the Deployment."""

    kind: ClassVar = "rollout"
    noun: ClassVar = "rollout"
    complete: ClassVar = "rollout complete"
    started: ClassVar = "New pods"
    ended: ClassVar = "Old pods deleted"

    def unwise(self, deployment: DeploymentSpec) -> Iterator[Advice]:
        """Yield advice on the surge and the unavailability."""
        if deployment.kind == "StatefulSet" and "max_surge" in deployment.model_fields_set:
            yield Advice("deployment.max_surge", "has no effect on a StatefulSet, which never has more pods")
        elif is_zero(deployment.max_surge) and is_zero(deployment.max_unavailable):
            yield Advice(
                "deployment.max_unavailable",
                "zero like max_surge: the Deployment controller then takes one pod as unavailable (K8s "
                "ResolveFenceposts); the API server does not accept both as zero (K8s ValidateRollingUpdateDeployment)",
            )
        if deployment.unavailable == deployment.replicas:
            which = "the only pod is" if deployment.replicas == 1 else "all old pods may be"
            yield Advice(
                "deployment.max_unavailable",
                f"{which} deleted before a new one is ready: until then no target can answer",
            )

    def depends_on_pod_ends(self, deployment: DeploymentSpec) -> bool:
        """Return whether the rollout waits for deleted pods to be gone."""
        return deployment.waits_for_ends

"""The Deployment's own rolling update, as a disruption. Its keys are those of `deployment`.

Sources are named in short: K8s is kubernetes/kubernetes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sim.scenario.disruption import DisruptionSpec
from sim.scenario.problems import Advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.deployment import DeploymentSpec


class RolloutSpec(DisruptionSpec):
    """A rolling update of the Deployment."""

    kind: ClassVar = "rollout"

    def unwise(self, deployment: DeploymentSpec) -> Iterator[Advice]:
        """Yield advice on the surge and the unavailability."""
        if _is_zero(deployment.max_surge) and _is_zero(deployment.max_unavailable):
            yield Advice(
                "deployment.max_unavailable",
                "zero like max_surge: the Deployment controller then takes one pod as unavailable (K8s "
                "ResolveFenceposts); the API server does not accept both as zero (K8s ValidateRollingUpdateDeployment)",
            )
        if deployment.unavailable == deployment.replicas > 1:
            yield Advice(
                "deployment.max_unavailable",
                "all old pods may be deleted before a new one is ready: until then no target can answer",
            )

    def depends_on_pod_ends(self, deployment: DeploymentSpec) -> bool:
        """Return whether terminating pods count against the surge until they are gone."""
        return deployment.pod_replacement_policy == "TerminationComplete"


def _is_zero(value: int | str) -> bool:
    return value == 0 if isinstance(value, int) else int(value.removesuffix("%")) == 0

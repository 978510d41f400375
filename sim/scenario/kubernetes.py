"""The cluster's Kubernetes: its version, and how fast its parts may call the API server.

Sources are named in short: K8s is kubernetes/kubernetes, AMI awslabs/amazon-eks-ami.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from sim.scenario.fields import Count, Spec, complaint
from sim.scenario.problems import shown

if TYPE_CHECKING:
    from sim.scenario.deployment import DeploymentSpec

NEWEST = "v1.36"
POD_REPLACEMENT_POLICY_SINCE = 36
STATEFUL_SET_MAX_UNAVAILABLE_SINCE = 35
MinorVersion = Annotated[
    str,
    Field(
        pattern=r"^v1\.[1-9][0-9]$",
        examples=[f"v1.{minor}" for minor in range(21, 37)],
        json_schema_extra={"$comment": "'v1.10' to 'v1.99'"},
    ),
]
CallsPerSecond = Annotated[float, Field(gt=0, le=1e6)]

_KUBELET_LIMITS = ((27, 50.0, 100), (22, 10.0, 20), (0, 5.0, 10))
"""First minor version, calls per second and burst: K8s pull request 116121; AMI pull requests 1030 and 1241."""


def _kubelet_qps(given: dict[str, Any]) -> float:
    return _kubelet_limits(given)[0]


def _kubelet_burst(given: dict[str, Any]) -> int:
    return _kubelet_limits(given)[1]


def _kubelet_limits(given: dict[str, Any]) -> tuple[float, int]:
    since = minor(given.get("version", NEWEST))
    return next((qps, burst) for first, qps, burst in _KUBELET_LIMITS if since >= first)


def minor(version: str) -> int:
    """Return the minor version: 27 of v1.27."""
    return int(version.removeprefix("v1."))


class KubernetesSpec(Spec):
    """The rolled cluster's Kubernetes, as far as it has an effect on the time that things take."""

    version: MinorVersion = NEWEST
    """The minor version of the cluster and its nodes. The version sets the kubelet's limits below, and
    deployment.pod_replacement_policy needs v1.36. Default: the newest that the facts cover."""
    nodes: Count | None = None
    """Worker nodes on which the new pods start, spread evenly: those of one node share its kubelet's client. null: so
    many that no kubelet is ever held up."""
    kubelet_api_qps: CallsPerSecond = Field(default_factory=_kubelet_qps, json_schema_extra={"default": 50})
    """Calls per second of each kubelet's client (kubeAPIQPS). Default: EKS nodes', 5 before v1.22, 10 before v1.27
    (AMI), 50 since (K8s)."""
    kubelet_api_burst: Count = Field(default_factory=_kubelet_burst, json_schema_extra={"default": 100})
    """Calls that pass at once (kubeAPIBurst). Default: 10 before v1.22, 20 before v1.27, 100 since."""
    controller_manager_api_qps: CallsPerSecond = 20.0
    """Calls per second of kube-controller-manager's clients (`--kube-api-qps`), one for each controller. Default: K8s,
    in every version; whether EKS raises it is not published."""
    controller_manager_api_burst: Count = 30
    """Calls that pass at once (`--kube-api-burst`). Default: K8s."""

    def require_fields_of(self, deployment: DeploymentSpec | None) -> None:
        """Refuse a version without the fields that a Deployment, None if it is invalid itself, has set."""
        if deployment is None:
            return
        if deployment.pod_replacement_policy == "TerminationComplete":
            self._require(POD_REPLACEMENT_POLICY_SINCE, "with deployment.pod_replacement_policy")
        if deployment.kind == "StatefulSet" and deployment.unavailable > 1:
            hint = "an earlier one takes deployment.max_unavailable as 1"
            self._require(STATEFUL_SET_MAX_UNAVAILABLE_SINCE, "with several unavailable in a StatefulSet", hint)

    def _require(self, since: int, why: str, hint: str = "") -> None:
        if minor(self.version) < since:
            expected = f"v1.{since} or later {why}"
            raise complaint(key="version", expected=expected, found=shown(self.version), hint=hint)

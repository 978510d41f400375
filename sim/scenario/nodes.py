"""The worker nodes: their type, how many, in how many zones, and what a pod and the DaemonSets take of each.

Sources are named in short: AMI is awslabs/amazon-eks-ami; docs/facts/capacity.md §2.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from sim.scenario.fields import WHOLE, Count, Spec, complaint
from sim.scenario.instance_types import ON_HOST_NETWORK, InstanceType, instance_types
from sim.scenario.problems import did_you_mean, shown

Zones = Annotated[int, Field(ge=1, le=6), WHOLE]
Request = Annotated[int, Field(ge=0, le=100_000_000), WHOLE]
DaemonSetPods = Annotated[int, Field(ge=0, le=100), WHOLE]


class NodesSpec(Spec):
    """The worker nodes, on which a pod needs a place before it can start. All are alike."""

    instance_type: str
    """The EC2 instance type, such as c5.4xlarge. Required."""
    count: Count
    """How many nodes. Required."""
    zones: Zones = 3
    """Availability zones over which the nodes are spread evenly, with one subnet in each. Default: an assumption, as
    most clusters are built; no Region has more than six."""
    pod_cpu_m: Request = 0
    """CPU that a pod of the Deployment requests, in thousandths of a core. 0: none, and CPU limits nothing."""
    pod_memory_mib: Request = 0
    """Memory that a pod of the Deployment requests. 0: none, and memory limits nothing."""
    daemonset_pods: DaemonSetPods = 4
    """Pods of DaemonSets on each node, aws-node and kube-proxy among them, which take no address. Default: an
    assumption, these two, a CSI driver and a log shipper."""
    daemonset_cpu_m: Request = 300
    """CPU that the DaemonSets' pods request on each node, together. Default: an assumption."""
    max_pods: Count | None = None
    """The kubelet's maxPods. null: as EKS sets it, by the type's interfaces and addresses (AMI eni_max_pods.go), and
    with prefixes 110, or 250 above 30 vCPUs."""

    @field_validator("instance_type")
    @classmethod
    def _is_known(cls, name: str) -> str:
        known = instance_types()
        if name not in known:
            hint = did_you_mean(name, known)
            raise complaint(expected="an EC2 instance type such as 'c5.4xlarge'", found=shown(name), hint=hint)
        return name

    @property
    def type(self) -> InstanceType:
        """The instance type's limits."""
        return instance_types()[self.instance_type]

    @property
    def daemonset_addresses(self) -> int:
        """Addresses that the DaemonSets' pods take on each node."""
        return max(0, self.daemonset_pods - ON_HOST_NETWORK)

    def max_pods_with(self, *, prefixes: bool) -> int:
        """Return the kubelet's maxPods, with prefixes of addresses or without."""
        if self.max_pods is not None:
            return self.max_pods
        if prefixes and self.type.max_pods_prefix is not None:
            return self.type.max_pods_prefix
        return self.type.max_pods

    def limits(self, max_pods: int) -> dict[str, int]:
        """Return how many pods beside those of DaemonSets the scheduler puts on a node, by what limits them."""
        limits = {"max pods": max_pods - self.daemonset_pods}
        if self.pod_cpu_m and self.type.alloc_cpu_m is not None:
            limits["CPU"] = (self.type.alloc_cpu_m - self.daemonset_cpu_m) // self.pod_cpu_m
        if self.pod_memory_mib and self.type.alloc_memory_mib is not None:
            limits["memory"] = self.type.alloc_memory_mib // self.pod_memory_mib
        return {name: max(0, limit) for name, limit in limits.items()}

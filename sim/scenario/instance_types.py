"""The EC2 instance types: how many network interfaces and addresses each may have, how large it is, how many pods.

EC2 limits both the interfaces of an instance and the IPv4 addresses of each interface. On EKS every pod has an address
of the subnet, so these limits give the kubelet's max pods too.

Modelled: the table `eni_limits.csv` beside this file, whose head names the source of each column.

Left out: types with several network cards beyond their default card, and IPv6.

Sources: CNI is aws/amazon-vpc-cni-k8s, AMI awslabs/amazon-eks-ami; docs/facts/capacity.md §1 and §2.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

ON_HOST_NETWORK = 2
"""The number of pods without an address of the subnet: aws-node and kube-proxy (AMI eni_max_pods.go)."""


@dataclass(frozen=True, slots=True)
class InstanceType:
    """A type's limits. What the sources do not tell is None."""

    name: str
    max_enis: int
    ipv4_per_eni: int
    """The addresses of each interface, its primary address included, which no pod gets."""
    vcpus: int | None
    memory_mib: int | None
    max_pods: int
    """The most pods with secondary addresses."""
    max_pods_prefix: int | None
    """The most pods with prefix delegation. None for types that are not Nitro, to which EC2 gives no prefixes."""
    alloc_cpu_m: int | None
    """CPU for pods, in thousandths of a core, after what the kubelet and the system keep."""
    alloc_memory_mib: int | None
    """Memory for pods."""

    @property
    def slots_per_eni(self) -> int:
        """Places of an interface for pod addresses, or for prefixes."""
        return self.ipv4_per_eni - 1

    @property
    def family(self) -> str:
        """The name up to the dot: c5 of c5.4xlarge."""
        return self.name.partition(".")[0]

    @property
    def is_metal(self) -> bool:
        """Whether the type is a whole machine, which no autoscaler takes for a larger instance."""
        return ".metal" in self.name


@cache
def instance_types() -> dict[str, InstanceType]:
    """Return all types by name."""
    text = files("sim.scenario").joinpath("eni_limits.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {row["instance_type"]: _instance_type(row) for row in rows}


def _instance_type(row: dict[str, str]) -> InstanceType:
    return InstanceType(
        name=row["instance_type"],
        max_enis=int(row["max_enis"]),
        ipv4_per_eni=int(row["ipv4_per_eni"]),
        vcpus=_known(row["vcpus"]),
        memory_mib=_known(row["memory_mib"]),
        max_pods=int(row["max_pods"]),
        max_pods_prefix=_known(row["max_pods_prefix"]),
        alloc_cpu_m=_known(row["alloc_cpu_m"]),
        alloc_memory_mib=_known(row["alloc_memory_mib"]),
    )


def _known(cell: str) -> int | None:
    return int(cell) if cell else None

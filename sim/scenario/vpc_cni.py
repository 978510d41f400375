"""The Amazon VPC CNI: how many addresses each node keeps, and the subnets from which they come.

Sources are named in short: CNI is aws/amazon-vpc-cni-k8s, AWS the documentation of Amazon VPC; see
docs/facts/capacity.md §1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sim.scenario.distributions import DistributionField
from sim.scenario.fields import WHOLE, Seconds, Spec, complaint
from sim.scenario.lognormal import Lognormal

if TYPE_CHECKING:
    from sim.scenario.nodes import NodesSpec

RESERVED_PER_SUBNET = 5
"""The number of reserved addresses in a subnet: the first four and the last one (AWS, subnet sizing)."""
Target = Annotated[int, Field(ge=0, le=10_000), WHOLE]
Interfaces = Annotated[int, Field(ge=1, le=100), WHOLE]
PrefixLength = Annotated[int, Field(ge=16, le=28), WHOLE]
Addresses = Annotated[int, Field(ge=0, le=65_536), WHOLE]


class VpcCniSpec(Spec):
    """The VPC CNI's settings and its subnets, from which each node takes the addresses of its pods."""

    warm_eni_target: Target = 1
    """Interfaces' worth of free addresses that each node keeps (WARM_ENI_TARGET). Default: CNI."""
    warm_ip_target: Target | None = None
    """Free addresses that each node keeps (WARM_IP_TARGET), instead of warm_eni_target and warm_prefix_target. null or
    0: not set, as by default (CNI ipamd.go)."""
    minimum_ip_target: Target | None = None
    """Addresses that each node has at least (MINIMUM_IP_TARGET), with or without warm_ip_target. null or 0: not set."""
    prefix_delegation: bool = False
    """Take prefixes of 16 addresses instead of single ones (ENABLE_PREFIX_DELEGATION). Default: CNI."""
    warm_prefix_target: Target = 1
    """Prefixes' worth of free addresses that each node keeps, with prefix_delegation (WARM_PREFIX_TARGET). Default:
    CNI's manifest."""
    max_eni: Interfaces | None = None
    """Most interfaces of a node (MAX_ENI). null: what the instance type may have."""
    cooldown_s: Seconds = 30.0
    """How long a released address is not given to another pod (IP_COOLDOWN_PERIOD). Default: CNI data_store.go."""
    subnet_prefix_length: PrefixLength = 21
    """The size of each zone's subnet: 21 of a /21, which has 2,043 addresses. Default: an assumption. AWS takes 16 to
    28."""
    other_addresses: Addresses = 0
    """Addresses of each subnet that something else holds: load balancers, databases, another cluster."""
    assign_latency_s: DistributionField = Lognormal(median=0.5, p99=3)
    """How long AssignPrivateIpAddresses takes. Default: an assumption, nothing is published."""
    new_eni_latency_s: DistributionField = Lognormal(median=4, p99=12)
    """From CreateNetworkInterface until the interface is in service. Default: an assumption; CNI says up to 10 s."""

    @property
    def usable(self) -> int:
        """Addresses of a subnet that can be given to interfaces."""
        return int(2 ** (32 - self.subnet_prefix_length)) - RESERVED_PER_SUBNET

    def require_prefixes(self, nodes: NodesSpec) -> None:
        """Refuse prefixes for instances to which EC2 gives none."""
        if self.prefix_delegation and nodes.type.max_pods_prefix is None:
            raise complaint(
                key="prefix_delegation",
                expected="false",
                found="true",
                hint=f"EC2 gives prefixes to Nitro instances only, and {nodes.instance_type} is none",
            )

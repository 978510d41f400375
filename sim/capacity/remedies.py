"""What can be done when a subnet is full, and what each remedy gives.

Modelled: the remedies of the talk, each alone:
- fewer warm addresses;
- prefixes;
- another range for the pods;
- the next size of the same instance family: as many as have the same number of vCPUs together, with the same pods.

Left out: larger or more subnets, for which a VPC's range has to have room; how a cluster gets there.

Sources: docs/facts/capacity.md §1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from sim.scenario.fields import Spec
from sim.scenario.instance_types import InstanceType, instance_types

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.capacity.plan import Plan

S = TypeVar("S", bound=Spec)
WARM_ADDRESSES = 2
MOST_NODES = 10_000


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change, and the cluster after it."""

    name: str
    plan: Plan
    note: str = ""


def remedies(plan: Plan) -> tuple[Remedy, ...]:
    """Return the remedies, each alone."""
    return (*_warm_addresses(plan), *_prefixes(plan), *_another_range(plan), *_other_instances(plan))


def _warm_addresses(plan: Plan) -> Iterator[Remedy]:
    if plan.cni.warm_ip_target or plan.cni.minimum_ip_target:
        return
    minimum = plan.used_per_node
    cni = _changed(plan.cni, warm_ip_target=WARM_ADDRESSES, minimum_ip_target=minimum)
    name = f"WARM_IP_TARGET {WARM_ADDRESSES}, MINIMUM_IP_TARGET {minimum}"
    yield Remedy(name, replace(plan, cni=cni), "more EC2 calls")


def _prefixes(plan: Plan) -> Iterator[Remedy]:
    if plan.cni.prefix_delegation or plan.nodes.type.max_pods_prefix is None:
        return
    cni = _changed(plan.cni, prefix_delegation=True)
    yield Remedy("prefix delegation", replace(plan, cni=cni), "needs free blocks of 16")


def _another_range(plan: Plan) -> Iterator[Remedy]:
    if plan.custom_networking or (plan.cni.max_eni or plan.nodes.type.max_enis) < 2:  # noqa: PLR2004 - one for the node
        return
    after = replace(plan, custom_networking=True)
    elsewhere = after.nodes.count * after.pool.held
    yield Remedy("secondary CIDR, custom networking", after, f"{elsewhere:,} of the other range")


def _other_instances(plan: Plan) -> Iterator[Remedy]:
    sizes = [kind for kind in instance_types().values() if kind.family == plan.nodes.type.family and not kind.is_metal]
    by_size = sorted((kind for kind in sizes if kind.vcpus), key=lambda kind: (kind.vcpus, kind.memory_mib))
    for smaller, larger in pairwise(by_size):
        if larger == plan.nodes.type:
            yield from _instead(plan, smaller, "smaller")
        elif smaller == plan.nodes.type:
            yield from _instead(plan, larger, "larger")


def _instead(plan: Plan, other: InstanceType, size: str) -> Iterator[Remedy]:
    count = -(-plan.nodes.count * (plan.nodes.type.vcpus or 0) // (other.vcpus or 1))
    if not 0 < count <= MOST_NODES or (plan.cni.prefix_delegation and other.max_pods_prefix is None):
        return
    daemons = min(plan.pods_per_node, plan.nodes.daemonset_addresses)
    pods = plan.nodes.count * (plan.pods_per_node - daemons)
    nodes = _changed(plan.nodes, instance_type=other.name, count=count)
    after = replace(plan, nodes=nodes, pods_per_node=daemons + -(-pods // count))
    yield Remedy(f"{size} instances: {count:,} {other.name}", after, f"{after.pods_per_node} pods on each")


def _changed(spec: S, **values: object) -> S:
    return type(spec).model_validate(spec.model_dump(exclude_unset=True) | values)

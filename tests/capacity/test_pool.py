"""The settled pool: the CNI's own tables, the talk's, and the CNI's loop written out, pod by pod and step by step."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.capacity.pool import Limits, limits_of, settled
from sim.scenario.instance_types import instance_types
from sim.scenario.vpc_cni import VpcCniSpec

ENI = {"warm_eni_target": 1}
ONE = {"warm_ip_target": 1, "minimum_ip_target": 1}
TWO = {"warm_ip_target": 2, "minimum_ip_target": 5}
FIVE = {"warm_ip_target": 5, "minimum_ip_target": 10}
PREFIX = {"prefix_delegation": True}


def pool_of(name: str, given: dict[str, object], pods: int, max_pods: int | None = None) -> tuple[int, int, int]:
    """Return interfaces, slots and addresses held of a node of that type."""
    cni = VpcCniSpec.model_validate(given)
    kind = instance_types()[name]
    most = max_pods or (kind.max_pods_prefix if cni.prefix_delegation and kind.max_pods_prefix else kind.max_pods)
    pool = settled(limits_of(kind, cni, most), cni, pods)
    return pool.interfaces, pool.slots, pool.held


@pytest.mark.parametrize(
    ("name", "given", "rows"),
    [
        ("t3.small", ENI, {0: (1, 3), 5: (3, 9), 9: (3, 9)}),
        ("t3.small", ONE, {0: (1, 1), 5: (2, 6), 9: (3, 9)}),
        ("t3.small", TWO, {0: (2, 5), 5: (3, 7), 9: (3, 9)}),
        ("p3dn.24xlarge", ENI, {0: (1, 49), 3: (2, 98), 95: (3, 147)}),
        ("p3dn.24xlarge", FIVE, {0: (1, 10), 7: (1, 12), 15: (1, 20), 45: (2, 50)}),
        ("t3.small", PREFIX, {0: (1, 1), 5: (1, 2), 16: (1, 2), 17: (1, 3), 58: (2, 5)}),
        ("t3.small", PREFIX | ONE, {0: (1, 1), 5: (1, 1), 17: (1, 2), 58: (2, 4)}),
    ],
)
def test_the_tables_of_the_cni(name: str, given: dict[str, object], rows: dict[int, tuple[int, int]]) -> None:
    """CNI docs/eni-and-ip-target.md and docs/prefix-and-ip-target.md: pods to interfaces and secondaries."""
    assert {pods: pool_of(name, given, pods)[:2] for pods in rows} == rows


@pytest.mark.parametrize(
    ("name", "held"),
    [("c5.large", 20), ("c5.xlarge", 30), ("c5.2xlarge", 30), ("c5.4xlarge", 60), ("c5.9xlarge", 60)],
)
def test_the_table_of_the_talk(name: str, held: int) -> None:
    """From one pod on, up to an interface's worth of them; half of that without any pod."""
    full = instance_types()[name].ipv4_per_eni - 1
    assert pool_of(name, ENI, 1)[2] == pool_of(name, ENI, full)[2] == held
    assert pool_of(name, ENI, 0)[2] == held / 2
    assert pool_of(name, ENI, full + 1)[2] == 3 * held / 2


def test_the_remedies_of_the_facts_at_four_pods() -> None:
    assert pool_of("c5.4xlarge", TWO, 4)[2] == 7
    assert pool_of("c5.4xlarge", PREFIX, 4)[2] == 33


def test_a_minimum_without_a_warm_target_is_a_maximum_too() -> None:
    assert {pool_of("c5.4xlarge", {"minimum_ip_target": 10}, pods)[1] for pods in (0, 9, 10, 30)} == {10}


def test_max_eni_and_max_pods_end_it() -> None:
    assert pool_of("c5.4xlarge", {"max_eni": 2}, 100)[:2] == (2, 58)
    assert pool_of("c5.4xlarge", {}, 100, max_pods=110)[:2] == (4, 116)


def grown(limits: Limits, cni: VpcCniSpec, most_pods: int) -> list[tuple[int, int]]:
    """Run the loop of docs/facts/capacity.md §1, low() and grow(), until it rests after each pod that comes."""
    size = 16 if cni.prefix_delegation else 1
    warm, minimum = cni.warm_ip_target or 0, cni.minimum_ip_target or 0
    interfaces = [0]
    rests = []
    for pods in range(most_pods + 1):
        while True:
            total = size * sum(interfaces)
            assigned = min(pods, total)
            available = total - assigned
            if warm or minimum:
                short = max(warm - available, minimum - total, 0)
                low, need = short > 0, math.ceil(short / size)
            elif cni.prefix_delegation:
                target = cni.warm_prefix_target
                low = available < size * target or (target == 0 and available == 0)
                need = max(1, target - (sum(interfaces) - math.ceil(assigned / size)))
            else:
                target = cni.warm_eni_target
                low = available < limits.slots_per_interface * target or (target == 0 and available == 0)
                need = limits.slots_per_interface
            if not low or total >= limits.max_pods:
                break
            with_room = [place for place, used in enumerate(interfaces) if used < limits.slots_per_interface]
            if with_room:
                place = with_room[0]
                interfaces[place] += min(limits.slots_per_interface - interfaces[place], need)
            elif len(interfaces) < limits.interfaces:
                interfaces.append(min(need, limits.slots_per_interface))
            else:
                break
        rests.append((len(interfaces), sum(interfaces)))
    return rests


TARGET = st.none() | st.integers(0, 60)


@given(
    limits=st.builds(
        Limits,
        interfaces=st.integers(1, 8),
        slots_per_interface=st.integers(1, 30),
        max_pods=st.integers(1, 100),
    ),
    cni=st.builds(
        VpcCniSpec,
        warm_eni_target=st.integers(0, 4),
        warm_ip_target=TARGET,
        minimum_ip_target=TARGET,
        prefix_delegation=st.booleans(),
        warm_prefix_target=st.integers(0, 40),
    ),
)
def test_it_is_where_the_cnis_loop_rests(limits: Limits, cni: VpcCniSpec) -> None:
    most = limits.max_pods
    pools = [settled(limits, cni, pods) for pods in range(most + 1)]
    assert [(pool.interfaces, pool.slots) for pool in pools] == grown(limits, cni, most)

"""The talk's cluster, 65 c5.4xlarge with some four pods each, and what limits others. The sums are done by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.capacity.plan import Plan
from sim.capacity.remedies import Remedy, remedies
from sim.scenario.instance_types import instance_types
from sim.scenario.nodes import NodesSpec
from sim.scenario.vpc_cni import VpcCniSpec


def plan(pods: int = 4, *, cni: dict[str, object] | None = None, **nodes: object) -> Plan:
    """Return the talk's cluster, or another one."""
    spec = NodesSpec.model_validate({"instance_type": "c5.4xlarge", "count": 65} | nodes)
    return Plan(spec, VpcCniSpec.model_validate(cni or {}), pods)


@pytest.mark.parametrize(
    ("zones", "fits", "nodes_that_fit", "free"),
    [(1, False, 34, [2043 - 3900]), (2, True, 68, [63, 123]), (3, True, 102, [723, 723, 783])],
)
def test_the_talks_cluster(zones: int, fits: bool, nodes_that_fit: int, free: list[int]) -> None:  # noqa: FBT001
    """The cluster does not fit one /21; of two it leaves three nodes' room; three have plenty."""
    found = plan(zones=zones)
    assert found.held == 3900
    assert (found.fits, found.nodes_that_fit) == (fits, nodes_that_fit)
    assert [subnet.free for subnet in found.subnets] == free


def test_of_two_subnets_three_more_nodes_is_all() -> None:
    assert plan(zones=2, count=68).fits
    assert not plan(zones=2, count=69).fits


def test_a_second_equal_cluster_does_not_fit_three_subnets() -> None:
    assert not plan(zones=3).second_cluster_fits
    assert not plan(zones=3, count=130).fits
    assert plan(zones=3, count=51).second_cluster_fits
    assert not plan(zones=3, count=52).second_cluster_fits


def test_what_else_stands_in_a_subnet_takes_its_room() -> None:
    assert plan(zones=2, cni={"other_addresses": 63}).fits
    assert not plan(zones=2, cni={"other_addresses": 64}).fits
    assert plan(cni={"subnet_prefix_length": 28, "other_addresses": 20}).nodes_that_fit == 0


@pytest.mark.parametrize(("length", "usable"), [(24, 251), (21, 2043), (20, 4091), (19, 8187), (28, 11)])
def test_aws_keeps_five_addresses_of_a_subnet(length: int, usable: int) -> None:
    assert VpcCniSpec(subnet_prefix_length=length).usable == usable


@pytest.mark.parametrize(
    ("nodes", "limited_by", "most"),
    [
        ({}, "max pods", 230),
        ({"max_pods": 20}, "max pods", 16),
        ({"pod_cpu_m": 1000}, "CPU", 15),  # 15,890 less 300 for DaemonSets
        ({"pod_cpu_m": 1000, "pod_memory_mib": 2048}, "memory", 13),  # 27,322 of 2,048 each
    ],
)
def test_what_limits_the_pods_of_a_node(nodes: dict[str, object], limited_by: str, most: int) -> None:
    found = plan(**nodes)
    assert (found.limited_by, found.limits_per_node[limited_by]) == (limited_by, most)
    assert plan(most + 2, **nodes).nodes_have_room
    assert not plan(most + 3, **nodes).fits


def test_max_eni_leaves_max_pods_and_takes_addresses() -> None:
    found = plan(cni={"max_eni": 1})
    assert (found.max_pods, found.limited_by, found.limits_per_node["its addresses"]) == (234, "its addresses", 27)


def test_pods_that_fit_are_the_most_that_fit() -> None:
    """In a /21 each of 22 nodes may hold 92: three interfaces, 90, which 58 pods keep, two of them of DaemonSets."""
    assert plan().pods_that_fit == 65 * 56
    assert plan(58).fits
    assert not plan(59).fits


def test_pods_that_fit_are_none_where_not_even_empty_nodes_do() -> None:
    assert plan(zones=1).pods_that_fit == 0


def remedy(found: Plan, name: str) -> Remedy:
    """Return the only remedy whose name starts so."""
    (one,) = [other for other in remedies(found) if other.name.startswith(name)]
    return one


def test_what_each_remedy_gives_the_talks_cluster_in_one_subnet() -> None:
    one = plan(zones=1)
    held = {other.name: (other.plan.held, other.plan.fits) for other in remedies(one)}
    assert held == {
        "WARM_IP_TARGET 2, MINIMUM_IP_TARGET 4": (455, True),
        "prefix delegation": (2145, False),
        "secondary CIDR, custom networking": (65, True),
        "smaller instances: 130 c5.2xlarge": (3900, False),
        "larger instances: 29 c5.9xlarge": (1740, True),
    }


def test_another_range_takes_what_the_pods_need_and_one_interface_of_max_pods() -> None:
    found = remedy(plan(), "secondary CIDR")
    assert found.note == "3,900 of the other range"
    assert found.plan.max_pods == 7 * 29 + 2


def test_sizes_with_the_same_vcpus_are_told_apart_by_memory() -> None:
    """The talk's 11, 17 and 35 pods."""
    assert remedy(plan(instance_type="t3.medium"), "smaller").plan.max_pods == 11
    assert remedy(plan(instance_type="t3.medium"), "larger").plan.max_pods == 35


def test_other_instances_carry_the_same_pods() -> None:
    """Of four addresses on each of 65 nodes two are DaemonSets': 130 pods, over 29 nodes five each."""
    assert remedy(plan(), "larger").plan.pods_per_node == 5 + 2
    assert remedy(plan(1), "larger").plan.pods_per_node == 1


def test_what_is_set_already_or_cannot_be_is_no_remedy() -> None:
    names = [one.name for one in remedies(plan(instance_type="m4.large", cni={"warm_ip_target": 3, "max_eni": 1}))]
    assert names == ["larger instances: 33 m4.xlarge"]
    assert "prefix" not in " ".join(one.name for one in remedies(plan(cni={"prefix_delegation": True})))


CNI = st.builds(
    VpcCniSpec,
    warm_eni_target=st.integers(0, 2),
    warm_ip_target=st.none() | st.integers(0, 9),
    minimum_ip_target=st.none() | st.integers(0, 30),
    subnet_prefix_length=st.integers(16, 28),
    other_addresses=st.integers(0, 300),
)


@given(name=st.sampled_from(sorted(instance_types())), cni=CNI, zones=st.integers(1, 6), pods=st.integers(0, 300))
def test_as_many_nodes_fit_as_it_says_and_not_one_more(name: str, cni: VpcCniSpec, zones: int, pods: int) -> None:
    def with_nodes(count: int) -> Plan:
        return Plan(NodesSpec(instance_type=name, count=count, zones=zones), cni, pods)

    most = with_nodes(1).nodes_that_fit
    assert all(subnet.usable == subnet.other + subnet.held + subnet.free for subnet in with_nodes(9).subnets)
    if 0 < most < 10_000:
        assert with_nodes(most).fits is with_nodes(most).nodes_have_room
        assert not with_nodes(most + 1).fits
        assert with_nodes(most).pods_that_fit >= most * max(0, with_nodes(most).used_per_node - 2)
    for remedy in remedies(with_nodes(9)):
        assert remedy.plan.held == sum(subnet.held for subnet in remedy.plan.subnets) > 0

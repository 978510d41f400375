"""The table of instance types against what EC2 itself says of them (tests/capacity/data), and against the talk."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from sim.scenario.instance_types import instance_types

TYPES = instance_types()
TWO_CARDS = {"i7ie.48xlarge", "i7ie.metal-48xl", "i8ge.48xlarge", "i8ge.metal-48xl"}
"""Of these the CNI's table has other interfaces than EC2 gives the default card."""


def described() -> dict[str, dict[str, str]]:
    """Return what DescribeInstanceTypes says of the types that the table has too."""
    lines = (Path(__file__).parent / "data" / "describe_instance_types.csv").read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return {row["instance_type"]: row for row in rows if row["instance_type"] in TYPES}


def test_interfaces_and_addresses_are_ec2s() -> None:
    rows = described()
    assert len(rows) == 1368
    table = {name: (TYPES[name].max_enis, TYPES[name].ipv4_per_eni) for name in rows}
    ec2 = {name: (int(row["max_enis"]), int(row["ipv4_per_eni"])) for name, row in rows.items()}
    assert {name for name in rows if table[name] != ec2[name]} == TWO_CARDS


def test_sizes_are_ec2s() -> None:
    for name, row in described().items():
        assert (TYPES[name].vcpus, TYPES[name].memory_mib) == (int(row["vcpus"]), int(row["memory_mib"])), name


def test_prefixes_are_for_nitro_alone() -> None:
    """A bare-metal type has no hypervisor at all."""
    rows = described()
    xen = {name for name, row in rows.items() if row["hypervisor"] == "xen"}
    assert {name for name in rows if TYPES[name].max_pods_prefix is None and not TYPES[name].is_metal} == xen


@pytest.mark.parametrize(
    ("name", "max_pods"),
    [
        ("t3.small", 11),
        ("t3.medium", 17),
        ("t3.large", 35),
        ("c5.large", 29),
        ("c5.xlarge", 58),
        ("c5.2xlarge", 58),
        ("c5.4xlarge", 234),
    ],
)
def test_max_pods_of_the_talk(name: str, max_pods: int) -> None:
    assert TYPES[name].max_pods == max_pods


def test_max_pods_with_prefixes_as_eks_recommends() -> None:
    """16 for each place, but 110 up to 30 vCPUs and 250 above."""
    assert TYPES["t3.small"].max_pods_prefix == 110
    assert TYPES["t3.nano"].max_pods_prefix == 2 * 1 * 16 + 2
    assert TYPES["c5.9xlarge"].max_pods_prefix == 250
    assert TYPES["m4.large"].max_pods_prefix is None

"""Oracle: the arithmetic of docs/facts/capacity.md §1 for the talk's nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.capacity.advice import advise_on_addresses
from sim.scenario.loading import load_scenario

FOLDER = Path(__file__).parents[2] / "scenarios" / "capacity"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("one-zone", "65 nodes in a /21 of 2,043 addresses want 3,900 with their warm targets met: 1,857 are missing"),
        ("two-zones", "does not fit: in a /21 of 2,043 addresses this one holds 1,980 and leaves 63"),
        ("three-zones", "does not fit: in a /21 of 2,043 addresses this one holds 1,320 and leaves 723"),
        ("three-zones-second-cluster", "22 nodes in a /21 of 2,043 addresses want 1,320"),
        ("larger-subnet", None),
        ("warm-ip-target", None),
        ("surge-with-karpenter", None),
    ],
)
def test_subnets_too_small_for_one_cluster_or_for_two(name: str, said: str | None) -> None:
    advice = [*advise_on_addresses(load_scenario(FOLDER / f"{name}.yaml"))]
    if said is None:
        assert not advice
    else:
        (one,) = advice
        assert said in str(one)
        assert one.key == "vpc_cni.subnet_prefix_length"

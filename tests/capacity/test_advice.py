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
        (
            "one-zone",
            "want 65 * 60 = 3,900 addresses with their warm targets met, and a /21 has 2,043 for them",
        ),
        ("two-zones", "does not fit: of a /21 this one holds 1,980 addresses and leaves 63"),
        ("three-zones", "does not fit: of a /21 this one holds 1,320 addresses and leaves 723"),
        (
            "three-zones-second-cluster",
            "want 22 * 60 = 1,320 addresses with their warm targets met, and a /21 has 723 for them",
        ),
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


def test_full_nodes_are_no_lack_of_addresses() -> None:
    """Two nodes of 30 addresses in the fullest /21 of 2,043 leave room for many a cluster, whatever the surge needs."""
    full = load_scenario(FOLDER / "surge-without-autoscaler.yaml").with_overrides({"vpc_cni": {}})
    assert not [*advise_on_addresses(full)]


def test_all_deployments_that_are_rolled_at_once_hold_addresses() -> None:
    """A /28 has 11. 4 pods want a warm one and the interface's own, 6 in all; 12 a second interface, 15 in all."""
    one = load_scenario(FOLDER / "surge-without-autoscaler.yaml").with_overrides(
        {
            "deployment.replicas": 4,
            "deployment.max_surge": 0,
            "nodes": {"instance_type": "c5.large", "count": 1, "zones": 1, "daemonset_pods": 2},
            "vpc_cni": {"warm_ip_target": 1, "subnet_prefix_length": 28},
            "pod.readiness_gate": False,
        }
    )
    assert "want" not in str([*map(str, advise_on_addresses(one))])
    three = one.with_overrides({"deployment.rolled_at_once": 3, "controller.ingresses": 3})
    assert "want 1 * 15 = 15 addresses with their warm targets met, and a /28 has 11 for them" in str(
        [*map(str, advise_on_addresses(three))]
    )

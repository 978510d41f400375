"""The blocks `nodes` and `vpc_cni`: what is unwise in them is said, and what is wrong in them is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.scenario.advice import advise
from sim.scenario.problems import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.scenario.specs import Scenario


def test_a_minimum_without_warm_addresses_is_unwise(make_scenario: Callable[..., Scenario]) -> None:
    unwise = make_scenario(vpc_cni__minimum_ip_target=10)
    (advice,) = [one for one in advise(unwise) if one.key == "vpc_cni.warm_ip_target"]
    assert "never has more than 10 addresses" in str(advice)


def test_addresses_without_nodes_have_no_effect(make_scenario: Callable[..., Scenario]) -> None:
    said = {one.key: str(one) for one in advise(make_scenario(vpc_cni__warm_ip_target=2))}
    assert "has no effect without nodes" in said["vpc_cni"]


@pytest.mark.parametrize(
    ("unavailable", "said"),
    [
        (1, "6 nodes take 18 pods, limited by CPU, and 16 with a surge of 4 need 2 more: pods wait"),
        (0, "pods wait until old ones are gone"),
    ],
)
def test_a_surge_without_room_is_unwise(make_scenario: Callable[..., Scenario], unavailable: int, said: str) -> None:
    """c5.xlarge has 3,920 m, of which DaemonSets take 300."""
    nodes = {"instance_type": "c5.xlarge", "count": 6, "pod_cpu_m": 1000}
    scenario = make_scenario(deployment__replicas=16, deployment__max_unavailable=unavailable, nodes=nodes)
    (advice,) = [one for one in advise(scenario) if one.key == "nodes.count"]
    assert said in str(advice)
    assert "does not end" not in str(advice)


def test_a_surge_without_any_room_does_not_end(make_scenario: Callable[..., Scenario]) -> None:
    nodes = {"instance_type": "c5.xlarge", "count": 4, "pod_cpu_m": 1000}
    full = make_scenario(deployment__replicas=12, deployment__max_unavailable=0, nodes=nodes)
    (advice,) = [one for one in advise(full) if one.key == "nodes.count"]
    assert "with max_unavailable 0 none goes first: this rollout does not end" in str(advice)
    with_room = full.with_overrides({"nodes.count": 5})
    assert not [one for one in advise(with_room) if one.key == "nodes.count"]


@pytest.mark.parametrize("key", ["kubernetes__nodes", "node_drain__pods_per_node", "scale_in__nodes"])
def test_what_the_scheduler_says_is_not_said_twice(make_scenario: Callable[..., Scenario], key: str) -> None:
    scenario = make_scenario(nodes={"instance_type": "c5.large", "count": 3}, **{key: 2})
    assert "has no effect with nodes: the scheduler says" in " ".join(map(str, advise(scenario)))


@pytest.mark.parametrize(
    ("nodes", "vpc_cni", "message"),
    [
        (
            {"instance_type": "c5.large", "count": 1, "pod_cpu_m": 600},
            None,
            "nodes.count: expected enough nodes for 4 pods, with 2 on each, limited by CPU (got 1)",
        ),
        ({"instance_type": "c5.larg", "count": 3}, None, "did you mean 'c5.large'?"),
        ({"instance_type": "c5.large"}, None, "nodes.count: expected"),
        ({"instance_type": "m4.large", "count": 3}, {"prefix_delegation": True}, "vpc_cni.prefix_delegation: expected"),
    ],
)
def test_what_is_wrong_is_refused(
    make_scenario: Callable[..., Scenario], nodes: object, vpc_cni: object, message: str
) -> None:
    with pytest.raises(ScenarioError) as refused:
        make_scenario(nodes=nodes, vpc_cni=vpc_cni)
    assert message in str(refused.value)

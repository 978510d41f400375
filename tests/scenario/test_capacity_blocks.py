"""The blocks `nodes` and `vpc_cni`: a rollout knows nothing of them yet, and what is wrong in them is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sim.control_plane.sharing import control_plane_key
from sim.experiment.provenance import replication_key
from sim.scenario.advice import advise
from sim.scenario.problems import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.scenario.specs import Scenario

BLOCKS = {"nodes": {"instance_type": "c5.large", "count": 3}, "vpc_cni": {"warm_ip_target": 2}}


def test_results_and_control_planes_are_those_without_them(make_scenario: Callable[..., Scenario]) -> None:
    without, with_blocks = make_scenario(), make_scenario(**BLOCKS)
    assert control_plane_key(with_blocks) == control_plane_key(without)
    assert replication_key(with_blocks, 0, "sampled") == replication_key(without, 0, "sampled")
    assert BLOCKS.keys().isdisjoint(json.loads(control_plane_key(without)))


def test_a_minimum_without_warm_addresses_is_unwise(make_scenario: Callable[..., Scenario]) -> None:
    unwise = make_scenario(vpc_cni__minimum_ip_target=10)
    (advice,) = [one for one in advise(unwise) if one.key == "vpc_cni.warm_ip_target"]
    assert "never has more than 10 addresses" in str(advice)


def test_both_blocks_are_said_to_have_no_effect(make_scenario: Callable[..., Scenario]) -> None:
    scenario = make_scenario(**BLOCKS)
    said = {one.key: str(one) for one in advise(scenario)}
    assert "has no effect on the rollout yet" in said["nodes"]
    assert "has no effect on the rollout yet" in said["vpc_cni"]


@pytest.mark.parametrize(
    ("nodes", "vpc_cni", "message"),
    [
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

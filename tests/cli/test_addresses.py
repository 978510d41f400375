"""The command `addresses`: what it prints, draws and refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from sim.cli import main

if TYPE_CHECKING:
    from pathlib import Path

TALK = ("--instance-type", "c5.4xlarge", "--nodes", "65", "--pods-per-node", "4")
SCENARIO = """
name: talk
traffic: {arrival_rate_rps: 100}
deployment: {replicas: 200, max_surge: 25%}
"""
NODES = "nodes: {instance_type: c5.4xlarge, count: 65, zones: 2}\n"


def albsim(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments])


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "talk.yaml"
    path.write_text(SCENARIO + NODES)
    return path


def test_the_interfaces_json() -> None:
    found = json.loads(albsim("addresses", *TALK, "--format", "json").stdout)
    assert (found["per_node"]["held"], found["per_node"]["used"]) == (60, 4)
    assert found["subnets"][0] == {"nodes": 22, "usable": 2043, "other": 0, "held": 1320, "free": 723}
    assert (found["nodes_that_fit"], found["fits"], found["max_pods_per_node"]) == (102, True, 234)
    assert found["second_cluster"] == {"held": 7800, "fits": False}
    assert {"remedy", "held", "fits"} <= found["remedies"][0].keys()


def test_the_table_says_it_in_a_sentence() -> None:
    said = " ".join(albsim("addresses", *TALK, "--zones", "1").stdout.split())
    assert said.startswith(
        "It does not fit: 65 nodes of c5.4xlarge over 1 subnet of /21 hold 3,900 addresses, 60 each,"
    )
    assert "1 65 2,043 0 3,900 -1,857" in said
    assert "prefix delegation 2,145 33 no 61 110" in said


def test_a_scenario_brings_its_nodes_and_the_pods_of_its_rollout(scenario: Path) -> None:
    """250 pods with the surge over 65 nodes are four each, and two of DaemonSets."""
    found = json.loads(albsim("addresses", str(scenario), "--format", "json").stdout)
    assert (found["per_node"]["used"], len(found["subnets"]), found["nodes_that_fit"]) == (6, 2, 68)


def test_options_and_set_change_a_scenario(scenario: Path) -> None:
    arguments = ("addresses", str(scenario), "--format", "json", "--zones", "3", "--prefix-delegation")
    found = json.loads(albsim(*arguments, "--set", "nodes.count=10", "--set", "deployment.replicas=8").stdout)
    assert (len(found["subnets"]), found["nodes"], found["per_node"]["used"]) == (3, 10, 3)
    assert found["max_pods_per_node"] == 110


def test_set_alone_is_enough() -> None:
    sets = ("--set", "nodes.instance_type=t3.small", "--set", "nodes.count=2", "--set", "vpc_cni.warm_ip_target=1")
    found = json.loads(albsim("addresses", *sets, "--format", "json").stdout)
    assert (found["max_pods_per_node"], found["per_node"]["held"]) == (11, 3 + 1 + 2)


def test_what_the_figures_do_not_show_is_said() -> None:
    printed = albsim("addresses", "--instance-type", "t3.small", "--nodes", "4", "--pods-per-node", "12").stdout
    few = " ".join(printed.split())
    assert "note: 3 pods of each node get no address, however long they wait" in few
    assert "note: each node takes 7 pods beside those of DaemonSets, not 10: max pods limits them" in few


def test_it_draws(tmp_path: Path) -> None:
    picture = tmp_path / "addresses.svg"
    assert albsim("addresses", *TALK, "-o", str(picture)).exit_code == 0
    assert "<svg" in picture.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give a scenario with nodes, or --instance-type and --nodes"),
        (("--instance-type", "c5.4xlarge"), "nodes.count: expected a whole number"),
        (("--instance-type", "c5.4xlrge", "--nodes", "3"), "did you mean 'c5.4xlarge'?"),
        (
            ("--instance-type", "c5.large", "--nodes", "0"),
            "nodes.count: expected a whole number from 1 to 10000 (got 0)",
        ),
        ((*TALK, "--subnet-prefix-length", "8"), "vpc_cni.subnet_prefix_length: expected a whole number from 16 to 28"),
        ((*TALK, "--zones", "9"), "nodes.zones: expected a whole number from 1 to 6 (got 9)"),
        ((*TALK, "--pods-per-node", "-1"), "-1 is not in the range"),
        ((*TALK, "--warm-ip-target", "-2"), "vpc_cni.warm_ip_target: expected"),
        ((*TALK, "--set", "vpc_cni.warm_ip_targt=1"), "did you mean 'vpc_cni.warm_ip_target'?"),
        (("--instance-type", "m4.large", "--nodes", "2", "--prefix-delegation"), "m4.large is none"),
        ((*TALK, "-o", "picture.gif"), "must end in .png, .svg, .pdf"),
        (("no.yaml",), "cannot be read"),
        (("scenarios/baseline.yaml",), "nodes.instance_type: expected text (got nothing); this key is required"),
    ],
)
def test_wrong_input_ends_with_a_message_and_status_2(arguments: tuple[str, ...], message: str) -> None:
    result = albsim("addresses", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_subnet_without_room_for_a_load_balancer_is_said() -> None:
    """Each node holds 60: of 2,043 addresses 34 leave 3, and 33 leave 63."""
    one = ("--instance-type", "c5.4xlarge", "--pods-per-node", "4", "--zones", "1", "--nodes")
    assert "a new ALB needs 8 free addresses" in albsim("addresses", *one, "34").stdout
    assert "ALB" not in albsim("addresses", *one, "33").stdout

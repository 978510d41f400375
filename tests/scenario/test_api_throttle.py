"""Oracle: the vectors of pkg/aws/throttle/config_test.go for the flag's syntax."""

from __future__ import annotations

import pytest

from sim.scenario.actions import Action
from sim.scenario.api_throttle import overriding, parse_throttle
from sim.scenario.problems import ScenarioError

ELB = "Elastic Load Balancing v2"


def test_the_rules_of_a_flag() -> None:
    describe, create, ec2 = parse_throttle(f"{ELB}:^Describe=4.2:5,{ELB}:CreateRule=4.2:6,EC2:^Describe=4.2:7")
    assert (describe.service_id, describe.operation.pattern, describe.rate_per_s, describe.burst) == (
        ELB,
        "^Describe",
        4.2,
        5,
    )
    assert (create.burst, ec2.service_id, ec2.burst) == (6, "EC2", 7)


def test_a_part_of_the_operation_s_name_is_enough() -> None:
    (rule,) = parse_throttle(f"{ELB}:RegisterTargets|DeregisterTargets=8:40")
    assert rule.covers(Action.REGISTER_TARGETS)
    assert rule.covers(Action.DEREGISTER_TARGETS)
    assert not rule.covers(Action.DESCRIBE_TARGET_HEALTH)
    (rule,) = parse_throttle("EC2:Describe=1:1")
    assert not rule.covers(Action.DESCRIBE_RULES)


@pytest.mark.parametrize(
    "flag",
    [
        "",
        "a=b=c",
        "EC2:b:c=4.2:5",
        "EC2:b=4.2:5:6",
        "EC2:^[Describe=4.2:5",
        "EC2:^Describe=4.x:5",
        "EC2:^Describe=4.2:5x",
        "EC2:^Describe=0:5",
        "EC2:^Describe=nan:5",
        "EC2:^Describe=1:0",
        "elasticloadbalancing:RegisterTargets=4:20",
    ],
)
def test_what_is_not_the_syntax_is_refused_with_the_rule_named(make_scenario, flag: str) -> None:
    with pytest.raises(ScenarioError) as error:
        make_scenario(controller__version="v2.4", controller__aws_api_throttle=flag)
    (problem,) = error.value.problems
    assert problem.key == "controller.aws_api_throttle"
    assert "RegisterTargets|DeregisterTargets=4:20" in problem.expected
    assert flag.split(":", maxsplit=1)[0] in problem.hint


@pytest.mark.parametrize(
    ("version", "flag"),
    [
        ("v1.1.9", {"controller__aws_api_throttle": "EC2:.*=1:1"}),
        ("v1.1.9", {"controller__max_backoff_s": 10}),
        ("v2.2.0", {"controller__max_backoff_s": 10}),
    ],
)
def test_earlier_releases_have_no_such_flag(make_scenario, version: str, flag: dict) -> None:
    with pytest.raises(ScenarioError, match=f"{version} has no such flag; v2"):
        make_scenario(controller__version=version, **flag)
    make_scenario(controller__version="v2.2.1", **flag)


def test_a_rule_replaces_all_defaults_of_its_service_and_of_no_other() -> None:
    defaults = parse_throttle(f"{ELB}:^Register=4:20,{ELB}:.*=10:40,WAFV2:^Get=1:1")
    given = parse_throttle(f"{ELB}:Describe=5:5")
    assert [(r.service_id, r.operation.pattern) for r in overriding(defaults, given)] == [
        ("WAFV2", "^Get"),
        (ELB, "Describe"),
    ]
    assert overriding(defaults, ()) == defaults


@pytest.mark.parametrize(("version", "workers"), [("v1.1.9", 1), ("v2.0", 3), ("v3.2.1", 3)])
def test_workers_by_default(make_scenario, version: str, workers: int) -> None:
    assert make_scenario(controller__version=version).controller.max_concurrent_reconciles == workers

"""Oracles: docs/facts (controller.md §2 to §4, logs.md §2 and §3, manifests.md §1), by fact instead of by release.

And go.mod at every tag that was released: `released.csv` has the tags of kubernetes-sigs/aws-load-balancer-controller
and the AWS SDK that each one's go.mod requires. And the SDK's own words: 0 attempts are any number.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sim.scenario.actions import Action, Service
from sim.scenario.problems import ScenarioError
from sim.scenario.releases import RELEASES, LoadBalancerControllerRelease, release_of, version_number
from sim.scenario.sequences import Call, ForEach, Step, Tags

with (Path(__file__).parent / "released.csv").open(encoding="utf-8") as lines:
    SDK_OF = {row["version"]: row["sdk"] for row in csv.DictReader(lines)}
WAF_REGIONAL = Action.WAF_REGIONAL_GET_WEB_ACL_FOR_RESOURCE
WAFV2 = Action.WAFV2_GET_WEB_ACL_FOR_RESOURCE

BOUNDARIES: dict[str, list[tuple[str, Any]]] = {
    "retryer": [
        ("v1.1.0", "aws-sdk-go-1.12"),
        ("v1.1.3", "aws-sdk-go-1.23.13"),
        ("v1.1.5", "aws-sdk-go-1.23.22"),
        ("v2.9.0", "aws-sdk-go-v2"),
    ],
    "aws_max_retries_counts_attempts": [("v1.1.0", False), ("v2.9.0", True)],
    "has_readiness_gates": [("v1.1.0", False), ("v1.1.6", True)],
    "has_workers_flag": [("v1.1.0", False), ("v1.1.3", True)],
    "workers": [("v1.1.0", 1), ("v2.0.0", 3)],
    "shares_requeue_bucket": [("v1.1.0", True), ("v2.2.1", False)],
    "pauses_worker": [("v1.1.0", True), ("v2.3.0", False)],
    "sync_period_s": [("v1.1.0", 3600), ("v2.5.4", 36_000)],
    "resyncing_informers": [("v1.1.0", 2), ("v2.0.0", 1), ("v2.5.4", 2)],
    "enqueues_namespace": [("v1.1.0", True), ("v1.1.6", False)],
    "enqueues_on_containers_ready": [("v1.1.0", False), ("v1.1.7", True)],
    "enqueues_on_cordon": [("v1.1.0", False), ("v1.1.6", True)],
    "throttles_attempts": [("v2.0.0", True), ("v2.9.0", False)],
    "deregisters_without_network": [("v2.0.0", False), ("v2.6.2", True)],
    "passes_over_unchanged": [("v2.0.0", False), ("v2.9.1", True)],
    "remembers_checks": [("v2.0.0", False), ("v2.13.3", True)],
    "polls_steadily": [("v2.0.0", False), ("v2.9.1", True)],
    "names_sdk_in_user_agent": [("v1.1.0", True), ("v3.3.0", False)],
    "names_itself_in_user_agent": [("v1.1.0", False), ("v2.0.0", True)],
    "reads_annotations": [
        ("v1.1.0", set()),
        ("v2.0.0", {"group.name"}),
        ("v2.2.0", {"group.name", "ssl-redirect"}),
        ("v2.10.0", {"group.name", "ssl-redirect", "multi-cluster-target-group"}),
    ],
    "heeds_marks": [
        ("v1.1.0", set()),
        ("v1.1.6", {"cordon", "label"}),
        ("v2.0.0", {"label"}),
        ("v2.1.1", {"label", "cluster_autoscaler_taint"}),
    ],
    "logs_times_as_iso": [("v2.0.0", False), ("v2.5.0", True)],
    "logs_targets_after_call": [("v2.0.0", False), ("v2.13.0", True)],
    "lets_class_set_target_type": [("v2.0.0", False), ("v2.13.0", True)],
    "has_priority_queue": [("v2.0.0", False), ("v3.2.0", True)],
    "hears_of_gated_pods": [("v2.0.0", False), ("v3.4.0", True)],
}
CALLS: dict[Action | Step | Tags, list[tuple[str, int]]] = {
    WAF_REGIONAL: [("v1.1.0", 1), ("v2.8.2", 0)],
    WAFV2: [("v1.1.0", 0), ("v1.1.7", 1), ("v2.8.2", 0)],
    Action.DESCRIBE_VPCS: [("v1.1.0", 0), ("v1.1.2", 1), ("v2.0.0", 0)],
    Action.DESCRIBE_SUBNETS: [("v1.1.0", 1), ("v2.0.0", 0)],
    Action.GET_RESOURCES: [("v1.1.0", 3), ("v1.1.3", 1), ("v2.0.0", 0)],
    Action.DESCRIBE_SECURITY_GROUPS: [("v1.1.0", 2), ("v1.1.3", 4), ("v2.0.0", 2)],
    Action.DESCRIBE_INSTANCES: [("v1.1.0", 1), ("v1.1.3", 0)],
    Action.DESCRIBE_LISTENER_ATTRIBUTES: [("v1.1.0", 0), ("v2.10.1", 1)],
    Step.FIND_BACKEND_GROUP: [("v1.1.0", 0), ("v2.3.0", 1)],
    Tags.LISTENERS: [("v1.1.0", 0), ("v2.2.0", 1)],
    Tags.RULES: [("v1.1.0", 0), ("v2.2.0", 1)],
    Step.MODIFY_RULE: [("v1.1.0", 0), ("v1.1.5", 1)],
}
"""How often a reconcile of an ingress with one target group and one listener makes each call."""


def _in_force(boundaries: list[tuple[str, Any]], version: str) -> Any:
    return [value for since, value in boundaries if version_number(since) <= version_number(version)][-1]


def _flat(version: str) -> list[Call | Tags | Step]:
    parts = release_of(version).sequence
    return [step for part in parts for step in (part.steps if isinstance(part, ForEach) else (part,))]


@pytest.mark.parametrize("version", SDK_OF)
def test_every_release_that_exists_is_as_the_facts_say(version: str) -> None:
    release = release_of(version)
    known = {name: getattr(release, name) for name in BOUNDARIES if hasattr(release, name)}
    assert known == {name: _in_force(BOUNDARIES[name], version) for name in known}
    assert ("throttles_attempts" in known) != ("enqueues_namespace" in known)
    assert release.sdk == SDK_OF[version]


@pytest.mark.parametrize("version", SDK_OF)
def test_every_release_that_exists_makes_the_calls_of_the_facts(version: str) -> None:
    steps = [step.action if isinstance(step, Call) else step for step in _flat(version)]
    assert {call: steps.count(call) for call in CALLS} == {call: _in_force(CALLS[call], version) for call in CALLS}


def test_of_what_each_release_remembers() -> None:
    assert release_of("v1.1.1").keeps_answers_s[Action.DESCRIBE_TARGET_HEALTH] == 300
    assert release_of("v1.1.1").keeps_answers_s[Action.GET_RESOURCES] == 3600
    for version in ("v1.1.2", "v1.1.4"):
        assert release_of(version).keeps_answers_s == {}
    for version in ("v1.1.5", "v1.1.9"):
        assert release_of(version).keeps_answers_s == {WAF_REGIONAL: 600, WAFV2: 600}
    for version in ("v2.0", "v2.7.0"):
        assert release_of(version).keeps_answers_s == {WAF_REGIONAL: 600, WAFV2: 600}
    for version in ("v2.7.1", "v3.5"):
        assert release_of(version).keeps_answers_s == {WAF_REGIONAL: 600, WAFV2: 600, Action.DESCRIBE_TAGS: 1200}


@pytest.mark.parametrize(("version", "reads"), [("v2.0.0", False), ("v2.3.0", False), ("v2.3.1", True), ("v3.5", True)])
def test_since_which_release_a_registration_reads_the_vpc(version: str, *, reads: bool) -> None:
    release = release_of(version)
    assert isinstance(release, LoadBalancerControllerRelease)
    assert (Step.READ_VPC in release.binding_sequence) == reads


def test_each_row_is_a_release_that_exists_and_changes_something() -> None:
    numbers = [version_number(release.since) for release in RELEASES]
    assert numbers == sorted(set(numbers))
    assert set(numbers) <= set(map(version_number, SDK_OF))
    for before, now in pairwise(RELEASES):
        assert replace(now, since=before.since) != before


def test_every_action_names_a_service_and_an_operation() -> None:
    assert {action.service for action in Action} == set(Service)
    assert Action.DESCRIBE_VPCS == "ec2:DescribeVpcs"
    assert (Action.DESCRIBE_VPCS.service, Action.DESCRIBE_VPCS.operation) == (Service.EC2, "DescribeVpcs")
    writes = {action.operation for action in Action if not action.is_read and action.service is not Service.EC2}
    assert writes == {"RegisterTargets", "DeregisterTargets", "ModifyRule"}


@pytest.mark.parametrize(
    ("version", "flag", "expected"),
    [
        ("v1.1.4", 10, 10),
        ("v1.1.9", 0, 0),
        ("v2.8.0", 10, 10),
        ("v2.8.3", 0, 0),
        ("v2.9", 10, 9),
        ("v2.9.0", 1, 0),
        ("v3.0.0", 2, 1),
        ("v2.9.0", 0, None),
        ("v3.2", 0, None),
    ],
)
def test_the_flag_counts_retries_and_since_2_9_attempts(version: str, flag: int, expected: int | None) -> None:
    assert release_of(version).retries(flag) == expected


def test_a_first_release_may_be_named_without_its_patch() -> None:
    assert version_number("v2.4") == version_number("v2.4.0") == (2, 4, 0)
    assert version_number("v2.13.4") > version_number("v2.9.1")
    assert release_of("v2.13.4") is release_of("v2.14")


@pytest.mark.parametrize("version", ["fixed_lag", "", "1.1.4", "v1", "v1.0.9", "v1.1.4-beta", "v1.1.4\n"])
def test_what_is_no_version_is_named(version: str) -> None:
    with pytest.raises(ValueError, match="'version' must be a controller version") as caught:
        release_of(version)
    assert repr(version) in str(caught.value)


def test_with_fixed_lags_nothing_is_retried(make_scenario) -> None:
    assert make_scenario(controller__version="fixed_lag", controller__deregistration_lag_s=1).controller.retries == 0


def test_published_has_waits_for_eight_attempts_but_not_for_any_number(make_scenario) -> None:
    published = {"aws_api__retryer": "published", "controller__version": "v2.9"}
    assert make_scenario(**published, controller__aws_max_retries=8).controller.retries == 7
    with pytest.raises(ScenarioError, match="waits for 8 retries"):
        make_scenario(**published, controller__aws_max_retries=9)
    with pytest.raises(ScenarioError, match="waits for retries without end"):
        make_scenario(**published, controller__aws_max_retries=0)

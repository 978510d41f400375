"""Changes by dotted key: made in what was given, validated as a whole, with the messages of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sim.scenario.distributions import Exponential
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import PodSpec, Scenario
from sim.scenario.variations import parse_assignment

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE = Scenario.model_validate(
    {
        "name": "x",
        "traffic": {"arrival_rate_rps": 100, "service_time_s": 0.1},
        "deployment": {"replicas": 4},
        "pod": {"pre_stop_sleep_s": 40},
        "target_group": {"health_check": None},
        "aws_api": {"other_clusters": [{"ingresses": 3}, {"ingresses": 4, "controller": {"version": "v1.1.4"}}]},
    }
)


def at(scenario: Scenario, key: str) -> object:
    """Return the value of a dotted key."""
    value: object = scenario
    for step in key.split("."):
        value = value[int(step)] if isinstance(value, tuple) else getattr(value, step)
    return value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", 0),
        ("name", "other"),
        ("pod.pre_stop_sleep_s", 20),
        ("pod.on_sigterm", "drain"),
        ("deployment.max_surge", "50%"),
        ("controller.version", "v1.1.4"),
        ("target_group.propagation_s.p95", 30),
        ("endpoints.propagation_s.max", 1),
        ("traffic.service_time_s.value", 3),
        ("aws_api.buckets.elbv2_describe.refill_per_s", 50),
        ("aws_api.other_clusters.1.controller.aws_max_retries", 4),
        ("aws_api.other_clusters.0.churn_per_s", 0.5),
        ("target_group.health_check.interval_s", 5),
    ],
)
def test_any_key_can_be_changed_and_nothing_else_is(key: str, value: object) -> None:
    changed = BASE.with_overrides({key: value})
    assert at(changed, key) == value
    group = key.split(".", maxsplit=1)[0]
    assert changed.model_dump(exclude={group}) == BASE.model_dump(exclude={group})
    assert BASE.pod.pre_stop_sleep_s == 40


def test_the_other_half_of_a_bucket_and_of_a_distribution_keeps_its_default() -> None:
    changed = BASE.with_overrides({"aws_api.buckets.elbv2_describe.refill_per_s": 50, "endpoints.propagation_s.p99": 2})
    assert changed.aws_api.buckets.elbv2_describe.capacity == 40
    assert changed.endpoints.propagation_s.model_dump(exclude_unset=True) == {
        "dist": "lognormal",
        "median": 0.05,
        "p99": 2,
    }


@pytest.mark.parametrize(
    "law", [{"dist": "exponential", "mean": 3}, Exponential(mean=3), 3, np.float64(3), np.int64(3)]
)
def test_a_distribution_can_be_replaced_whole(law: object) -> None:
    changed = BASE.with_overrides({"traffic.service_time_s": law})
    assert changed.traffic.service_time_s.mean() == pytest.approx(3)


def test_a_group_can_be_replaced_whole() -> None:
    assert BASE.with_overrides({"pod": {"on_sigterm": "drain"}}).pod == PodSpec(on_sigterm="drain")


def test_changes_are_made_in_their_order() -> None:
    changed = BASE.with_overrides({"pod": {}, "pod.pre_stop_sleep_s": 3})
    assert changed.pod == PodSpec(pre_stop_sleep_s=3)


def test_a_change_to_fixed_lag_and_back() -> None:
    fixed = BASE.with_overrides({"controller.version": "fixed_lag", "controller.deregistration_lag_s": 3})
    assert fixed.controller.registration_lag_s is not None
    assert fixed.controller.registration_lag_s.mean() == 0
    back = fixed.with_overrides({"controller.version": "v1.1.9", "controller.deregistration_lag_s": None})
    assert back.controller.registration_lag_s is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"pod.pre_stop_slep_s": 3}, "pod.pre_stop_slep_s: unknown key; did you mean 'pod.pre_stop_sleep_s'?"),
        ({"pdo.pre_stop_sleep_s": 3}, "pdo: unknown key; did you mean 'pod'?"),
        ({"pod.pre_stop_sleep_s": -1}, "pod.pre_stop_sleep_s: expected a number from 0 to 1e9 (got -1)"),
        ({"pod.pre_stop_sleep_s": True}, "pod.pre_stop_sleep_s: expected a number from 0 to 1e9 (got true)"),
        ({"pod.pre_stop_sleep_s": np.nan}, "pod.pre_stop_sleep_s: expected a number from 0 to 1e9 (got nan)"),
        ({"pod.pre_stop_sleep_s.x": 3}, "pod.pre_stop_sleep_s: expected a number from 0 to 1e9 (got a mapping)"),
        ({"name.x": 3}, "name.x: expected a mapping to set 'x' in (got 'x')"),
        ({"aws_api.other_clusters.2.ingresses": 3}, "expected a mapping to set '2' in (got a list)"),
        ({"endpoints.propagation_s.sigma": 1}, "with one of p75, p90, p95, p99, p999; or mean with sigma (got median"),
        ({"traffic.service_time_s.mean": 1}, "traffic.service_time_s.mean: unknown key"),
        ({"deployment": None}, "deployment: expected a mapping (got null)"),
        ({"": 3}, "unknown key"),
        ({"controller.deregistration_lag_s": 3}, "it is for fixed_lag only"),
        ({"pod": object()}, "pod: expected a mapping (got object <object"),
    ],
)
def test_a_wrong_change_is_refused_like_a_wrong_file(changes: Mapping[str, object], problem: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        BASE.with_overrides(changes)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("pod.pre_stop_sleep_s=20", "pod.pre_stop_sleep_s", 20),
        (" a = 1e3 ", "a", 1000.0),
        ("a=null", "a", None),
        ("a=true", "a", True),
        ("a=25%", "a", "25%"),
        ("a=b=c", "a", "b=c"),
        ("a={dist: uniform, low: 1, high: 2}", "a", {"dist": "uniform", "low": 1, "high": 2}),
        ("a=[1, 2]", "a", [1, 2]),
        ("a=''", "a", ""),
    ],
)
def test_an_assignment_is_a_key_and_yaml(text: str, key: str, value: object) -> None:
    assert parse_assignment(text) == (key, value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("pod.x", "--set pod.x: expected KEY=VALUE (got no value)"),
        ("a=", "--set a: expected KEY=VALUE (got no value)"),
        ("=3", "--set : expected KEY=VALUE (got no key)"),
        ("", "expected KEY=VALUE (got no key)"),
        ("a={", "--set a:1: not valid YAML"),
        ("a=# x", "expected one value in YAML (got 0 documents)"),
        ("a=!x 3", "expected a value without a tag"),
        ("a={b: 1, b: 2}", "b: given twice"),
        (f"a={'[' * 10_000}", "nested more than 20 deep"),
    ],
)
def test_a_wrong_assignment_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_assignment(text)
    assert problem in str(caught.value)

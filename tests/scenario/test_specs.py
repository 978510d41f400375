"""The specs: what is frozen, what is computed, what is not simulated yet, and that any valid one survives a dump."""

from __future__ import annotations

import json
import math
import pickle
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from sim.control_plane.aws.retryers import RETRYERS
from sim.scenario.aws_api import BucketName
from sim.scenario.loading import load_scenario
from sim.scenario.problems import NOT_IN_A_NAME, ScenarioError
from sim.scenario.retryers import RetryerName
from sim.scenario.specs import BucketsSpec, DeploymentSpec, Scenario

REQUIRED = {"name": "x", "traffic": {"arrival_rate_rps": 100}, "deployment": {"replicas": 4}}
MINIMAL = Scenario.model_validate(REQUIRED)


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        MINIMAL.pod.pre_stop_sleep_s = 3  # type: ignore[misc]


@pytest.mark.parametrize("key", ["ingresses", "target_groups"])
def test_another_cluster_s_controller_says_nothing_of_its_ingresses(key: str) -> None:
    with pytest.raises(ScenarioError, match=rf"other_clusters\.0\.controller\.{key}: expected 1 \(got 2\)"):
        MINIMAL.with_overrides({"aws_api.other_clusters": [{"controller": {key: 2}}]})


def test_a_sync_period_of_less_than_a_second_is_refused_but_not_none() -> None:
    """Every millisecond, that would be a thousand reconciles of everything for each simulated second."""
    assert MINIMAL.with_overrides({"controller.sync_period_s": 0}).controller.sync_period_s == 0
    with pytest.raises(ScenarioError, match=r"sync_period_s: expected 0 for never, or at least 1 s \(got 0\.001\)"):
        MINIMAL.with_overrides({"controller.sync_period_s": 0.001})


def test_the_names_are_those_that_the_model_has() -> None:
    assert set(get_args(RetryerName)) == set(RETRYERS)
    assert set(get_args(BucketName)) == set(BucketsSpec.model_fields)


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (10, "25%", "25%", (3, 2)),  # facts: 13 pods at most, 8 at least
        (4, "25%", "25%", (1, 1)),
        (3, "25%", "25%", (1, 0)),
        (200, "25%", "25%", (50, 50)),
        (10, 3, 0, (3, 0)),
        (10, 0, 0, (0, 1)),
        (3, "0%", "25%", (0, 1)),  # rounds down to zero
        (10, "150%", "100%", (15, 10)),
        (10, 0, 40, (0, 10)),
        (7, "100%", 0, (7, 0)),
    ],
)
def test_surge_is_rounded_up_and_unavailability_down(
    replicas: int, surge: int | str, unavailable: int | str, expected: tuple[int, int]
) -> None:
    deployment = DeploymentSpec(replicas=replicas, max_surge=surge, max_unavailable=unavailable)
    assert (deployment.surge, deployment.unavailable) == expected


@given(st.integers(1, 150_000), st.integers(0, 9999), st.integers(0, 100))
def test_percentages_are_exact_at_any_size(replicas: int, surge: int, unavailable: int) -> None:
    deployment = DeploymentSpec(replicas=replicas, max_surge=f"{surge}%", max_unavailable=f"{unavailable}%")
    assert deployment.surge == math.ceil(Fraction(surge * replicas, 100))
    rounded_down = math.floor(Fraction(unavailable * replicas, 100))
    assert deployment.unavailable == (1 if rounded_down == 0 and surge == 0 else rounded_down)


versions = st.sampled_from([f"v1.1.{patch}" for patch in range(10)])
times = st.floats(0, 1e6) | st.integers(0, 1000)
laws = times | st.one_of(
    st.fixed_dictionaries({"dist": st.just("uniform"), "low": st.floats(0, 5), "high": st.floats(5, 9)}),
    st.fixed_dictionaries({"dist": st.just("exponential"), "mean": st.floats(0.1, 9)}, optional={"max": st.just(3)}),
    st.fixed_dictionaries({"dist": st.just("lognormal"), "median": st.floats(0.1, 1), "p99": st.floats(2, 9)}),
    st.fixed_dictionaries({"dist": st.just("gamma"), "shape": st.floats(0.1, 9), "scale": st.floats(0.1, 9)}),
    st.fixed_dictionaries({"dist": st.just("empirical"), "values": st.lists(st.floats(0, 9), min_size=1)}),
)
controllers = st.fixed_dictionaries(
    {}, optional={"version": versions, "aws_max_retries": st.integers(0, 20), "listeners": st.integers(1, 9)}
) | st.fixed_dictionaries({"version": st.just("fixed_lag"), "deregistration_lag_s": laws})
pods = st.integers(0, 100) | st.integers(0, 100).map("{}%".format)
scenarios = st.fixed_dictionaries(
    {
        "name": st.from_regex(f"{NOT_IN_A_NAME.replace('[', '[^', 1)}{{1,20}}", fullmatch=True),
        "traffic": st.fixed_dictionaries({"arrival_rate_rps": st.floats(0.1, 1e6)}, optional={"service_time_s": laws}),
        "deployment": st.fixed_dictionaries(
            {"replicas": st.integers(1, 10_000)},
            optional={"max_surge": pods, "max_unavailable": pods, "sync_latency_s": laws},
        ),
    },
    optional={
        "description": st.text(),
        "seed": st.integers(0, 2**63 - 1),
        "pod": st.fixed_dictionaries({}, optional={"startup_s": laws, "pre_stop_sleep_s": times}),
        "controller": controllers,
        "aws_api": st.fixed_dictionaries(
            {},
            optional={
                "buckets": st.fixed_dictionaries({}, optional={"wafv2": st.just({"capacity": 5})}),
                "background_calls_per_s": st.dictionaries(st.sampled_from(get_args(BucketName)), st.floats(0, 9)),
                "other_clusters": st.lists(st.fixed_dictionaries({}, optional={"churn_per_s": st.floats(0, 9)})),
            },
        ),
        "target_group": st.fixed_dictionaries({}, optional={"health_check": st.none(), "propagation_s": laws}),
        "sweep": st.fixed_dictionaries({}, optional={"pod.pre_stop_sleep_s": st.lists(times, min_size=1)}),
    },
)


class _Quoting(yaml.SafeDumper):
    """Quotes text: PyYAML, which follows YAML 1.1, takes 1e3 for a word."""


_Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def loaded(text: str) -> Scenario:
    """Write a scenario to a file and load that."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.yaml"
        path.write_text(text, encoding="utf-8", newline="")
        return load_scenario(path)


@pytest.mark.slow
@given(scenarios)
@example(REQUIRED | {"name": "1e3"})
@example(REQUIRED | {"name": "010"})
@example(REQUIRED | {"name": "\U0001f600"})
def test_any_valid_scenario_survives_a_dump(raw: dict[str, Any]) -> None:
    scenario = Scenario.model_validate(raw)
    given_keys = scenario.model_dump(mode="json", exclude_unset=True)
    all_keys = scenario.model_dump(mode="json")
    assert loaded(yaml.dump(given_keys, Dumper=_Quoting)) == scenario
    assert loaded(json.dumps(all_keys)) == scenario
    assert Scenario.model_validate_json(scenario.model_dump_json()) == scenario
    assert scenario.with_overrides({}) == scenario
    assert pickle.loads(pickle.dumps(scenario)) == scenario  # noqa: S301 - what was just dumped


def _keys(prefix: str, model: Any) -> list[str]:
    keys = []
    for name, value in model:
        keys.append(f"{prefix}{name}")
        if isinstance(value, BaseModel):
            keys += _keys(f"{prefix}{name}.", value)
    return keys


junk_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["", "~", ".inf", "1e999", "25%", "fixed_lag", "v1.1.4", "constant", "dist", "uniform", "9" * 5000]
    ),
)
junk = st.recursive(
    junk_scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["dist", "low", "mean", "values", "version", "x", "csv"]) | st.text(), inner)
    ),
    max_leaves=6,
)


@pytest.mark.slow
@settings(max_examples=300)
@given(st.sampled_from(_keys("", MINIMAL)), junk)
def test_junk_at_any_key_is_a_scenario_or_a_scenario_error(key: str, value: object) -> None:
    said = "a scenario"
    try:
        changed = MINIMAL.with_overrides({key: value})
        assert changed.with_overrides({}) == changed
    except ScenarioError as error:
        said = str(error)
    assert said
    assert "pydantic" not in said
    assert "Input should" not in said


@pytest.mark.slow
@settings(max_examples=300)
@given(st.sampled_from(_keys("", MINIMAL)), st.text(max_size=20))
@example("pod.startup_s", "&a [*a]")
@example("pod.startup_s", "{dist: dist, dist: 3}")
@example("pod.startup_s", "? [a]\n: 3")
@example("sweep", "{'': [1], '.': [2], 0: [3]}")
@example("sweep", "{pod: [3], pod.x.y: [{}]}")
def test_any_text_at_any_key_of_a_file_is_a_scenario_or_a_scenario_error(key: str, text: str) -> None:
    *groups, last = key.split(".")
    content = "name: x\ntraffic: {arrival_rate_rps: 1}\ndeployment: {replicas: 1}\n"
    content += "".join(f"{' ' * depth}{group}:\n" for depth, group in enumerate(groups))
    content += f"{' ' * len(groups)}{last}: {text}\n"
    said = "a scenario"
    try:
        loaded(content)
    except ScenarioError as error:
        said = str(error)
    assert said


@given(st.binary(max_size=200))
def test_any_bytes_are_a_scenario_or_a_scenario_error(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.yaml"
        path.write_bytes(content)
        with pytest.raises(ScenarioError):
            load_scenario(path)

"""The JSON Schema: what it accepts is what the specs accept, and every key says what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from sim.scenario.schema import schema_of
from sim.scenario.specs import Scenario

SCHEMA = schema_of(Scenario)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
REQUIRED: dict[str, Any] = {"name": "x", "traffic": {"arrival_rate_rps": 100}, "deployment": {"replicas": 4}}


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_projects_scenarios_agree_with_it(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        # What extends another file is checked whole by the loader; an editor sees only this half.
        VALIDATOR.validate(REQUIRED | document if "extends" in document else document)


@pytest.mark.parametrize(
    ("group", "value", "is_valid"),
    [
        ("pod", {"pre_stop_sleep_s": 3}, True),
        ("pod", {"pre_stop_sleep_s": -1}, False),
        ("pod", {"pre_stop_slep_s": 1}, False),
        ("pod", {"startup_s": 3}, True),
        ("pod", {"startup_s": {"dist": "uniform", "low": 1, "high": 2, "max": 2}}, True),
        ("pod", {"startup_s": {"dist": "exponential", "mean": 2}}, True),
        ("pod", {"startup_s": {"dist": "empirical", "csv": "x.csv"}}, True),
        ("pod", {"startup_s": {"dist": "empirical", "values": [1, 2]}}, True),
        ("pod", {"startup_s": {"low": 1, "high": 2}}, False),
        ("pod", {"startup_s": "fast"}, False),
        ("deployment", {"replicas": 3, "max_surge": "150%"}, True),
        ("deployment", {"replicas": 3, "max_unavailable": "150%"}, False),
        ("deployment", {"replicas": 0}, False),
        ("controller", {"version": "v1.1.4"}, True),
        ("controller", {"version": "v1.2"}, False),
        ("aws_api", {"background_calls_per_s": {"wafv2": 1}}, True),
        ("aws_api", {"background_calls_per_s": {"wafv3": 1}}, False),
        ("aws_api", {"buckets": {"wafv2": {"capacity": 3}}}, True),
        ("target_group", {"health_check": None}, True),
        ("sweep", {"pod.pre_stop_sleep_s": [1, 2]}, True),
        ("sweep", {"pod.pre_stop_sleep_s": 1}, False),
        ("extends", "other.yaml", True),
    ],
)
def test_an_editor_accepts_what_the_loader_does(group: str, value: object, is_valid: bool) -> None:  # noqa: FBT001
    assert VALIDATOR.is_valid(REQUIRED | {group: value}) is is_valid


def _undescribed(node: Any, path: str) -> list[str]:
    properties = node.get("properties", {})
    return [f"{path}.{key}" for key, child in properties.items() if key != "dist" and "description" not in child]


def test_every_key_says_what_it_is() -> None:
    nodes = {"": SCHEMA, **SCHEMA["$defs"]}
    assert [key for name, node in nodes.items() for key in _undescribed(node, name)] == []


def test_every_default_is_shown() -> None:
    # The defaults of a bucket's halves are shown with the bucket.
    specs = {name: node for name, node in SCHEMA["$defs"].items() if name.endswith("Spec") and name != "BucketSpec"}
    for name, node in specs.items():
        for key, child in node["properties"].items():
            assert key in node.get("required", []) or "default" in child, f"{name}.{key}"

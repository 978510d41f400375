"""Scenarios that pass validation: shipped or drawn ones, changed in depth, one key after the other.

A change is kept if the scenario is still valid with it. What a rollout costs is bounded: the find is a crash, not
patience.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sim.scenario.loading import load_scenario
from sim.scenario.problems import ScenarioError
from sim.scenario.schema import schema_of
from sim.scenario.specs import Scenario
from sim.verification import drawn_rollouts

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").rglob("*.yaml"))
DRAWN = (
    drawn_rollouts.drawn_scenario,
    drawn_rollouts.drawn_bindings,
    drawn_rollouts.drawn_disruption,
    drawn_rollouts.drawn_outage,
    drawn_rollouts.drawn_strategy,
)
MOST = {
    "deployment.replicas": 30,
    "deployment.partition": 30,
    "traffic.arrival_rate_rps": 100,
    "aws_api.warm_up_s": 100,
    "controller.ingresses": 10,
    "controller.target_groups": 5,
    "controller.node_events_per_s": 1,
    "target_group.alb_nodes": 8,
    "target_group.instances": 30,
    "kubernetes.nodes": 30,
    "nodes.count": 20,
}
LONGEST_S = 300.0
NUMBERS = (0, 1, 2, 3.5, 10, 30, 60, 0.001, 300)
LAWS: tuple[Any, ...] = (
    {"dist": "exponential", "mean": 3},
    {"dist": "lognormal", "median": 2, "p99": 9},
    {"dist": "uniform", "low": 0, "high": 12},
    {"dist": "gamma", "shape": 2, "mean": 4, "max": 5},
    {"dist": "empirical", "values": [1, 2, 40]},
    "lags.csv",
)
CLUSTER = {"ingresses": 3, "churn_per_s": 0.5, "controller": {"version": "v2.8.0"}}
LISTS: dict[str, tuple[Any, ...]] = {
    "aws_api.other_clusters": ([], [CLUSTER], [CLUSTER | {"controller": {"version": "v1.1.4"}}] * 2),
    "aws_api.background_calls_per_s": ({}, {"elbv2_describe": 3}, {"waf_regional": 1, "elbv2_account": 5}),
    "scale_in.policies": ([], [{"type": "Pods", "value": 1, "period_s": 15}]),
    "pod.after_teardown": ({"connect_refused": 0.5, "connect_timeout": 0.5}, {"host_unreachable": 1}),
    "controller.aws_api_throttle": ("Elastic Load Balancing v2:^Describe=2:3",),
    "controller.version": ("v1.1.0", "v1.1.4", "v1.1.9", "v2.0", "v2.4", "v2.8.0", "v3.1.0", "fixed_lag"),
    "kubernetes.version": ("v1.21", "v1.25", "v1.33"),
    "nodes": (None, {"instance_type": "m5.large", "count": 6}, {"instance_type": "t3.small", "count": 12}),
    "vpc_cni": (None, {}, {"warm_ip_target": 2, "minimum_ip_target": 5}, {"prefix_delegation": True}),
    "deployment.max_surge": ("25%", "100%", "0%"),
    "deployment.max_unavailable": ("25%", "100%", "0%"),
}
LAGS = "lag_s\n1\n5.5\n"


def keys_of(node: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every dotted key with its schema, those of blocks that may be left out among them."""
    for name, described in node.get("properties", {}).items():
        references = [part["$ref"] for part in (described, *described.get("anyOf", ())) if "$ref" in part]
        blocks = [SCHEMA["$defs"][reference.rsplit("/", 1)[1]] for reference in references]
        blocks = [block for block in blocks if "dist" not in block.get("properties", {})]
        if not blocks or "anyOf" in described:
            yield f"{prefix}{name}", described
        for block in blocks:
            yield from keys_of(block, f"{prefix}{name}.")


SCHEMA = schema_of(Scenario)
KEYS = [(key, schema) for key, schema in keys_of(SCHEMA) if key not in ("sweep", "extends", "name", "description")]


def value_for(rng: random.Random, key: str, schema: dict[str, Any]) -> Any:
    """Return a value that fits the schema in most cases."""
    if key in LISTS and rng.random() < 0.8:
        return rng.choice(LISTS[key])
    forms = [schema, *schema.get("anyOf", ())]
    forms += [inner for form in forms[1:] for inner in form.get("anyOf", ())]
    words = [word for form in forms for word in form.get("enum", ())]
    if words:
        return rng.choice(words)
    kinds = {form.get("type") for form in forms}
    if "boolean" in kinds:
        return rng.choice([True, False])
    if "distribution" in str(schema.get("$comment", "")) + str(forms[1:2]) and rng.random() < 0.5:
        return rng.choice(LAWS)
    if "null" in kinds and rng.random() < 0.2:
        return None
    edges = [form[edge] for form in forms for edge in ("minimum", "default") if edge in form]
    number = rng.choice([*NUMBERS, *edges])
    return int(number) if "integer" in kinds and isinstance(number, float) else number


def bounded(scenario: Scenario) -> Scenario:
    """Return the scenario, smaller where it is large."""
    for key, most in MOST.items():
        value: Any = scenario
        for name in key.split("."):
            value = getattr(value, name, None)
        if value is not None and value > most:
            scenario = changed(scenario, {key: most})
    return scenario


def changed(scenario: Scenario, changes: dict[str, Any]) -> Scenario:
    """Return the scenario with these changes, or as it is if they are refused."""
    try:
        return scenario.with_overrides(changes)
    except ScenarioError:
        return scenario


def draw(rng: random.Random) -> Scenario:
    """Return a valid scenario, and of most a few keys changed."""
    scenario = load_scenario(rng.choice(SHIPPED)) if rng.random() < 0.5 else rng.choice(DRAWN)(rng.randrange(10**6))
    scenario = bounded(scenario.with_overrides({"sweep": {}, "replications": 2}))
    for key, schema in rng.choices(KEYS, k=rng.choice([0, 2, 4, 8, 16])):
        value = value_for(rng, key, schema)
        if not isinstance(value, int | float) or value <= MOST.get(key, LONGEST_S):
            scenario = changed(scenario, {key: 2.5 if value == "lags.csv" else value})
    return scenario


def write(rng: random.Random, scenario: Scenario, directory: Path) -> None:
    """Write the scenario as `scenario.yaml`, a part of it in `base.yaml`, which it extends, and a law in a file."""
    raw = scenario.model_dump(mode="json", exclude_unset=True)
    base: dict[str, Any] = {}
    over: dict[str, Any] = {"extends": "base.yaml"}
    for name, value in raw.items():
        if isinstance(value, dict) and name not in ("nodes", "vpc_cni"):
            for inner, leaf in value.items():
                where = rng.choice([base, over])
                where.setdefault(name, {})[inner] = "lags.csv" if leaf == 2.5 and inner.endswith("_s") else leaf
        else:
            rng.choice([base, over])[name] = value
    (directory / "base.yaml").write_text(yaml.safe_dump(base), encoding="utf-8")
    (directory / "scenario.yaml").write_text(yaml.safe_dump(over), encoding="utf-8")
    (directory / "lags.csv").write_text(LAGS, encoding="utf-8")

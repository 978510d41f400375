"""Manifests of many shapes, and what a careful engineer reads from each (examples/README.md explains the fields)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sim.manifests.importing import Asked, import_sources
from sim.manifests.shell import held_by
from sim.manifests.sources import read_sources
from sim.manifests.writing import as_yaml
from sim.scenario.loading import load_scenarios
from sim.scenario.problems import ScenarioError
from sim.scenario.releases import version_number
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    from sim.manifests.draft import Draft
    from sim.manifests.importing import Import, Imported

EXAMPLES = Path(__file__).parent / "examples"
EXPECTED = sorted(EXAMPLES.glob("*.expected.yaml"))
HOOKS = [hook for hook in yaml.safe_load((EXAMPLES / "hooks.yaml").read_text()) if "command" in hook]
DEFAULT = Scenario.model_validate({"name": "x", "traffic": {"arrival_rate_rps": 1}, "deployment": {"replicas": 1}})
REFUSED = [path for path in EXPECTED if "refused" in yaml.safe_load(path.read_text())]
SURGE = {"deployment.max_surge": "25%", "deployment.max_unavailable": "25%"}


def imported(expected: dict[str, Any], **asked: Any) -> Import:
    return import_sources(read_sources([str(EXAMPLES / name) for name in expected["input"]]), Asked(**asked))


def value_of(scenario: Scenario, key: str) -> Any:
    value: Any = scenario
    for step in key.split("."):
        value = getattr(value, step)
    return value


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.name)
def test_what_is_refused(path: Path) -> None:
    expected = yaml.safe_load(path.read_text())
    with pytest.raises(ScenarioError) as refused:
        imported(expected)
    assert abs((refused.value.problems[0].line or 0) - expected["refused"]["line"]) <= 1
    assert "YAML" in str(refused.value)


@pytest.mark.parametrize("path", [path for path in EXPECTED if path not in REFUSED], ids=lambda path: path.name)
def test_what_is_read(path: Path) -> None:
    expected = yaml.safe_load(path.read_text())
    found = imported(expected)
    assert [one.ref for one in found.workloads] == list(expected["workloads"])
    assert len(found.warnings) >= len([one for one in expected.get("warnings", ()) if "ignored" not in one["means"]])
    for one in found.workloads:
        check(one, expected["workloads"][one.ref])


def check(one: Imported, wanted: dict[str, Any]) -> None:
    read = {key: (one.draft.values.get(key), one.draft.origins.get(key)) for key in wanted.get("read", {})}
    for key, value in wanted.get("read", {}).items():
        assert read[key][0] == value, key
        assert read[key][1] is not None
        assert read[key][1].grade == "read", key
    for key, value in wanted.get("stated_default", {}).items():
        assert one.draft.values.get(key, value) == value, key
    for key, value in wanted.get("guessed", {}).items():
        check_guess(one.draft, key, value)
    for key, limits in wanted.get("assumed", {}).items():
        assert version_number(str(one.draft.values[key])) >= version_number(limits["at_least"])
        assert one.draft.origins[key].grade == "assumed"
    for key, floor_s in wanted.get("floor_s", {}).items():
        law = value_of(one.scenario, key)
        assert float(law.ppf(0.0)) >= floor_s
    for key in wanted.get("default", ()):
        assert value_of(one.scenario, key) == value_of(DEFAULT, key), key
    warned = {warned.key for warned in one.draft.warnings}
    assert {item.get("key", "") for item in wanted.get("warnings", ())} <= warned
    any_of = [option for option in wanted.get("any_of", ()) if isinstance(option, dict)]
    assert not any_of or any(option.items() <= one.draft.values.items() for option in any_of)
    derived = wanted.get("derived", {})
    assert one.scenario.deployment.surge == derived.get("surge", one.scenario.deployment.surge)
    assert one.scenario.deployment.unavailable == derived.get("unavailable", one.scenario.deployment.unavailable)
    beside = one.draft.for_disruption
    drain = {key: value for key, (value, _) in beside.items() if key.startswith("node_drain.")}
    assert drain == wanted.get("node_drain", drain)


def check_guess(draft: Draft, key: str, value: Any) -> None:
    if isinstance(value, dict):
        assert value["from"] <= draft.values[key] <= value["to"], key
    else:
        assert draft.values[key] in (value if isinstance(value, list) else [value]), key
    assert draft.origins[key].grade == "guessed", key


@pytest.mark.parametrize("path", [path for path in EXPECTED if path not in REFUSED], ids=lambda path: path.name)
def test_what_is_written_loads_as_the_same_scenario(path: Path, tmp_path: Path) -> None:
    found = imported(yaml.safe_load(path.read_text()))
    written = tmp_path / "imported.yaml"
    written.write_text(as_yaml(found))
    assert load_scenarios(written) == [one.scenario for one in found.workloads]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: " ".join(hook["command"]))
def test_hooks(hook: dict[str, Any]) -> None:
    held = held_by(hook["command"], hook.get("env", {}))
    assert (held.seconds if held.known else None) == hook["seconds"]
    assert bool(held.fails) == hook.get("fails", False)
    assert (held.stops and not held.seconds) == hook.get("closes_first", False)


def test_the_template_that_helm_names_is_said() -> None:
    found = imported({"input": ["helm-template-web-and-proxy.yaml"]})
    templates = {origin.place.object: origin.place.template for origin in found.workloads[0].draft.origins.values()}
    assert templates["deployment/default/data-admin"] == "webapp/templates/deployment.yaml"
    assert templates["horizontalpodautoscaler/default/data-admin"] == "webapp/templates/pod-autoscaler.yaml"
    assert ":206 (webapp/templates/pod-autoscaler.yaml) horizontalpodautoscaler/" in as_yaml(found)

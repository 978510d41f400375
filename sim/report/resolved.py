"""A scenario as it was resolved: every key with its value, and the keys whose value is not the default.

Written as the scenario's author would write it: a distribution on one line with only its own parameters, and a constant
as its number. The text loads as an equal scenario.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 200
_ABOUT = {"name", "description", "seed", "replications", "sweep"}


class Difference(NamedTuple):
    """A key whose value is not the default, with both as YAML. A value of more than `LONGEST` characters is cut."""

    key: str
    value: str
    default: str


class _Inline(dict[str, Any]):
    """A mapping that is written on one line."""


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(
    _Inline, lambda dumper, value: dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=True)
)


def as_yaml(scenario: Scenario) -> str:
    """Return every key of a scenario as YAML."""
    written = _as_written(scenario.model_dump(mode="json"))
    return yaml.dump(written, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def differences(scenario: Scenario) -> list[Difference]:
    """Return the keys of the model whose values are not the defaults, without required keys, which have no default."""
    required = {"arrival_rate_rps": scenario.traffic.arrival_rate_rps}, {"replicas": scenario.deployment.replicas}
    plain = Scenario.model_validate({"name": "plain", "traffic": required[0], "deployment": required[1]})
    given = scenario.model_dump(mode="json", exclude_unset=True, exclude=_ABOUT)
    found = _differing(given, scenario.model_dump(mode="json"), plain.model_dump(mode="json"), "")
    return [
        Difference("traffic.arrival_rate_rps", _on_one_line(scenario.traffic.arrival_rate_rps), "required"),
        Difference("deployment.replicas", _on_one_line(scenario.deployment.replicas), "required"),
        *found,
    ]


def _differing(
    given: dict[str, Any], full: dict[str, Any], default: dict[str, Any], prefix: str
) -> Iterator[Difference]:
    for key, value in given.items():
        if _has_keys(value) and _has_keys(default.get(key)):
            yield from _differing(value, full[key], default[key], f"{prefix}{key}.")
        elif key not in default:
            yield Difference(f"{prefix}{key}", _on_one_line(value), "none")
        elif full[key] != default[key]:
            yield Difference(f"{prefix}{key}", _on_one_line(value), _on_one_line(default[key]))


def _has_keys(value: object) -> bool:
    return isinstance(value, dict) and "dist" not in value


def _on_one_line(value: object) -> str:
    text = yaml.dump(
        _as_written(value),
        Dumper=_Dumper,
        default_flow_style=True,
        sort_keys=False,
        allow_unicode=True,
        width=10**9,
    )
    line = text.removesuffix("...\n").strip()
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def _as_written(value: Any) -> Any:  # noqa: ANN401 - whatever a scenario holds
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_as_written(item) for item in value]
    if not isinstance(value, dict):
        return value
    written = {key: _as_written(item) for key, item in value.items()}
    return _law(written) if "dist" in written else written


def _law(written: dict[str, Any]) -> Any:  # noqa: ANN401 - a number or a mapping
    given = {key: item for key, item in written.items() if item is not None}
    if given.keys() == {"dist", "value"}:
        return given["value"]
    return _Inline({"dist": given.pop("dist")} | given)

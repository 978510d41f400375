"""What `albsim calibrate` prints: a scenario fragment for `extends`, with the source of each value, or JSON.

Each value has its interval, its n, its source and its doubts as a comment above it. Two things stand as comments only:
measured values that should not be set unasked (lags that replace a simulated controller), and what could not be
measured, with the reason.

An interval whose upper or lower end the values cannot bound has null there in JSON.
"""

from __future__ import annotations

import json
import math
import textwrap
from typing import TYPE_CHECKING, Any

import yaml

from sim.report.wording import number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sim.calibration.measured import Calibration, Measured

FORMATS = ("yaml", "json")
_WIDTH = 110
_LONGEST_NUMBER = 8
_SMALL = 0.001
_HEAD = "Measured by `albsim calibrate`. Use this file from a scenario beside it: `extends: {name}`."
_BESIDE = {
    "controller.deregistration_lag_s": "To use the measured lag instead of a simulated controller, set "
    "controller.version to fixed_lag, and this:",
    "controller.registration_lag_s": "With controller.version fixed_lag also this:",
    "registration": "No key of a scenario: there a target's first health check comes up to "
    "target_group.health_check.interval_s after RegisterTargets.",
}


def render(found: Calibration, form: str, *, name: str = "measured.yaml") -> str:
    """Return a calibration in one of `FORMATS`, without a line end. `name` is the name of the file to come."""
    return json.dumps(_record(found), indent=2, ensure_ascii=False) if form == "json" else _yaml(found, name)


def _record(found: Calibration) -> dict[str, Any]:
    return {
        "measured": {key: _measured(value) for key, value in found.measured.items()},
        "beside": {key: _measured(value) for key, value in found.beside.items()},
        "not_measured": dict(found.not_measured),
    }


def _measured(one: Measured) -> dict[str, Any]:
    intervals = {name: [end if math.isfinite(end) else None for end in ends] for name, ends in one.ci95.items()}
    return {
        "value": one.value,
        "ci95": intervals.get("", intervals) if intervals else None,
        "n": one.n,
        "source": one.source,
        "notes": list(one.notes),
    }


def _yaml(found: Calibration, name: str) -> str:
    lines = list(_comment(_HEAD.format(name=name)))
    groups: dict[str, dict[str, Measured]] = {}
    for key, one in found.measured.items():
        group, _, name_in_group = key.partition(".")
        groups.setdefault(group, {})[name_in_group] = one
    for group, values in groups.items():
        lines += ["", f"{group}:"]
        for name_in_group, one in values.items():
            lines += [*_described(one, "  "), *_written(name_in_group, one.value, "  ")]
    for key, one in found.beside.items():
        lines += ["", *_comment(_BESIDE[key]), *_described(one, ""), *_written(key, one.value, "# ")]
    if found.not_measured:
        lines += ["", *_comment("Not measured:")]
        lines += [line for key, why in found.not_measured.items() for line in _comment(f"{key}: {why}")]
    return "\n".join(lines)


def _described(one: Measured, indent: str) -> Iterator[str]:
    intervals = _intervals(one.ci95)
    yield from _comment(f"{intervals}{'; ' if intervals else ''}n = {one.n:,}: {one.source}", indent)
    for note in one.notes:
        yield from _comment(f"Careful: {note}", indent)


def _intervals(ci95: Mapping[str, tuple[float, float]]) -> str:
    ranges = [f"{name} {words}".strip() for name, ends in ci95.items() if (words := _range(*ends))]
    return f"95 % interval: {', '.join(ranges)}" if ranges else ""


def _range(low: float, high: float) -> str:
    """Return an interval in words, '' if it has no end."""
    if math.isfinite(low) and math.isfinite(high):
        return f"{_end(low)} to {_end(high)}"
    if math.isfinite(low):
        return f"{_end(low)} or more"
    return f"{_end(high)} or less" if math.isfinite(high) else ""


def _end(value: float) -> str:
    return f"{value:.2g}" if 0 < value < _SMALL else number(value)


def _comment(text: str, indent: str = "") -> Iterator[str]:
    for line in textwrap.wrap(text, _WIDTH):
        yield f"{indent}# {line}"


def _written(key: str, value: object, indent: str) -> Iterator[str]:
    """Yield a key and its value; a list of measured values takes several lines, which YAML ends after the width."""
    flow = None if isinstance(value, dict | list) else False
    width = _WIDTH - len(indent) - _LONGEST_NUMBER
    text = yaml.safe_dump({key: value}, default_flow_style=flow, sort_keys=False, width=width)
    for line in text.splitlines():
        yield f"{indent}{line}"

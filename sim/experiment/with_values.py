"""A scenario with other values of its unknowns. Of a distribution the whole law is stretched, and its shape kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.scenario.law import Law

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.experiment.unknowns import Unknown
    from sim.scenario.specs import Scenario

_SCALED = ("value", "low", "high", "mean", "median", "p75", "p90", "p95", "p99", "p999", "scale", "max")


def with_values(scenario: Scenario, values: Mapping[Unknown, float]) -> Scenario:
    """Return the scenario with these values. Laws are stretched after their parameters are set.

    A law whose median is 0 cannot be stretched: the value takes its place.
    """
    medians = {unknown: _median(scenario, unknown) for unknown in values}
    plain = {unknown.key: _plain(unknown, value) for unknown, value in values.items() if not medians[unknown]}
    changed = scenario.with_overrides(plain)
    laws = {
        unknown.key: _stretched(_law_of(changed, unknown), value / median)
        for unknown, value in values.items()
        if (median := medians[unknown])
    }
    return changed.with_overrides(laws)


def base_value(scenario: Scenario, unknown: Unknown) -> float | None:
    """Return the scenario's own value, for a law its median, or None if there is none."""
    found: Any = scenario
    for step in unknown.key.split("."):
        found = found.get(step) if isinstance(found, dict) else getattr(found, step, None)
    if isinstance(found, Law):
        return float(found.ppf(0.5))
    return float(found) if isinstance(found, int | float) else None


def _plain(unknown: Unknown, value: float) -> float:
    return round(value) if unknown.whole else value


def _law(scenario: Scenario, unknown: Unknown) -> Law | None:
    found: Any = scenario
    for step in unknown.key.split("."):
        found = getattr(found, step, None)
    return found if isinstance(found, Law) else None


def _median(scenario: Scenario, unknown: Unknown) -> float:
    """Return the median of an unknown's law, 0 if it is no law."""
    law = _law(scenario, unknown)
    return 0.0 if law is None else float(law.ppf(0.5))


def _law_of(scenario: Scenario, unknown: Unknown) -> Law:
    law = _law(scenario, unknown)
    if law is None:
        raise ValueError(f"'{unknown.key}' is no distribution")
    return law


def _stretched(law: Law, factor: float) -> dict[str, Any]:
    """Return a law whose values are `factor` times those of another."""
    raw = law.model_dump(exclude_unset=True, by_alias=True)
    if "values" in raw:
        return raw | {"values": [value * factor for value in raw["values"]]}
    return raw | {name: raw[name] * factor for name in _SCALED if raw.get(name) is not None}

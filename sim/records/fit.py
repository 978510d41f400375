"""Parameters drawn from a fit: what was measured has an interval, and a simulation has to be as unsure.

`albsim calibrate --format json` gives a value and 95 % intervals for each key of a scenario.

Modelled:
- A number is normal within its interval, and never negative.
- A lognormal law given by its median and its p95 has a normal log-median. The law's sigma is normal too, and makes up
  for the rest of the p95's width. For a sample from such a law the two estimates are independent.
- Every other law is taken as it is.

Left out: how estimates of different keys depend on each other.

Sources: docs/facts/logs.md §4 ("parameters drawn from the fit").
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.scenario.problems import Problem, ScenarioError
from sim.streams import Stream, Streams

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from sim.scenario.specs import Scenario

Z_95 = 1.6448536269514722
"""The standard normal law's 95 % quantile."""
WIDTH = 2 * 1.959963984540054
"""The width of a 95 % interval, in standard deviations."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What was measured, by the keys of a scenario: `value` and `ci95` each."""

    measured: Mapping[str, Mapping[str, Any]]

    def drawn_for(self, scenario: Scenario, replication: int) -> Scenario:
        """Return the scenario with what was measured in it, drawn anew for each replication.

        Raises ScenarioError if a measured value does not fit into a scenario.
        """
        streams = Streams(scenario.seed, replication)
        values = {
            key: _drawn(found, streams.generator(Stream.FITTED_PARAMETER, place))
            for place, (key, found) in enumerate(sorted(self.measured.items()))
        }
        return scenario.with_overrides(values)


def read_fit(path: Path) -> Fit:
    """Read what `albsim calibrate --format json` wrote. Raises ScenarioError if it is something else."""
    try:
        found = json.loads(path.read_bytes())
        measured = {str(key): dict(one) for key, one in found["measured"].items()}
        complete = all("value" in one for one in measured.values())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        complete = False
    if not complete:
        expected = "what `albsim calibrate --format json` prints"
        raise ScenarioError([Problem(file=str(path), expected=expected, found="something else")])
    return Fit(measured)


def _drawn(found: Mapping[str, Any], rng: np.random.Generator) -> object:
    value, ci95 = found["value"], found.get("ci95")
    width = _interval(ci95)
    if isinstance(value, int | float) and width:
        drawn = value + rng.standard_normal() * (width[1] - width[0]) / WIDTH
        return max(0, round(drawn)) if isinstance(value, int) else max(0.0, drawn)
    if isinstance(value, dict) and isinstance(ci95, dict) and {"median", "p95"} <= value.keys() & ci95.keys():
        return value | _drawn_lognormal(value, ci95, rng)
    return value


def _drawn_lognormal(value: Mapping[str, Any], ci95: Mapping[str, Any], rng: np.random.Generator) -> dict[str, float]:
    deviations = [_log_deviation(ci95[name]) for name in ("median", "p95")]
    of_sigma = math.sqrt(max(0.0, deviations[1] ** 2 - deviations[0] ** 2)) / Z_95
    sigma = math.log(value["p95"] / value["median"]) / Z_95 + rng.standard_normal() * of_sigma
    median = value["median"] * math.exp(rng.standard_normal() * deviations[0])
    return {"median": median, "p95": median * math.exp(Z_95 * max(sigma, 1e-3))}


def _log_deviation(found: object) -> float:
    interval = _interval(found)
    return math.log(interval[1] / interval[0]) / WIDTH if interval and interval[0] > 0 else 0.0


def _interval(found: object) -> tuple[float, float] | None:
    match found:
        case [int() | float() as low, int() | float() as high] if low <= high:
            return low, high
    return None

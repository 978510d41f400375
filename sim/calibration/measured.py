"""What calibration gives: values for a scenario's keys with interval, n and source; and what is not measured."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sim.calibration.bootstrap import CONFIDENCE, QUANTILES
from sim.calibration.clustered import CLUSTERS_FOR_P95, clustered_quantile_interval
from sim.experiment.statistics import quantile_estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.calibration.bootstrap import Interval
    from sim.calibration.last_requests import Floats, Ints
    from sim.calibration.propagation import Propagation

ROLLOUTS, CALLS = "rollouts", "calls"
"""The clusters in which lags come."""
MOST_VALUES = 199
"""The most values of an empirical law: its quantiles, evenly apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A value as it would stand in a scenario; `ci95` by the name of what it is the interval of.

    `n` counts what `source` names. `notes` say what to know before the value is used.
    """

    value: object
    ci95: Mapping[str, Interval]
    n: int
    source: str
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Calibration:
    """Everything that was found. `beside` has what is no key of a scenario, or should not be set unasked."""

    measured: dict[str, Measured] = field(default_factory=dict)
    beside: dict[str, Measured] = field(default_factory=dict)
    not_measured: dict[str, str] = field(default_factory=dict)
    propagation: Propagation | None = None

    def add(self, key: str, found: Measured | str) -> None:
        """Add a value, or in words why there is none."""
        if isinstance(found, str):
            self.not_measured[key] = found
        else:
            self.measured[key] = found

    def add_beside(self, name: str, found: Measured | str) -> None:
        """Add a value that is told, and written into no scenario."""
        if isinstance(found, str):
            self.not_measured[name] = found
        else:
            self.beside[name] = found


def empirical(values: Floats, source: str, notes: tuple[str, ...] = (), *, unit_s: float = 0.0) -> Measured:
    """Return independent measured values as an empirical law, with intervals of its median and its 95 % quantile.

    `unit_s`: to what the values were rounded; 0 if they are as exact as can be.
    """
    finer = spread(values, unit_s)
    as_noted = values.size <= MOST_VALUES or values.min() == values.max()
    return Measured(
        value=empirical_law(values if as_noted else finer),
        ci95={name: quantile_interval(finer, q) for name, q in QUANTILES.items()},
        n=int(values.size),
        source=source,
        notes=notes,
    )


def empirical_by_cluster(values: Floats, cluster: Ints, words: str, source: str) -> Measured:
    """Return the same of values that come in clusters (`words`: which), and warn where these are few."""
    n_clusters = int(np.unique(cluster).size)
    intervals = {
        name: clustered_quantile_interval(values, cluster, q, independent=words == ROLLOUTS)
        for name, q in QUANTILES.items()
        if n_clusters > 1
    }
    notes: tuple[str, ...] = ()
    if math.isinf(intervals.get("p95", (0.0, math.inf))[1]):
        of = words if n_clusters > 1 else words.removesuffix("s")
        open_end = f"How high the 95 % quantile may be, only {CLUSTERS_FOR_P95} rollouts or more can tell."
        notes = (f"The intervals rest on {n_clusters} {of}. {open_end}",)
    return Measured(value=empirical_law(values), ci95=intervals, n=int(values.size), source=source, notes=notes)


def empirical_law(values: Floats) -> dict[str, object] | float:
    """Return the law as a scenario has it, of so many values at most; a number if they are all the same."""
    law = values if values.size <= MOST_VALUES else np.quantile(values, (np.arange(MOST_VALUES) + 0.5) / MOST_VALUES)
    written = [float(f"{value:.4g}") for value in np.sort(law)]
    return written[0] if written[0] == written[-1] else {"dist": "empirical", "values": written}


def quantile_interval(values: Floats, q: float) -> Interval:
    """Return the interval of a quantile of independent values, by the binomial law of how many are below it.

    An end is infinite if there are too few values to bound that side.
    """
    found = quantile_estimate(values, q)
    return found.low, found.high


def spread(values: Floats, unit_s: float) -> Floats:
    """Return values in order, spread evenly over what each may have been before it was rounded to the unit.

    Else an interval could only end at a whole unit, and would hold too often.
    """
    ordered = np.sort(values)
    if not unit_s:
        return ordered
    whole, first, same = np.unique(np.rint(ordered / unit_s), return_index=True, return_counts=True)
    place = (np.arange(ordered.size) - np.repeat(first, same) + 0.5) / np.repeat(same, same)
    return np.maximum((np.repeat(whole, same) + place - 0.5) * unit_s, 0.0)


def rate_interval(counts: Floats, each_s: float) -> Interval:
    """Return the interval of a rate from the counts of stretches of `each_s`: Student's t, at least Poisson's width."""
    from scipy.stats import chi2, t

    total, n = float(counts.sum()), counts.size
    low = float(chi2.ppf((1 - CONFIDENCE) / 2, 2 * total)) / 2 if total else 0.0
    high = float(chi2.ppf((1 + CONFIDENCE) / 2, 2 * total + 2)) / 2
    low, high = low / (n * each_s), high / (n * each_s)
    if n < 2:  # noqa: PLR2004 - one stretch has no spread
        return low, high
    mean = total / (n * each_s)
    reach = float(t.ppf((1 + CONFIDENCE) / 2, n - 1) * np.std(counts, ddof=1)) / np.sqrt(n) / each_s
    return max(0.0, min(low, mean - reach)), max(high, mean + reach)

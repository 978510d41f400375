"""What the scripts that measure how far calibrated propagation can be trusted have in common."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from albsim_tests.calibration import MEDIAN_S, P95_S, Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sim.calibration.propagation import Propagation

Settings = dict[str, object]

CONDITIONS: dict[str, Settings] = {
    "gamma law": {"law": "gamma"},
    "two kinds of nodes, 6 and 20 s": {"law": "two kinds"},
    "a call's targets share their delay": {"shared": True},
    "round robin over 10 targets": {"round_robin": 10},
    "whole seconds": {"whole_seconds": True},
    "5 % of files missing": {"missing": 0.05},
    "clock of the calls 2 s early": {"clock_s": 2.0},
    "clock of the calls 2 s late": {"clock_s": -2.0},
    "pods die after 15 s": {"dies_after_s": 15.0},
    "pods die after 15 s and draw 20 times the traffic": {"dies_after_s": 15.0, "drawn_to_the_dead": 20.0},
    "one rollout, two calls of 25 targets": {"calls": 2, "targets": 25},
}
"""How the records differ from what the method assumes."""


SHORT = {
    "There are few requests": "few requests",
    "The request rate of each": "an unknown rate",
    "A lognormal law does": "a law that does not fit",
    "A gamma law does": "a law that does not fit",
    "The fitted law does": "ranks that do not fit",
    "Targets of one DeregisterTargets": "a shared delay",
    "Requests come more evenly": "regular requests",
    "The interval rests on": "few calls",
    "DeregisterTargets is known from": "one clock alone",
    "DeregisterTargets is known to": "whole seconds",
    "DeregisterTargets is noted": "calls before deletions",
    "The controller's clock is": "two clocks apart",
    "before its RegisterTargets": "requests before RegisterTargets",
    "Some ALB nodes stopped": "nodes that stopped before the call",
    "observations ended": "an early end",
    "up to a missing file": "a missing file",
    "access log is missing": "a missing file",
    "left out: their target": "pairs left out",
    "fell silent": "a silent target",
}
"""Words of a warning, and its name in a table."""


def short(note: str) -> str:
    """Return a warning's name in the table."""
    return next((name for words, name in SHORT.items() if words in note), note)


def true_quantiles_s(truth: Truth) -> dict[str, float]:
    """Return what should be in each interval."""
    two_kinds = truth.law == "two kinds"
    return {"median": 6.35 if two_kinds else MEDIAN_S, "p95": 22.03 if two_kinds else P95_S}


class Tally:
    """What the repetitions of a condition gave."""

    def __init__(self, true_s: Mapping[str, float]) -> None:
        self._true_s = true_s
        self._found_s: dict[str, list[float]] = {name: [] for name in true_s}
        self._covered, self._covered_by_any, self.warned = Counter(), Counter(), Counter()

    def add(self, law: Propagation, interval: Mapping[str, tuple[float, float]], warnings: Iterable[str]) -> bool:
        """Count a repetition, each kind of warning once, and return whether both of its intervals hold."""
        held = {}
        for name, true_s in self._true_s.items():
            self._found_s[name].append(law.quantile(name))
            held[name] = interval[name][0] <= true_s <= interval[name][1]
            self._covered[name] += held[name]
            low, high = law.any_interval[name]
            self._covered_by_any[name] += low <= true_s <= high
        kinds = list(dict.fromkeys(warnings))
        self.warned.update(kinds)
        self.warned["any"] += bool(kinds)
        return all(held.values())

    def cells(self) -> str:
        """Return what was found and how often it held and was warned of, as cells of a table."""
        n = len(self._found_s["median"])
        found = (f"{np.mean(values):.1f} ± {np.std(values):.1f}" for values in self._found_s.values())
        counts = (*self._covered.values(), *self._covered_by_any.values(), self.warned["any"])
        percentages = (f"{100 * count / n:.0f}" for count in counts)
        kinds = ", ".join(f"{name} {100 * k / n:.0f}" for name, k in self.warned.most_common() if name != "any")
        return " | ".join((*found, *percentages, kinds))


def print_table(
    conditions: Mapping[str, Settings],
    row: Callable[[str, Truth, int], str],
    *,
    repetitions: int,
    rates: str,
) -> None:
    """Print a row for each condition and rate that the command line asks for, by default of so many repetitions."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=repetitions)
    parser.add_argument("--rates", default=rates)
    parser.add_argument("--only", default="", help="conditions whose name has these words")
    parser.add_argument("--exact", action="store_true", help="the condition of exactly this name")
    arguments = parser.parse_args()
    for words, settings in conditions.items():
        if (arguments.only == words) if arguments.exact else (arguments.only in words):
            for rate in map(float, arguments.rates.split(",")):
                truth = Truth(rate_rps=rate, **settings)  # type: ignore[arg-type]
                print(row(words, truth, arguments.repetitions), flush=True)  # noqa: T201

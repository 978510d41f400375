"""How far calibrated propagation can be trusted: the table of docs/calibration.md, which takes about half an hour.

`python tests/calibration/coverage.py [--repetitions N] [--rates 0.05,0.2,1,5] [--only WORDS]`
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from albsim_tests.calibration import MEDIAN_S, P95_S, Truth, drawn

from sim.calibration.propagation import measure_propagation

CONDITIONS: dict[str, dict[str, object]] = {
    "rates known": {"rate_known": True},
    "rates unknown": {},
    "rates unknown and different": {"rates_differ": True},
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


def row(words: str, settings: dict[str, object], rate_rps: float, repetitions: int) -> str:
    """Return a line of the table."""
    truth = Truth(rate_rps=rate_rps, **settings)  # type: ignore[arg-type]
    medians, p95s, covered, covered_by_any, warned = [], [], Counter(), Counter(), Counter()
    for number in range(repetitions):
        rng = np.random.default_rng([number, int(1000 * rate_rps)])
        found = measure_propagation(drawn(truth, rng))
        medians.append(found.quantile("median"))
        p95s.append(found.quantile("p95"))
        for name, true_s in (("median", _median(truth)), ("p95", _p95(truth))):
            low, high = found.interval[name]
            covered[name] += low <= true_s <= high
            low, high = found.any_interval[name]
            covered_by_any[name] += low <= true_s <= high
        warned.update(" ".join(warning.split()[:4]) for warning in found.warnings)
        warned["any"] += bool(found.warnings)
    share = [f"{100 * count / repetitions:.0f}" for count in (*covered.values(), *covered_by_any.values())]
    warnings = ", ".join(f"{name} {100 * n / repetitions:.0f}" for name, n in warned.most_common() if name != "any")
    return (
        f"| {words} | {rate_rps:g} | {np.mean(medians):.1f} ± {np.std(medians):.1f} "
        f"| {np.mean(p95s):.1f} ± {np.std(p95s):.1f} | {share[0]} | {share[1]} | {share[2]} | {share[3]} "
        f"| {100 * warned['any'] / repetitions:.0f} | {warnings} |"
    )


def _median(truth: Truth) -> float:
    return 6.35 if truth.law == "two kinds" else MEDIAN_S


def _p95(truth: Truth) -> float:
    return 22.03 if truth.law == "two kinds" else P95_S


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--rates", default="0.05,0.2,1,5")
    parser.add_argument("--only", default="", help="conditions whose name has these words")
    parser.add_argument("--exact", action="store_true", help="the condition of exactly this name")
    arguments = parser.parse_args()
    for words, settings in CONDITIONS.items():
        if (arguments.only == words) if arguments.exact else (arguments.only in words):
            for rate in arguments.rates.split(","):
                print(row(words, settings, float(rate), arguments.repetitions), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

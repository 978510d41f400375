"""Whether `albsim calibrate` warns where its intervals fail: a table of docs/calibration.md.

`python tests/calibration/output_coverage.py [--repetitions N] [--rates 0.2] [--only WORDS]`: some two seconds for each
repetition.

Each repetition draws whole records and calibrates them as the command does. Its warnings are what the output says of
`target_group.propagation_s`, without what it says of every such record. `coverage.py` has the estimator alone.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from albsim_tests.calibration import MEDIAN_S, P95_S, Truth
from albsim_tests.drawn_records import drawn_records

from sim.calibration.calibrate import PROPAGATION, calibrate

CONDITIONS: dict[str, dict[str, object]] = {
    "as the method has it": {},
    "rates that differ": {"rates_differ": True},
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
USUAL = (
    "The controller's clock and CloudTrail's agree",
    "The calls' clock may be",
    "The interval rests on 5 rollouts",
    "The interval rests on 25 calls",
)
"""What is said of every such record. None has a new target, which would bound the clock."""
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
    "Some ALB nodes stopped": "nodes that stopped before the call",
    "observations ended": "an early end",
    "up to a missing file": "a missing file",
    "access log is missing": "a missing file",
    "left out: their target": "pairs left out",
}


def short(note: str) -> str:
    """Return a note's name in the table."""
    return next((name for words, name in SHORT.items() if words in note), note)


def row(words: str, settings: dict[str, object], rate_rps: float, repetitions: int) -> str:
    """Return a line of the table."""
    truth = Truth(rate_rps=rate_rps, **settings)  # type: ignore[arg-type]
    medians, p95s, covered, covered_by_any, warned = [], [], Counter(), Counter(), Counter()
    missed, missed_in_silence = 0, 0
    for number in range(repetitions):
        calibration = calibrate(drawn_records(truth, np.random.default_rng([number, int(1000 * rate_rps)])))
        found, law = calibration.measured[PROPAGATION], calibration.propagation
        if law is None:
            raise RuntimeError("no law was found")
        medians.append(law.quantile("median"))
        p95s.append(law.quantile("p95"))
        held = True
        for name, true_s in (("median", _median(truth)), ("p95", _p95(truth))):
            low, high = found.ci95[name]
            covered[name] += low <= true_s <= high
            held &= low <= true_s <= high
            low, high = law.any_interval[name]
            covered_by_any[name] += low <= true_s <= high
        unusual = {short(note) for note in found.notes if not note.startswith(USUAL)}
        warned.update(unusual)
        warned["any"] += bool(unusual)
        missed += not held
        missed_in_silence += not held and not unusual
    share = [f"{100 * count / repetitions:.0f}" for count in (*covered.values(), *covered_by_any.values())]
    warnings = ", ".join(f"{name} {100 * n / repetitions:.0f}" for name, n in warned.most_common() if name != "any")
    return (
        f"| {words} | {rate_rps:g} | {repetitions} | {np.mean(medians):.1f} ± {np.std(medians):.1f} "
        f"| {np.mean(p95s):.1f} ± {np.std(p95s):.1f} | {share[0]} | {share[1]} | {share[2]} | {share[3]} "
        f"| {100 * warned['any'] / repetitions:.0f} | {warnings} | {missed_in_silence} of {missed} |"
    )


def _median(truth: Truth) -> float:
    return 6.35 if truth.law == "two kinds" else MEDIAN_S


def _p95(truth: Truth) -> float:
    return 22.03 if truth.law == "two kinds" else P95_S


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--rates", default="0.2")
    parser.add_argument("--only", default="", help="conditions whose name has these words")
    parser.add_argument("--exact", action="store_true", help="the condition of exactly this name")
    arguments = parser.parse_args()
    for words, settings in CONDITIONS.items():
        if (arguments.only == words) if arguments.exact else (arguments.only in words):
            for rate in arguments.rates.split(","):
                print(row(words, settings, float(rate), arguments.repetitions), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

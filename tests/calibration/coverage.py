"""How far calibrated propagation can be trusted: the table of docs/calibration.md, which takes about half an hour.

`python tests/calibration/coverage.py [--repetitions N] [--rates 0.05,0.2,1,5] [--only WORDS]`
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from albsim_tests.calibration import Truth, drawn
from albsim_tests.coverage_table import CONDITIONS, Tally, print_table, true_quantiles_s

from sim.calibration.propagation import measure_propagation

RATES: dict[str, dict[str, object]] = {
    "rates known": {"rate_known": True},
    "rates unknown": {},
    "rates unknown and different": {"rates_differ": True},
}


def row(words: str, truth: Truth, repetitions: int) -> str:
    """Return a line of the table."""
    tally = Tally(true_quantiles_s(truth))
    for number in range(repetitions):
        rng = np.random.default_rng([number, int(1000 * truth.rate_rps)])
        found = measure_propagation(drawn(truth, rng))
        tally.add(found, found.interval, (" ".join(warning.split()[:4]) for warning in found.warnings))
    return f"| {words} | {truth.rate_rps:g} | {tally.cells()} |"


if __name__ == "__main__":
    print_table(RATES | CONDITIONS, row, repetitions=100, rates="0.05,0.2,1,5")

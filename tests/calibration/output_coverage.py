"""Whether `albsim calibrate` warns where its intervals fail: a table of docs/calibration.md.

`python tests/calibration/output_coverage.py [--repetitions N] [--rates 0.2] [--only WORDS]`: some two seconds for each
repetition.

Each repetition draws whole records and calibrates them as the command does. A repetition's warnings are what the output
says of `target_group.propagation_s`, without what it says of every such record. `coverage.py` has the estimator alone.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from albsim_tests.coverage_table import CONDITIONS, Tally, print_table, short, true_quantiles_s
from albsim_tests.drawn_records import drawn_records

from sim.calibration.calibrate import PROPAGATION, calibrate

if TYPE_CHECKING:
    from albsim_tests.calibration import Truth

RATES: dict[str, dict[str, object]] = {
    "as the method has it": {},
    "rates that differ": {"rates_differ": True},
}
USUAL = (
    "No call shows the controller's clock and CloudTrail's apart",
    "The calls' clock may be",
    "If Kubernetes' clock is right",
    "The interval rests on 5 rollouts",
    "The interval rests on 25 calls",
)
"""What is said of every such record. None has a new target, which would bound the clock."""


def row(words: str, truth: Truth, repetitions: int) -> str:
    """Return a line of the table."""
    tally, missed, missed_in_silence = Tally(true_quantiles_s(truth)), 0, 0
    for number in range(repetitions):
        calibration = calibrate(drawn_records(truth, np.random.default_rng([number, int(1000 * truth.rate_rps)])))
        found, law = calibration.measured[PROPAGATION], calibration.propagation
        if law is None:
            raise RuntimeError("no law was found")
        unusual = {short(note) for note in found.notes if not note.startswith(USUAL)}
        held = tally.add(law, found.ci95, unusual)
        missed += not held
        missed_in_silence += not held and not unusual
    return f"| {words} | {truth.rate_rps:g} | {repetitions} | {tally.cells()} | {missed_in_silence} of {missed} |"


if __name__ == "__main__":
    print_table(RATES | CONDITIONS, row, repetitions=20, rates="0.2")

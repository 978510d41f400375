"""The deregistration lag of records of several rollouts: a table of docs/calibration.md.

`python tests/report/records/lag_round_trip.py [--records 100] [--rollouts 8,30]`: some three minutes for 100
records of 30 rollouts.

Each rollout is simulated, written by `--write-records`, and read. The rollouts of one record are two hours apart, as
its frames' times are moved after reading. The access log is left out, as no lag is in it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))

from round_trip import lag_s, scenario

from sim.calibration.calibrate import calibrate
from sim.experiment.replication import simulate
from sim.records.reading import read
from sim.report.records.writing import write_records

if TYPE_CHECKING:
    from sim.records.records import Records

LAG = "controller.deregistration_lag_s"
FIRST_SEED, APART_S, RATE_RPS, N_OTHERS = 100_000, 7200.0, 1e-3, 2000
FRAMES = ("calls", "reconciles", "pods")


def records_of(seeds: range) -> Records:
    """Return the records of these rollouts, one after the other."""
    parts = []
    for place, seed in enumerate(seeds):
        with tempfile.TemporaryDirectory() as directory:
            write_records(simulate(scenario(RATE_RPS, seed)), Path(directory))
            for log in Path(directory).rglob("*_app.*.log.gz"):
                log.unlink()
            records = read([Path(directory)])
        for name in FRAMES:
            frame = getattr(records, name)
            moments = [column for column in frame if column.endswith("_s")]
            frame[moments] = frame[moments].astype(float) + place * APART_S
        parts.append(records)
    frames = {name: pd.concat([getattr(part, name) for part in parts], ignore_index=True) for name in FRAMES}
    return replace(parts[0], **frames)


def row(rollouts: int, n_records: int) -> str:
    """Return a line of the table."""
    held = dict.fromkeys(("median", "p95"), 0)
    two_ended, reach_s = 0, []
    for number in range(n_records):
        first = FIRST_SEED + number * rollouts
        found = calibrate(records_of(range(first, first + rollouts))).beside[LAG]
        for name in held:
            low, high = found.ci95[name]
            held[name] += low <= lag_s(N_OTHERS)[name] <= high
        low, high = found.ci95["p95"]
        two_ended += np.isfinite(high)
        reach_s += [high - low] if np.isfinite(high) else []
    cells = " | ".join(f"{100 * n / n_records:.0f}" for n in (*held.values(), two_ended))
    return f"| {rollouts} | {n_records} | {cells} | {f'{np.mean(reach_s):.2f}' if reach_s else ''} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=100)
    parser.add_argument("--rollouts", default="8,30")
    arguments = parser.parse_args()
    for rollouts in map(int, arguments.rollouts.split(",")):
        print(row(rollouts, arguments.records), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

"""The table of a real load balancer's records in docs/calibration.md: how often each interval has the truth.

`python tests/live/own_records_coverage.py [--repetitions 20] [--rates 0.5,2,5] [--routing round_robin] [--first 1]`:
some 30 s for each repetition. `--first` is the first repetition's seed.

A repetition's median is also held against the one that it had drawn, which is not exactly the law's: the mean
difference of all repetitions is the method's own error, without the luck of the draws.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from albsim_tests.live.own_records import NODES, Truth, record
from albsim_tests.live.rig import LATEST_S

from sim.calibration.calibrate import PROPAGATION, calibrate
from sim.records.reading import read


def row(truth: Truth, repetitions: int, first: int) -> str:
    """Return a line of the table; a run in which a drain came too late is repeated."""
    values, naive, drawn, covered, seed = [], [], [], Counter(), first - 1
    while len(values) < repetitions:
        seed += 1
        with tempfile.TemporaryDirectory() as directory:
            played = record(truth, Path(directory), seed)
            if played.latest_s > LATEST_S:
                continue
            found = calibrate(read([Path(directory)]))
        if found.propagation is None:
            raise RuntimeError(found.not_measured[PROPAGATION])
        values.append([found.propagation.quantile(name) for name in ("median", "p95")])
        naive.append(float(np.median(found.propagation.last_s)))
        drawn.append(float(np.exp(np.mean(np.log(played.propagation_s)))))
        true = {
            (PROPAGATION, "median"): truth.median_s,
            (PROPAGATION, "p95"): truth.p95_s,
            ("traffic.arrival_rate_rps", ""): len(NODES) * truth.traffic.arrival_rate_rps,
            ("traffic.service_time_s", "median"): float(np.median(played.served_s)),
            ("traffic.service_time_s", "p95"): float(np.quantile(played.served_s, 0.95)),
        }
        for (key, name), value in true.items():
            low, high = found.measured[key].ci95[name]
            covered[key, name] += low <= value <= high
        print(seed, *values[-1], drawn[-1], *covered.values(), file=sys.stderr, flush=True)  # noqa: T201
    medians, p95s = np.array(values).T
    beyond = medians - drawn
    cells = " | ".join(f"{100 * n / repetitions:.0f}" for n in covered.values())
    return (
        f"| {truth.routing} | {truth.rate_rps:g} | {repetitions} | {np.mean(naive):.2f} "
        f"| {medians.mean():.2f} ± {medians.std():.2f} | {p95s.mean():.2f} ± {p95s.std():.2f} "
        f"| {beyond.mean():+.3f} ± {beyond.std() / np.sqrt(repetitions):.3f} | {cells} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--rates", default="0.5,2,5")
    parser.add_argument("--routing", default="round_robin")
    parser.add_argument("--first", type=int, default=1)
    arguments = parser.parse_args()
    gc.disable()
    for rate in arguments.rates.split(","):
        gc.collect()
        truth = Truth(rate_rps=float(rate), routing=arguments.routing)
        print(row(truth, arguments.repetitions, arguments.first), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

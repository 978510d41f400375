"""The round trip's table of docs/calibration.md: rollouts simulated, written, read and calibrated.

`python tests/report/records/round_trip.py [--rollouts N] [--rates 0.05,0.2,1,5]`: some seconds for each rollout. The
table so far is on stderr after every tenth.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np

from sim.calibration.calibrate import calibrate
from sim.control_plane.trace import PodDeleted, TargetDeregistered
from sim.control_plane.world import run_control_plane
from sim.experiment.replication import simulate
from sim.records.reading import read
from sim.report.records.writing import write_records
from sim.scenario.specs import Scenario
from sim.streams import Streams

PODS, NODES = 25, 2
OTHERS, N_OTHERS = 10_000, 300


def scenario(rate_rps: float, seed: int) -> Scenario:
    """Return a quiet rollout whose pods outlive every ALB node's interest; `rate_rps` is that of a node and target."""
    return Scenario(
        name="round trip",
        seed=seed,
        traffic={
            "arrival_rate_rps": rate_rps * PODS * NODES,
            "service_time_s": {"dist": "lognormal", "median": 0.05, "sigma": 0.8},
        },
        deployment={"replicas": PODS},
        pod={"pre_stop_sleep_s": 90, "termination_grace_period_s": 120},
        controller={"version": "v2.13.0"},
    )


@cache
def lag_s(rollouts: int = N_OTHERS) -> dict[str, float]:
    """Return the lag's quantiles over many other rollouts: one rollout's own would be in any interval around them."""
    lags_s = []
    for seed in range(OTHERS, OTHERS + rollouts):
        trace = run_control_plane(scenario(1.0, seed), Streams(seed, 0))
        deleted = {record.pod: record.time_s for record in trace.of(PodDeleted)}
        lags_s += [record.time_s - deleted[record.pod] for record in trace.of(TargetDeregistered)]
    return {name: float(np.quantile(lags_s, q)) for name, q in (("median", 0.5), ("p95", 0.95))}


def truths(spec: Scenario) -> dict[tuple[str, str], float]:
    """Return what should be in each interval."""
    service = spec.traffic.service_time_s
    return {
        ("target_group.propagation_s", "median"): 10.0,
        ("target_group.propagation_s", "p95"): 20.0,
        ("traffic.arrival_rate_rps", ""): spec.traffic.arrival_rate_rps,
        ("traffic.service_time_s", "median"): float(service.ppf(0.5)),
        ("traffic.service_time_s", "p95"): float(service.ppf(0.95)),
        ("controller.deregistration_lag_s", "median"): lag_s()["median"],
        ("controller.deregistration_lag_s", "p95"): lag_s()["p95"],
    }


def row(rate: float, rollouts: int) -> str:
    """Return a line of the table."""
    covered: Counter[tuple[str, str]] = Counter()
    values = []
    line = ""
    for seed in range(rollouts):
        replication = simulate(scenario(rate, seed))
        with tempfile.TemporaryDirectory() as directory:
            write_records(replication, Path(directory))
            found = calibrate(read([Path(directory)]))
        if found.propagation is not None:
            values.append([found.propagation.quantile(name) for name in ("median", "p95")])
        for (key, name), true in truths(replication.scenario).items():
            low, high = (found.measured | found.beside)[key].ci95[name]
            covered[key, name] += low <= true <= high
        medians, p95s = np.array(values).T
        cells = " | ".join(f"{100 * n / (seed + 1):.0f}" for n in covered.values())
        spread = f"{medians.mean():.1f} ± {medians.std():.1f} | {p95s.mean():.1f} ± {p95s.std():.1f}"
        line = f"| {rate:g} | {seed + 1} | {spread} | {cells} |"
        if seed % 10 == 9:
            print(line, file=sys.stderr, flush=True)  # noqa: T201
    return line


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rollouts", type=int, default=100)
    parser.add_argument("--rates", default="0.05,0.2,1,5")
    arguments = parser.parse_args()
    for rate in map(float, arguments.rates.split(",")):
        print(row(rate, arguments.rollouts), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

"""How often intervals of measured quantiles hold: service times in milliseconds, and lags of few calls.

`python tests/calibration/quantile_coverage.py`: some four minutes. The figures are in docs/calibration.md.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "report" / "records"))

from round_trip import scenario

from sim.calibration.bootstrap import ENOUGH_CLUSTERS, QUANTILES
from sim.calibration.clustered import clustered_quantile_interval
from sim.calibration.measured import empirical
from sim.control_plane.trace import PodDeleted, TargetDeregistered
from sim.control_plane.world import run_control_plane
from sim.streams import Streams

MEDIAN_S, SIGMA, Z_95 = 0.05, 0.8, 1.6448536269514722
TRUE_S = {"median": MEDIAN_S, "p95": MEDIAN_S * math.exp(SIGMA * Z_95)}
FIRST_SEED, N_ROLLOUTS, DRAWS = 20_000, 1_000, 300


def service_times(n: int, records: int) -> str:
    """Return how often the intervals of lognormal times, noted in milliseconds, have their quantiles."""
    rng = np.random.default_rng(5)
    held = dict.fromkeys(TRUE_S, 0)
    for _ in range(records):
        noted_s = np.round(rng.lognormal(math.log(MEDIAN_S), SIGMA, n), 3)
        for name, (low, high) in empirical(noted_s, "", unit_s=0.001).ci95.items():
            held[name] += low <= TRUE_S[name] <= high
    return f"{n} service times: " + ", ".join(f"{name} {100 * k / records:.0f} %" for name, k in held.items())


def lags_s(seed: int) -> np.ndarray:
    """Return a rollout's lags, each with the moment of its call, shape (targets, 2)."""
    trace = run_control_plane(scenario(1.0, seed), Streams(seed, 0))
    deleted = {record.pod: record.time_s for record in trace.of(PodDeleted)}
    return np.array([[one.time_s, one.time_s - deleted[one.pod]] for one in trace.of(TargetDeregistered)])


def lags(rollouts: list[np.ndarray], some: int) -> str:
    """Return how often the lag's quantiles are below and above the intervals of so many rollouts."""
    rng = np.random.default_rng(3)
    every = np.concatenate(rollouts)[:, 1]
    below, above = dict.fromkeys(QUANTILES, 0), dict.fromkeys(QUANTILES, 0)
    for _ in range(DRAWS):
        drawn = [rollouts[at] for at in rng.choice(len(rollouts), some, replace=False)]
        of_rollout = np.repeat(np.arange(some), [len(one) for one in drawn])
        rows = np.column_stack([of_rollout, np.concatenate(drawn)])
        of_call = np.unique(rows[:, :2], axis=0, return_inverse=True)[1].ravel()
        many = some >= ENOUGH_CLUSTERS
        for name, q in QUANTILES.items():
            low, high = clustered_quantile_interval(rows[:, 2], of_rollout if many else of_call, q, independent=many)
            below[name] += np.quantile(every, q) < low
            above[name] += np.quantile(every, q) > high
    words = (
        f"{name} below {100 * below[name] / DRAWS:.0f} %, above {100 * above[name] / DRAWS:.0f} %" for name in below
    )
    return f"lags of {some} rollouts: {'; '.join(words)}"


def main() -> None:
    """Print the figures."""
    for n, records in ((300, 600), (750, 600), (3_000, 600), (37_000, 200)):
        print(service_times(n, records), flush=True)  # noqa: T201
    rollouts = [lags_s(seed) for seed in range(FIRST_SEED, FIRST_SEED + N_ROLLOUTS)]
    for some in (1, 3, 8, 12, 20, 30, 50):
        print(lags(rollouts, some), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

"""The table of a real load balancer's records in docs/calibration.md: how often each interval has the truth.

`python tests/live/own_records_coverage.py [--repetitions 20] [--rates 0.5,2,5] [--routing round_robin] [--first 1]`:
some 40 s for each repetition. `--first` is the first repetition's seed.

A repetition's quantiles are also held against those of what it had drawn, as a lognormal law fitted to the delays
themselves has them. The mean difference of all repetitions is the method's own error, without the luck of the draws.
Equal seeds draw equal delays: rows that are to be independent need a `--first` of their own.

The service time's truth is what the servers took by their own clock, in all repetitions together: one repetition's own
times would be in any interval around them. How much longer the log has it is told beside.
"""

from __future__ import annotations

import argparse
import gc
import math
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from albsim_tests.live.own_records import NODES, Played, Truth, record
from albsim_tests.live.rig import LATEST_S

from sim.calibration.bootstrap import QUANTILES
from sim.calibration.calibrate import PROPAGATION, calibrate
from sim.records.reading import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from sim.calibration.measured import Calibration

_Z_95 = 1.6448536269514722
RATE, SERVICE = "traffic.arrival_rate_rps", "traffic.service_time_s"


def repetitions(truth: Truth, n: int, first: int) -> Iterator[tuple[Played, Calibration, float]]:
    """Yield what was played and found, and the log's median service time.

    A run in which a drain came too late is repeated.
    """
    seed, done = first - 1, 0
    while done < n:
        seed += 1
        with tempfile.TemporaryDirectory() as directory:
            played = record(truth, Path(directory), seed)
            if played.latest_s > LATEST_S:
                print(seed, f"too late: {played.latest_s:.3f} s", file=sys.stderr, flush=True)  # noqa: T201
                continue
            records = read([Path(directory)])
        found = calibrate(records)
        if found.propagation is None:
            raise RuntimeError(found.not_measured[PROPAGATION])
        done += 1
        service = found.measured[SERVICE].ci95["median"]
        print(seed, found.propagation.quantile("median"), service, file=sys.stderr, flush=True)  # noqa: T201
        yield played, found, _logged_median_s(records.requests)


def _logged_median_s(requests: pd.DataFrame | None) -> float:
    if requests is None:
        raise RuntimeError("no access log")
    return float(requests["target_processing_s"].median())


def row(truth: Truth, n: int, first: int) -> str:
    """Return a line of the table."""
    all_played, all_found, logged_s = zip(*repetitions(truth, n, first), strict=True)
    served_s = np.concatenate([played.served_s for played in all_played])
    true = {
        (PROPAGATION, "median"): truth.median_s,
        (PROPAGATION, "p95"): truth.p95_s,
        (RATE, ""): len(NODES) * truth.traffic.arrival_rate_rps,
        **{(SERVICE, name): float(np.quantile(served_s, q)) for name, q in QUANTILES.items()},
    }
    values, naive, drawn, beyond_ms, covered, of_drawn = [], [], [], [], Counter(), 0
    for played, found, median_s in zip(all_played, all_found, logged_s, strict=True):
        law = found.propagation
        values.append([law.quantile(name) for name in QUANTILES])
        naive.append(float(np.median(law.last_s)))
        drawn.append(_fitted_s(played.propagation_s))
        of_drawn += _holds_p95(played.propagation_s, truth.p95_s)
        beyond_ms.append(1000 * (median_s - float(np.median(played.served_s))))
        for (key, name), value in true.items():
            low, high = found.measured[key].ci95[name]
            covered[key, name] += low <= value <= high
    medians, p95s = np.array(values).T
    beyond = np.array(values) - np.array(drawn)
    against = " | ".join(f"{one.mean():+.3f} ± {one.std() / np.sqrt(n):.3f}" for one in beyond.T)
    cells = " | ".join(f"{100 * covered[one] / n:.0f}" for one in true)
    return (
        f"| {truth.routing} | {truth.rate_rps:g} | {n} | {np.mean(naive):.2f} "
        f"| {medians.mean():.2f} ± {medians.std():.2f} | {p95s.mean():.2f} ± {p95s.std():.2f} "
        f"| {against} | {100 * of_drawn / n:.0f} | {cells} "
        f"| {np.mean(beyond_ms):.2f} ± {np.std(beyond_ms):.2f} |"
    )


def _fitted_s(delays_s: Sequence[float]) -> list[float]:
    """Return median and 95 % quantile of the lognormal law that fits delays best."""
    logs = np.log(delays_s)
    return [float(np.exp(logs.mean() + z * logs.std())) for z in (0.0, _Z_95)]


def _holds_p95(delays_s: Sequence[float], true_s: float) -> bool:
    """Return whether an interval of the 95 % quantile holds that sees the delays themselves: the best there can be."""
    spread = float(np.log(delays_s).std()) * math.sqrt((1 + _Z_95**2 / 2) / len(delays_s))
    return abs(math.log(_fitted_s(delays_s)[1] / true_s)) <= float(stdtrit(len(delays_s) - 1, 0.975)) * spread


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

"""How often `observe --against` calls a model false: the table of docs/calibration.md, some minutes.

`python tests/records/against_ranks.py [--rollouts 50]`: rollouts are simulated, written as records, read and observed.
Each rollout is held against 239 simulations of its own model, of its own model with what other rollouts measured, and
of a false model.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import kstest

from sim.calibration.calibrate import calibrate
from sim.experiment.replication import simulate
from sim.records.against import CLASSES, SIGNIFICANT, _compared, _observed, _repetition
from sim.records.fit import Fit
from sim.records.observation import observe
from sim.records.reading import read
from sim.report.measured import render
from sim.report.records.writing import write_records
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

REPLICATIONS = 239
MEASURED_ON = 5
FIRST = 1000
"""Rollouts that no simulation of a model has."""
TRUTH = Scenario(
    name="shop",
    traffic={"arrival_rate_rps": 20},
    deployment={"replicas": 20},
    pod={"pre_stop_sleep_s": 10, "termination_grace_period_s": 30},
    controller={"version": "v2.8"},
)
TOO_SHORT = TRUTH.with_overrides(
    {"target_group.propagation_s": {"dist": "lognormal", "median": 10 / 1.5, "p95": 20 / 1.5}}
)
QUIET = TRUTH.with_overrides({"pod.pre_stop_sleep_s": 90, "pod.termination_grace_period_s": 120})
"""To be measured: its pods outlive every ALB node's interest."""


def observed(number: int) -> NDArray[np.float64]:
    """Write a rollout, read it, and return its counts by class."""
    with tempfile.TemporaryDirectory() as directory:
        write_records(simulate(TRUTH, replication=number, estimator="sampled"), Path(directory))
        (rollout,) = observe(read([Path(directory)]), TRUTH.target_group.deregistration_delay_s).rollouts
    return _observed(rollout.outcomes)


def measured() -> list[Fit]:
    """Return what calibration says of other rollouts, each for itself."""
    fits = []
    for number in range(MEASURED_ON):
        with tempfile.TemporaryDirectory() as directory:
            write_records(simulate(QUIET, replication=2 * FIRST + number, estimator="sampled"), Path(directory))
            found = json.loads(render(calibrate(read([Path(directory)])), "json"))["measured"]
        fits.append(Fit({key: one for key, one in found.items() if key == "target_group.propagation_s"}))
    return fits


def simulated(model: Scenario, fits: Sequence[Fit | None]) -> NDArray[np.float64]:
    """Return the counts of each simulation; the fits in turn, so that the table is not one fit's luck."""
    return np.array([_repetition(model, fits[number % len(fits)], 1, number) for number in range(REPLICATIONS)])


def row(words: str, counts: Sequence[NDArray[np.float64]], by_model: NDArray[np.float64]) -> str:
    """Return a line of the table."""
    found = [_compared(one, by_model) for one in counts]
    called = [any(one.p_holm < SIGNIFICANT for one in classes.values()) for classes in found]
    rng = np.random.default_rng(1)
    ranks = [_rank(sum(one), by_model.sum(axis=1), rng) for one in counts]
    return (
        f"| {words} | {len(counts)} | {100 * np.mean(called):.0f} | {np.mean([sum(one) for one in counts]):.0f} "
        f"| {by_model.sum(axis=1).mean():.0f} | {kstest(ranks, 'uniform').pvalue:.2g} |"
    )


def _rank(value: float, among: NDArray[np.float64], rng: np.random.Generator) -> float:
    """Return the rank of all failures together, in [0, 1]; at random among ties."""
    below, ties = np.count_nonzero(among < value), np.count_nonzero(among == value)
    return float((below + rng.random() * (ties + 1)) / (among.size + 1))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rollouts", type=int, default=50)
    counts = []
    for number in range(parser.parse_args().rollouts):
        counts.append(observed(FIRST + number))
        print(number, dict(zip(CLASSES, counts[-1].tolist(), strict=True)), file=sys.stderr, flush=True)  # noqa: T201
    print(row("its own", counts, simulated(TRUTH, [None])), flush=True)  # noqa: T201
    print(row("its own, propagation as others measured it", counts, simulated(TRUTH, measured())), flush=True)  # noqa: T201
    print(row("propagation 1.5 times too short", counts, simulated(TOO_SHORT, [None])), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

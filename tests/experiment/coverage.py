"""How often the intervals of `sim.experiment.statistics` contain what they are to contain: docs/statistics.md.

`python -m tests.experiment.coverage` prints the table. The rollouts are those of `data/`, of which each seed draws some
with replacement: 2,000 replications of a scenario by `albsim sweep`, its columns responses.502 and any_502.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.experiment.statistics import (
    fraction_estimate,
    mean_estimate,
    quantile_estimate,
    replications_for_mean,
    sure_quantile_estimate,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.experiment.statistics import Estimate

BANK = Path(__file__).parent / "data"
SEEDS = 200
SIZES = (20, 50, 100, 200)
_HEADINGS = (
    "rollouts", "n", "mean, always", "mean, where given", "given", "median, sure", "median", "95 % quantile, sure",
    "95 % quantile", "bounded", "any 502, Student", "any 502",
)  # fmt: skip


def rollouts(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 502s of a scenario's rollouts, and the probability that each has any."""
    n_502, any_502 = np.loadtxt(BANK / f"{name}.csv", delimiter=",", skiprows=1, unpack=True)
    return n_502, any_502


def coverage(name: str, n: int, *, seeds: int = SEEDS) -> dict[str, float]:
    """Return the fractions of seeds whose intervals, of n rollouts each, contain the value of all rollouts."""
    n_502, any_502 = rollouts(name)
    median, p95 = (float(np.quantile(n_502, p, method="inverted_cdf")) for p in (0.5, 0.95))
    seen: dict[str, list[bool]] = {heading: [] for heading in _HEADINGS[2:]}
    for seed in range(seeds):
        drawn = np.random.default_rng([seed, n]).integers(n_502.size, size=n)
        sample = n_502[drawn]
        mean, p95_estimate = mean_estimate(sample), quantile_estimate(sample, 0.95)
        given = replications_for_mean(sample) <= n
        seen["mean, always"].append(_contains(mean, n_502.mean()))
        seen["given"].append(given)
        if given:
            seen["mean, where given"].append(_contains(mean, n_502.mean()))
        seen["median, sure"].append(_contains(sure_quantile_estimate(sample, 0.5), median))
        seen["median"].append(_contains(quantile_estimate(sample, 0.5), median))
        seen["95 % quantile, sure"].append(_contains(sure_quantile_estimate(sample, 0.95), p95))
        seen["95 % quantile"].append(_contains(p95_estimate, p95))
        seen["bounded"].append(bool(np.isfinite(p95_estimate.high)))
        seen["any 502, Student"].append(_contains(mean_estimate(any_502[drawn]), any_502.mean()))
        seen["any 502"].append(_contains(fraction_estimate(any_502[drawn].sum(), n), any_502.mean()))
    return {heading: float(np.mean(of_seeds)) if of_seeds else float("nan") for heading, of_seeds in seen.items()}


def table(names: list[str]) -> Iterator[str]:
    """Yield the lines of the table in Markdown."""
    yield f"| {' | '.join(_HEADINGS)} |"
    yield f"| :-- {'| --: ' * (len(_HEADINGS) - 1)}|"
    for name in names:
        for n in SIZES:
            fractions = coverage(name, n).values()
            cells = ("-" if np.isnan(fraction) else f"{100 * fraction:.1f} %" for fraction in fractions)
            yield f"| {name} | {n} | {' | '.join(cells)} |"


def _contains(estimate: Estimate, value: float) -> bool:
    # Not as if rounding told whether all rollouts are alike.
    return estimate.low - 1e-9 <= value <= estimate.high + 1e-9


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in table(sorted(path.stem for path in BANK.glob("*.csv"))))

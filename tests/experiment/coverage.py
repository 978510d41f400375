"""How often the intervals of `sim.experiment.statistics` contain what they are to contain: docs/statistics.md.

`python -m tests.experiment.coverage` prints the table, by default for every bank of `data/`. A bank has the 502s of
many rollouts of a scenario, and the probability that each has any. With `--bank SCENARIO.yaml` it is simulated anew.

A seed draws its rollouts from the bank with replacement. The bank is then the law of what it draws, and its median,
its 95 % quantile and its mean are known exactly. So the error measured is that of the intervals, and not that of the
value that they are to contain. With `--separate` no two samples have a rollout in common: each rollout is used once.
`--exact` prints the probabilities themselves, without samples, for the intervals of the two quantiles.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from sim.experiment.estimators import choose_estimator
from sim.experiment.replication import simulate
from sim.experiment.replications import garbage_collected_rarely
from sim.experiment.statistics import (
    fraction_estimate,
    mean_estimate,
    quantile_estimate,
    replications_for_mean,
    sure_quantile_estimate,
)
from sim.scenario.loading import load_scenario
from tests.experiment.exact_coverage import exact_coverage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from sim.experiment.statistics import Estimate

BANK = Path(__file__).parent / "data"
SEEDS = 200
SIZES = (20, 50, 100, 200)
_AT_ONCE = 100
_HEADINGS = (
    "rollouts", "n", "mean, always", "mean, where given", "given", "median, sure", "median", "95 % quantile, sure",
    "95 % quantile", "bounded", "any 502, Student", "any 502",
)  # fmt: skip


def banks() -> list[str]:
    """Return the names of the scenarios that have a bank."""
    return sorted(path.name.removesuffix(".csv.gz") for path in BANK.glob("*.csv.gz"))


@cache
def rollouts(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 502s of a scenario's rollouts, and the probability that each has any."""
    n_502, any_502 = np.loadtxt(BANK / f"{name}.csv.gz", delimiter=",", skiprows=1, unpack=True)
    return n_502, any_502


def make_bank(scenario_file: str, n: int) -> Path:
    """Simulate the first `n` rollouts of a scenario, with the default estimator, and return the file of their 502s.

    Rollouts that the bank has already are kept. The file is written after every hundred, so that a stop loses little.
    """
    scenario = load_scenario(scenario_file)
    estimator = choose_estimator([scenario])
    file = BANK / f"{scenario.name}.csv.gz"
    rows = list(zip(*rollouts(scenario.name), strict=True)) if file.exists() else []
    with garbage_collected_rarely():
        for number in range(len(rows), n):
            figures = simulate(scenario, replication=number, estimator=estimator).figures()
            rows.append((figures.responses(502), figures.values["any_502"]))
            if len(rows) % _AT_ONCE == 0 or len(rows) == n:
                np.savetxt(file, rows, fmt="%.4g", delimiter=",", header="responses.502,any_502", comments="")
    return file


def drawn(n_rollouts: int, n: int, seeds: int) -> Iterator[NDArray[np.int64]]:
    """Yield for each seed the places of `n` rollouts, with replacement."""
    for seed in range(seeds):
        yield np.random.default_rng([seed, n]).integers(n_rollouts, size=n)


def separate(n_rollouts: int, n: int) -> Iterator[NDArray[np.int64]]:
    """Yield the places of `n` rollouts after `n` others, as far as they go."""
    yield from np.arange(n_rollouts // n * n).reshape(-1, n)


def coverage(name: str, samples: Iterable[NDArray[np.int64]]) -> dict[str, float]:
    """Return the fractions of samples whose intervals contain the value of all rollouts."""
    n_502, any_502 = rollouts(name)
    median, p95 = (float(np.quantile(n_502, p, method="inverted_cdf")) for p in (0.5, 0.95))
    seen: dict[str, list[bool]] = {heading: [] for heading in _HEADINGS[2:]}
    for places in samples:
        sample = n_502[places]
        mean, p95_estimate = mean_estimate(sample), quantile_estimate(sample, 0.95)
        given = replications_for_mean(sample) <= sample.size
        seen["mean, always"].append(_contains(mean, n_502.mean()))
        seen["given"].append(given)
        if given:
            seen["mean, where given"].append(_contains(mean, n_502.mean()))
        seen["median, sure"].append(_contains(sure_quantile_estimate(sample, 0.5), median))
        seen["median"].append(_contains(quantile_estimate(sample, 0.5), median))
        seen["95 % quantile, sure"].append(_contains(sure_quantile_estimate(sample, 0.95), p95))
        seen["95 % quantile"].append(_contains(p95_estimate, p95))
        seen["bounded"].append(bool(np.isfinite(p95_estimate.high)))
        seen["any 502, Student"].append(_contains(mean_estimate(any_502[places]), any_502.mean()))
        seen["any 502"].append(_contains(fraction_estimate(any_502[places].sum(), sample.size), any_502.mean()))
    return {heading: float(np.mean(of_seeds)) if of_seeds else float("nan") for heading, of_seeds in seen.items()}


def table(names: Iterable[str], seeds: int | None) -> Iterator[str]:
    """Yield the lines of the table in Markdown: of so many seeds, or of separate rollouts."""
    yield f"| {' | '.join(_HEADINGS)} |"
    yield f"| :-- {'| --: ' * (len(_HEADINGS) - 1)}|"
    for name in names:
        n_rollouts = rollouts(name)[0].size
        for n in SIZES:
            samples = separate(n_rollouts, n) if seeds is None else drawn(n_rollouts, n, seeds)
            fractions = coverage(name, samples).values()
            cells = ("-" if np.isnan(fraction) else f"{100 * fraction:.1f} %" for fraction in fractions)
            yield f"| {name} | {n} | {' | '.join(cells)} |"


def exact_table(names: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a table in Markdown: how likely the quantiles' intervals are to hold, without samples."""
    yield "| rollouts | n | median | 95 % quantile |"
    yield "| :-- | --: | --: | --: |"
    for name in names:
        n_502 = rollouts(name)[0]
        for n in SIZES:
            cells = (f"{100 * exact_coverage(n_502, n, probability):.1f} %" for probability in (0.5, 0.95))
            yield f"| {name} | {n} | {' | '.join(cells)} |"


def _contains(estimate: Estimate, value: float) -> bool:
    # Not as if rounding told whether all rollouts are alike.
    return estimate.low - 1e-9 <= value <= estimate.high + 1e-9


@click.command()
@click.argument("names", nargs=-1)
@click.option("--seeds", type=int, default=SEEDS, show_default=True, help="Samples for each number of rollouts.")
@click.option("--separate", "by_themselves", is_flag=True, help="Instead: samples that have no rollout in common.")
@click.option("--exact", "is_exact", is_flag=True, help="Instead: the probabilities, without samples.")
@click.option("--bank", "scenario_file", help="Instead: simulate a scenario's rollouts, and keep their 502s.")
@click.option("--rollouts", "n_rollouts", type=int, default=10_000, show_default=True, help="How many, for --bank.")
def main(
    names: tuple[str, ...],
    seeds: int,
    *,
    by_themselves: bool,
    is_exact: bool,
    scenario_file: str | None,
    n_rollouts: int,
) -> None:
    """Print how often intervals hold, for the banks of these names."""
    if scenario_file is not None:
        click.echo(make_bank(scenario_file, n_rollouts))
        return
    chosen = names or banks()
    lines = exact_table(chosen) if is_exact else table(chosen, None if by_themselves else seeds)
    sys.stdout.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    main()

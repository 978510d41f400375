"""What `recommend` advises over many seeds, and the chance that a rollout then loses a request: docs/statistics.md.

`python -m tests.experiment.promise` prints the table. The case is `thirty_pods.yaml` of `data/`: 30 pods at 500
requests per second with v2.7 and no preStop sleep. `data/thirty_pods.txt.gz` has the least sleep that each of many
rollouts needs. A search draws its rollouts from these, so that the chance at every sleep is known.
`--bank N` simulates the rollouts anew. `--simulate N` searches as `albsim recommend` does, with seeds 1 to N.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import numpy as np

from sim.experiment.goal import Goal, Precision
from sim.experiment.least_sleep import Need, Slowest, need_of
from sim.experiment.recommend import LONGEST_SLEEP_S, _advised_s, _needs
from sim.experiment.with_sleep import WithSleep, longest_request_s
from sim.scenario.loading import load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from sim.scenario.specs import Scenario

DATA = Path(__file__).parent / "data"
SCENARIO, NEEDS = DATA / "thirty_pods.yaml", DATA / "thirty_pods.txt.gz"
SEEDS = 200
MISS = 0.05
"""The chance of a miss that the default confidence leaves."""
_APART = 1_000_000
"""The seed of the bank, which no search has."""


class Search(NamedTuple):
    """What one search advises, the rollouts that it took, and its interval of the sleep (s)."""

    advised_s: float
    rollouts: int
    low_s: float
    high_s: float


class Drawn:
    """An executor whose rollouts are drawn from known ones."""

    def __init__(self, needed_s: NDArray[np.float64], seed: int) -> None:
        self._needed_s, self._rng = needed_s, np.random.default_rng(seed)

    def map(self, _: object, numbers: range) -> list[Need]:
        """Return as many rollouts as were asked for."""
        drawn = self._rng.choice(self._needed_s, size=len(numbers)).tolist()
        return [Need(sleep_s, Slowest(sleep_s, sleep_s)) for sleep_s in drawn]


class InOrder:
    """An executor that does the work here."""

    @staticmethod
    def map(of: Callable[[int], Need], numbers: range) -> Iterator[Need]:
        """Yield each rollout."""
        return map(of, numbers)


def needed_s() -> NDArray[np.float64]:
    """Return the least sleep with which each rollout of the bank loses no request (s)."""
    return np.loadtxt(NEEDS)


def search(scenario: Scenario, executor: Drawn | InOrder) -> Search:
    """Return what a search with the default goal and precision finds."""
    goal = Goal()
    needs, sleep = _needs(WithSleep(scenario), goal, Precision(), executor, lambda _: None)  # type: ignore[arg-type]
    return Search(_advised_s(needs, sleep, goal), len(needs), sleep.low, sleep.high)


def searches(seeds: int) -> list[Search]:
    """Return searches that draw their rollouts from the bank."""
    scenario, bank_s = load_scenario(SCENARIO), needed_s()
    return [search(scenario, Drawn(bank_s, seed)) for seed in range(seeds)]


def misses(sleep_s: Iterable[float]) -> NDArray[np.float64]:
    """Return the true chance that a rollout with each of these sleeps loses a request."""
    ordered = np.sort(needed_s())
    return 1 - np.searchsorted(ordered, list(sleep_s), side="right") / ordered.size


def _make_bank(n: int) -> None:
    scenario = load_scenario(SCENARIO).with_overrides({"seed": _APART})
    need = partial(need_of, WithSleep(scenario), 0, longest_request_s(scenario), LONGEST_SLEEP_S)
    np.savetxt(NEEDS, [need(number).least_s for number in range(n)], fmt="%g")


def _told(found: list[Search]) -> Iterator[str]:
    advised = np.array([one.advised_s for one in found])
    rollouts = np.array([one.rollouts for one in found])
    miss = misses(advised)
    least_s = float(np.quantile(needed_s(), 0.95, method="inverted_cdf"))
    inside = [one.low_s <= least_s <= one.high_s for one in found]
    yield f"{len(found)} searches; the 95 % quantile of the least sleeps is {least_s:g} s"
    for value, times in zip(*np.unique(advised, return_counts=True), strict=True):
        yield f"advised {value:g} s: {times} times, chance of a miss {100 * misses([value])[0]:.2f} %"
    yield f"rollouts: {rollouts.min()} to {rollouts.max()}, median {np.median(rollouts):g}"
    yield f"widest interval: {max(one.high_s - one.low_s for one in found):g} s"
    yield f"intervals with the quantile: {np.mean(inside):.1%}"
    yield f"chance of a miss: mean {miss.mean():.2%}, greatest {miss.max():.2%}"
    yield f"above 5 %: {np.mean(miss > MISS):.1%}"


@click.command()
@click.option("--bank", "n_rollouts", type=int, help="Instead: simulate so many rollouts, and keep what they need.")
@click.option("--simulate", "n_seeds", type=int, help="Instead: simulate the rollouts of so many searches.")
def main(n_rollouts: int | None, n_seeds: int | None) -> None:
    """Print what is advised, and how often it is too short."""
    if n_rollouts is not None:
        _make_bank(n_rollouts)
        return
    if n_seeds is None:
        found = searches(SEEDS)
    else:
        given = load_scenario(SCENARIO)
        found = [search(given.with_overrides({"seed": seed}), InOrder()) for seed in range(1, n_seeds + 1)]
    click.echo("\n".join(_told(found)))


if __name__ == "__main__":
    main()

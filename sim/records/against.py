"""Observed rollouts against simulated ones: whether the model explains what happened.

Modelled:
- Failures are counted by cause, over as many simulated rollouts as were observed, many times.
- With a fit, each time has other parameters, drawn from the fit.
- For each class of causes: the rank of the observed count among the simulated ones, two-sided, ties by half (mid-p).
- Holm's correction over the classes that occur at all.
- The class `reset` has everything that one line of a log cannot tell apart, even if other records could.

Left out:
- answered requests, whose number depends on the window;
- the target's own errors, which are not simulated.

Sources: docs/facts/logs.md §4 ("Observed against simulated"); Holm, "A simple sequentially rejective multiple test
procedure" (1979).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.data_plane.outcomes import Outcome
from sim.experiment.replication import simulate
from sim.experiment.replications import cancelling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from sim.records.fit import Fit
    from sim.records.rollouts import Rollout
    from sim.scenario.specs import Scenario

SIGNIFICANT = 0.05
CLASSES: dict[str, tuple[str, ...]] = {
    "reset": ("reset", "connect_refused", "closed_in_flight", "keep_alive_race"),
    "host_unreachable": ("host_unreachable",),
    "deregistration_delay_elapsed": ("deregistration_delay_elapsed",),
    "idle_timeout": ("idle_timeout",),
    "connect_timeout": ("connect_timeout",),
    "no_registered_targets": ("no_registered_targets",),
}
"""The classes of causes, by the outcomes in them."""
LEAST_REPLICATIONS = 2 * len(CLASSES) / SIGNIFICANT - 1
"""With fewer replications not even the lowest rank would be significant among all classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One class. `p` is that of its rank, `p_holm` the one corrected for all classes."""

    observed: int
    simulated: float
    ci95: tuple[float, float]
    p: float
    p_holm: float

    def as_json(self) -> dict[str, Any]:
        """Return the object of docs/interface.md."""
        return {
            "observed": self.observed,
            "simulated": self.simulated,
            "ci95": list(self.ci95),
            "p": round(self.p, 4),
            "p_holm": round(self.p_holm, 4),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """Observed rollouts against a scenario. `targets` is how many targets left in each observed rollout."""

    scenario: Scenario
    replications: int
    fitted: bool
    targets: tuple[int, ...]
    classes: dict[str, Compared]

    @property
    def contradicted(self) -> dict[str, Compared]:
        """The classes that differ by more than chance."""
        return {name: one for name, one in self.classes.items() if one.p_holm < SIGNIFICANT}


def against(
    rollouts: Sequence[Rollout],
    scenario: Scenario,
    fit: Fit | None = None,
    executor: Executor | None = None,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> Against:
    """Compare all rollouts together with `scenario.replications` times as many simulated ones.

    Raises ScenarioError as a simulation does, and ValueError if no rollout has requests.
    """
    observed = [_observed(rollout.outcomes) for rollout in rollouts if rollout.requests is not None]
    if not observed:
        raise ValueError("no rollout with an access log")
    simulated = np.stack(list(_simulated(scenario, fit, len(observed), executor, on_progress)))
    counts = np.sum(observed, axis=0)
    return Against(
        scenario=scenario,
        replications=scenario.replications,
        fitted=fit is not None,
        targets=tuple(len(rollout.lags) for rollout in rollouts if rollout.requests is not None),
        classes=_compared(counts, simulated),
    )


def rank_p(observed: float, simulated: NDArray[np.float64]) -> float:
    """Return the two-sided p of a value's rank among simulated ones. Ties count by half, the value itself included."""
    n = simulated.size + 1
    ties = (np.count_nonzero(simulated == observed) + 1) / 2
    above, below = np.count_nonzero(simulated > observed) + ties, np.count_nonzero(simulated < observed) + ties
    return float(min(1.0, 2 * min(above, below) / n))


def holm(ps: Sequence[float]) -> list[float]:
    """Return Holm's corrected p values, each of which may be compared with the level."""
    adjusted = [0.0] * len(ps)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = highest
    return adjusted


def _compared(counts: NDArray[np.float64], simulated: NDArray[np.float64]) -> dict[str, Compared]:
    occur = [place for place in range(len(CLASSES)) if counts[place] or simulated[:, place].any()]
    ps = {place: rank_p(counts[place], simulated[:, place]) for place in occur}
    adjusted = dict(zip(occur, holm(list(ps.values())), strict=True))
    found = {}
    for place, name in enumerate(CLASSES):
        low, median, high = np.quantile(simulated[:, place], [0.025, 0.5, 0.975]).tolist()
        found[name] = Compared(
            observed=int(counts[place]),
            simulated=median,
            ci95=(low, high),
            p=ps.get(place, 1.0),
            p_holm=adjusted.get(place, 1.0),
        )
    return found


def _observed(outcomes: dict[str, int]) -> NDArray[np.float64]:
    return np.array([sum(outcomes.get(name, 0) for name in names) for names in CLASSES.values()], float)


def _simulated(
    scenario: Scenario,
    fit: Fit | None,
    n_rollouts: int,
    executor: Executor | None,
    on_progress: Callable[[int, int], None],
) -> Iterator[NDArray[np.float64]]:
    """Yield the counts of each repetition, summed over as many rollouts as were observed, in their order."""
    one = partial(_repetition, scenario, fit, n_rollouts)
    numbers = range(scenario.replications)
    if executor is None:
        for number in numbers:
            yield one(number)
            on_progress(number + 1, len(numbers))
        return
    futures = [executor.submit(one, number) for number in numbers]
    with cancelling(futures):
        for number, future in enumerate(futures):
            yield future.result()
            on_progress(number + 1, len(numbers))


def _repetition(scenario: Scenario, fit: Fit | None, n_rollouts: int, number: int) -> NDArray[np.float64]:
    """Return the counts of some simulated rollouts that have one draw of the fit in common."""
    drawn = scenario if fit is None else fit.drawn_for(scenario, number)
    total = np.zeros(len(CLASSES))
    for rollout in range(n_rollouts):
        counts = simulate(drawn, replication=number * n_rollouts + rollout, estimator="sampled").estimate.counts
        total += _observed({outcome.name.lower(): int(counts[outcome]) for outcome in Outcome})
    return total

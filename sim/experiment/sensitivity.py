"""Which unknown decides the answer: each unknown's share of the answer's variance, and its effect alone.

The answer is the 502s per rollout, the preStop sleep with which 95 % of rollouts lose no request, as `recommend` finds
it, or how long a rollout takes. Where no sleep is enough it is the time for which the slowest pod stays in rotation.

Modelled:
- Every unknown is uniform in its range and independent of the others.
- First-order index: the share of the answer's variance that knowing the unknown would remove.
- Total index: the share that would be left if all others were known.
- Every point has the same rollouts (random draws), so that chance is in no index.

Left out: which ranges are likelier; unknowns that go together.

Sources: Saltelli et al., "Variance based sensitivity analysis of model output", Computer Physics Communications 181
(2010), as `scipy.stats.sobol_indices` implements it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from sim.data_plane.outcomes import Outcome
from sim.experiment.figures import OUTCOMES, REQUESTS, ROLLOUT_S
from sim.experiment.recommend import least_sleep_s
from sim.experiment.replications import replicate
from sim.experiment.with_values import with_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from sim.experiment.unknowns import Unknown
    from sim.scenario.disruptions import DisruptionKind
    from sim.scenario.specs import Scenario

Of = Literal["responses.502", "failed", "pre_stop_sleep", "rollout_s"]
MOST_REPLICATIONS = 10
_NEGLIGIBLE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """The effect of one unknown: the answer at both ends of its range, the others unchanged, and both indices."""

    unknown: Unknown
    at_low: float
    at_high: float
    first_order: float
    total: float

    @property
    def swing(self) -> float:
        """How much the answer changes over the unknown's range."""
        return abs(self.at_high - self.at_low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """The influences on the answer, the greatest first. `base` is the answer for the scenario as it stands."""

    of: Of
    disruption: DisruptionKind
    base: float
    influences: tuple[Influence, ...]
    replications: int
    n_points: int


def sensitivity(
    scenario: Scenario,
    unknowns: Sequence[Unknown],
    *,
    of: Of,
    points: int,
    executor: Executor,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> Sensitivity:
    """Return the influences, from the answers at `points` times (unknowns + 2) places of the ranges.

    `points` is a power of 2. Raises ScenarioError as a run does.
    """
    few = scenario.with_overrides({"replications": min(scenario.replications, MOST_REPLICATIONS)})
    first, second = _two_samples(unknowns, points, scenario.seed)
    mixed = [np.where(np.arange(len(unknowns)) == place, second, first) for place in range(len(unknowns))]
    alone = [few, *(with_values(few, {unknown: end}) for unknown in unknowns for end in (unknown.low, unknown.high))]
    at_points = [
        with_values(few, dict(zip(unknowns, point, strict=True))) for point in np.concatenate([first, second, *mixed])
    ]
    scenarios = [*alone, *at_points]
    answers = np.array(list(_counted(executor.map(partial(answer, of), scenarios), len(scenarios), on_progress)))
    swings, values = answers[1 : len(alone)].reshape(-1, 2), answers[len(alone) :].reshape(-1, points)
    first_order, total = _indices(values)
    influences = [
        Influence(unknown=unknown, at_low=low, at_high=high, first_order=one, total=all_of)
        for unknown, (low, high), one, all_of in zip(unknowns, swings.tolist(), first_order, total, strict=True)
    ]
    return Sensitivity(
        of=of,
        disruption=scenario.disruption,
        base=float(answers[0]),
        influences=tuple(sorted(influences, key=lambda one: (-one.total, -one.swing))),
        replications=few.replications,
        n_points=len(scenarios),
    )


def answer(of: Of, scenario: Scenario) -> float:
    """Return the answer for one scenario, over its replications."""
    if of == "pre_stop_sleep":
        return least_sleep_s(scenario)
    if of == "rollout_s":
        return float(np.mean([figures[ROLLOUT_S] for figures in replicate(scenario)]))
    if of == "failed":
        return float(np.mean([figures[REQUESTS] - figures[OUTCOMES[Outcome.OK]] for figures in replicate(scenario)]))
    return float(np.mean([figures.responses(502) for figures in replicate(scenario)]))


def _two_samples(
    unknowns: Sequence[Unknown], points: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two independent, evenly spread samples of the ranges, each of shape (points, unknowns)."""
    from scipy.stats import qmc

    low, high = np.array([[one.low, one.high] for one in unknowns]).T
    unit = qmc.Sobol(2 * len(unknowns), seed=seed).random(points)
    first, second = unit[:, : len(unknowns)], unit[:, len(unknowns) :]
    return low + (high - low) * first, low + (high - low) * second


def _indices(values: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Return first-order and total indices from the answers of both samples and of their mixtures."""
    from scipy.stats import sobol_indices

    of_first, of_second, of_mixed = values[:1], values[1:2], values[2:, None]
    if np.ptp(values) < _NEGLIGIBLE:
        return [0.0] * len(of_mixed), [0.0] * len(of_mixed)
    found = sobol_indices(func={"f_A": of_first, "f_B": of_second, "f_AB": of_mixed}, n=values.shape[1])
    return [np.clip(np.ravel(index), 0, 1).tolist() for index in (found.first_order, found.total_order)]  # type: ignore[return-value]


def _counted(answers: Iterable[float], total: int, on_progress: Callable[[int, int], None]) -> Iterable[float]:
    for number, one in enumerate(answers, start=1):
        on_progress(number, total)
        yield one

"""Which unknown decides the answer: each unknown's share of the answer's variance, and its effect alone.

The answer is the 502s per rollout, the preStop sleep with which 95 % of rollouts lose no request, as `recommend` finds
it, or how long a rollout takes. Where no sleep is enough it is the time for which the slowest pod stays in rotation.

Modelled:
- Every unknown is uniform in its range and independent of the others.
- First-order index: the share of the answer's variance that knowing the unknown would remove.
- Total index: the share that would be left if all others were known.
- Every point has the same rollouts (random draws), so that chance is in no index.
- Where no number of points is asked for, they are doubled until it is sure which unknown has the most influence, or
  there are `MOST_POINTS`.

Left out: which ranges are likelier; unknowns that go together.

Source: Saltelli et al., "Variance based sensitivity analysis of model output", Computer Physics Communications 181
(2010), for the samples; `sim.experiment.sobol` for the indices.
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
from sim.experiment.sobol import sobol_indices
from sim.experiment.with_values import with_values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from sim.experiment.unknowns import Unknown
    from sim.scenario.disruptions import DisruptionKind
    from sim.scenario.specs import Scenario

Of = Literal["responses.502", "failed", "pre_stop_sleep", "rollout_s"]
MOST_REPLICATIONS = 10
FEWEST_POINTS, MOST_POINTS = 64, 256
SURE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """The effect of one unknown: the answer at both ends of its range, the others unchanged, and both indices.

    `first_order_ci95`, `total_ci95`: the indices' 95 % intervals, from the choice of the points.
    """

    unknown: Unknown
    at_low: float
    at_high: float
    first_order: float
    total: float
    first_order_ci95: tuple[float, float]
    total_ci95: tuple[float, float]

    @property
    def swing(self) -> float:
        """How much the answer changes over the unknown's range."""
        return abs(self.at_high - self.at_low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """The influences on the answer, the greatest first. `base` is the answer for the scenario as it stands.

    `points`: the number of points of each sample; `n_points` of all scenarios. `leads`: how sure the first place is,
    as the share of resamples of the points in which the same unknown has it.
    """

    of: Of
    disruption: DisruptionKind
    base: float
    influences: tuple[Influence, ...]
    replications: int
    points: int
    n_points: int
    leads: float

    @property
    def is_sure(self) -> bool:
        """Whether the points are enough to say which unknown has the most influence."""
        return self.leads >= SURE


def sensitivity(
    scenario: Scenario,
    unknowns: Sequence[Unknown],
    *,
    of: Of,
    executor: Executor,
    points: int | None = None,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> Sensitivity:
    """Return the influences, from the answers at `points` times (unknowns + 2) places of the ranges.

    `points` is a power of 2; None lets them be doubled. `on_progress` is called with how many answers are there, and
    how many there will be as far as is known. Raises ScenarioError as a run does.
    """
    few = scenario.with_overrides({"replications": min(scenario.replications, MOST_REPLICATIONS)})
    asked = _Asked(partial(answer, of), executor, on_progress)
    ends = (with_values(few, {unknown: end}) for unknown in unknowns for end in (unknown.low, unknown.high))
    alone = [few, *ends]
    samples = _two_samples(unknowns, points or MOST_POINTS, scenario.seed)
    n, values = points or FEWEST_POINTS, np.empty((len(unknowns) + 2, 0))
    of_alone = asked.answers(alone, len(alone) + n * len(values))
    while True:
        places = np.concatenate(_mixed(*(sample[values.shape[1] : n] for sample in samples)))
        at_places = [with_values(few, dict(zip(unknowns, place, strict=True))) for place in places]
        more = asked.answers(at_places, len(alone) + n * len(values))
        values = np.hstack([values, more.reshape(len(values), -1)])
        indices = sobol_indices(values[0], values[1], values[2:])
        if points or n == MOST_POINTS or indices.leads >= SURE:
            break
        n *= 2
    influences = [
        Influence(
            unknown=unknown,
            at_low=float(low),
            at_high=float(high),
            first_order=float(indices.first_order[number]),
            total=float(indices.total[number]),
            first_order_ci95=_pair(indices.first_order_ci95[number]),
            total_ci95=_pair(indices.total_ci95[number]),
        )
        for number, (unknown, (low, high)) in enumerate(zip(unknowns, of_alone[1:].reshape(-1, 2), strict=True))
    ]
    return Sensitivity(
        of=of,
        disruption=scenario.disruption,
        base=float(of_alone[0]),
        influences=tuple(sorted(influences, key=lambda one: (-one.total, -one.swing))),
        replications=few.replications,
        points=n,
        n_points=asked.n,
        leads=indices.leads,
    )


def _pair(ends: NDArray[np.float64]) -> tuple[float, float]:
    low, high = ends.tolist()
    return low, high


class _Asked:
    """Asks for answers, and counts them."""

    def __init__(
        self, ask: Callable[[Scenario], float], executor: Executor, on_progress: Callable[[int, int], None]
    ) -> None:
        self._ask = ask
        self._executor = executor
        self._on_progress = on_progress
        self.n = 0

    def answers(self, scenarios: Sequence[Scenario], expected: int) -> NDArray[np.float64]:
        """Return the answers. `expected`: how many there will be in all, as far as is known."""
        found = []
        for one in self._executor.map(self._ask, scenarios):
            found.append(one)
            self.n += 1
            self._on_progress(self.n, expected)
        return np.array(found)


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


def _mixed(first: NDArray[np.float64], second: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return both samples, and the first one with each unknown of the second."""
    columns = range(first.shape[1])
    return [first, second, *(np.where(np.array(columns) == column, second, first) for column in columns)]

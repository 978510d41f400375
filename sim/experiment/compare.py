"""Two scenarios side by side under common random numbers: how much each figure differs, and whether that is real.

Replication k of both meets the same pods, calls and arrivals, as far as the scenarios have these in common. So the
difference is taken pair by pair:
- First comes how often a rollout has any 502.
- Then come the median difference of 502s, and in how many pairs which scenario has more.
- The mean of 502s has Student's interval only if there are enough pairs for it (docs/statistics.md).
- The other figures have Student's interval.

Left out: a correction for many figures at once. Of figures that do not differ at all, one in 20 has an interval without
zero by chance. The question is the 502s; the other figures say why.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from sim.experiment.estimators import choose_estimator
from sim.experiment.figures import ANY_502, COLUMNS, columns_of
from sim.experiment.grid import Grid
from sim.experiment.paired import PairedSpread, fraction_difference, paired_spread, probability_difference
from sim.experiment.replications import process_pool
from sim.experiment.rows import Rows
from sim.experiment.statistics import paired_difference, replications_for_mean
from sim.scenario.cost import require_affordable

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from sim.experiment.estimators import Estimator
    from sim.experiment.rows import Progress
    from sim.experiment.statistics import Estimate
    from sim.scenario.disruptions import DisruptionKind
    from sim.scenario.specs import Scenario

    Verdict = Literal["none", "real", "open"]

PRIMARY = "responses.502"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How a figure differs between two scenarios.

    Attributes
    ----------
    figure
        The figure's name, as in a sweep's columns.
    first, second
        The mean over each scenario's replications, in the figure's unit.
    difference
        The mean of second minus first, with Student's 95 % interval.
    needed
        How many pairs that interval takes, from the skewness that these pairs show.
    is_identical
        Whether the figure is the same in every pair of replications.
    """

    figure: str
    first: float
    second: float
    difference: Estimate
    needed: int
    is_identical: bool

    @property
    def verdict(self) -> Verdict:
        """`none`: identical in each replication; `real`: the interval is without zero; `open`: it may be chance."""
        if self.is_identical:
            return "none"
        return "real" if self.difference.low > 0 or self.difference.high < 0 else "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two scenarios under the same random draws, and how each figure differs.

    Attributes
    ----------
    first, second
        The scenarios' names.
    disruptions
        What ends pods in each, by the value of `disruption`.
    seed
        The seed of both.
    replications
        How many pairs there are.
    estimator
        How the requests of both are counted: `sampled` or `expected`.
    of_502
        What the pairs say of their 502s: the median difference, which has more, and the mean.
    differences
        How each figure differs, in the order of a sweep's columns.
    """

    first: str
    second: str
    disruptions: tuple[DisruptionKind, DisruptionKind]
    seed: int
    replications: int
    estimator: Estimator
    of_502: PairedSpread
    differences: tuple[Difference, ...]

    def of(self, figure: str) -> Difference:
        """Return one figure's difference.

        Parameters
        ----------
        figure
            The figure's name, as in a sweep's columns.

        Returns
        -------
        Difference
            The means of both scenarios, and the difference.

        Raises
        ------
        KeyError
            If no figure has the name.
        """
        return {difference.figure: difference for difference in self.differences}[figure]


def compare(
    first: Scenario,
    second: Scenario,
    *,
    estimator: Estimator | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two scenarios under the same random draws.

    Both scenarios are simulated with the first one's seed, as often as the one that asks for more replications.

    Parameters
    ----------
    first, second
        The scenarios.
    estimator
        How the requests of both are counted: `sampled` draws every one, `expected` computes their expectation. By
        default `expected` if both scenarios have an expectation in closed form, else `sampled`.
    executor
        Where to compute; by default on this machine's cores. The result does not depend on it.
    progress
        Is called with how many replications are done, and of how many.

    Returns
    -------
    Comparison
        `of("any_502")`: how often a rollout has any 502, in both, and the difference with its 95 % interval. `of_502`:
        the median difference of 502s, in how many pairs which has more, and the mean. For each other figure both means
        per rollout, the mean of second minus first with Student's 95 % interval, and whether the difference is real.

    Raises
    ------
    ScenarioError
        If a rollout comes to no end, or a scenario has no expectation where that is asked for.
    """
    paired = Grid((first, second.with_overrides({"seed": first.seed})), {"scenario": (first.name, second.name)})
    for scenario in paired.points:
        require_affordable(scenario)
    replications = max(first.replications, second.replications)
    chosen = choose_estimator(paired.points, estimator)
    with ExitStack() as stack:
        rows = Rows(paired, executor or stack.enter_context(process_pool()), chosen, progress=progress)
        rows.fill([0, 1], replications)
    one, two = np.array(rows.by_point)
    at_502 = COLUMNS.index(PRIMARY)
    shown = columns_of(set.intersection(*(set(point.simulated_blocks) for point in paired.points)))
    return Comparison(
        first=first.name,
        second=second.name,
        disruptions=(first.disruption, second.disruption),
        seed=first.seed,
        replications=replications,
        estimator=chosen,
        of_502=paired_spread(one[:, at_502], two[:, at_502]),
        differences=tuple(
            _difference(figure, one[:, at], two[:, at], chosen) for at, figure in enumerate(COLUMNS) if figure in shown
        ),
    )


def _difference(figure: str, one: NDArray[np.float64], two: NDArray[np.float64], estimator: Estimator) -> Difference:
    estimate, of_pairs = paired_difference(one, two), two - one
    needed = replications_for_mean(of_pairs) if np.isfinite(of_pairs).all() else 1
    if figure == ANY_502.name:
        of_any = fraction_difference if estimator == "sampled" else probability_difference
        estimate, needed = of_any(one, two), 1
    return Difference(
        figure=figure,
        first=float(one.mean()),
        second=float(two.mean()),
        difference=estimate,
        needed=needed,
        is_identical=np.array_equal(one, two, equal_nan=True),
    )

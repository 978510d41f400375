"""A sweep: a scenario simulated at every point of a grid, a row for each point and replication.

Replication k of every point meets the same random draws (common random numbers). So differences between points are
sharper than their intervals.

With a wanted precision, a point gets more replications, batch by batch, until its 502s per rollout are known
(`UntilPrecise`). The precision is checked after whole batches only. So the rows depend neither on the executor nor on
the order in which tasks finish. Stopping when the interval looks narrow makes it a little too narrow, and its coverage
slightly below nominal. The cap and a first batch of some dozens keep that effect small.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.experiment.estimators import choose_estimator
from sim.experiment.figures import ANY_502, COLUMNS, RESPONSES, columns_of
from sim.experiment.grid import as_written, grid
from sim.experiment.provenance import PROVENANCE, model_version
from sim.experiment.replications import process_pool
from sim.experiment.rows import Rows
from sim.experiment.statistics import fraction_estimate, spread
from sim.scenario.variations import expanded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    import pandas as pd

    from sim.experiment.estimators import Estimator
    from sim.experiment.grid import Cell, Grid
    from sim.experiment.rows import Kept, Progress
    from sim.experiment.statistics import Estimate
    from sim.experiment.tasks import Row
    from sim.scenario.specs import Scenario

_MOST_REPLICATIONS = 1000
N_502 = RESPONSES[502].name
_NUMBER_502, _ANY_502 = COLUMNS.index(N_502), COLUMNS.index(ANY_502.name)
_REQUEST = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UntilPrecise:
    """Replicate until 502s per rollout are known to this part of themselves, by the ends of 95 % intervals.

    - If there are replications enough for an interval of the mean: until the mean is known.
    - Otherwise one rollout may make most of the mean. Then until the median is known to this part, or to one request,
      and the chance of any 502 to this part of one (0.05: to 5 points).

    Without any 502 there is nothing to wait for.

    Attributes
    ----------
    half_width
        Half the length of the interval at which to stop, as a part of what is estimated (0.05: 5 %).
    at_most
        The number of replications after which to give up.
    """

    half_width: float
    at_most: int = _MOST_REPLICATIONS

    def is_reached(self, numbers_502: Sequence[float], any_502: Sequence[float]) -> bool:
        """Return whether to add no more to these replications' 502s and their probabilities of any.

        Parameters
        ----------
        numbers_502
            Each replication's 502s.
        any_502
            Each replication's probability of any 502, from 0 to 1.

        Returns
        -------
        bool
            True if there are `at_most` replications, or if `is_known`.
        """
        return len(numbers_502) >= self.at_most or self.is_known(numbers_502, any_502)

    def is_known(self, numbers_502: Sequence[float], any_502: Sequence[float]) -> bool:
        """Return whether these replications' 502s are enough.

        Parameters
        ----------
        numbers_502
            Each replication's 502s.
        any_502
            Each replication's probability of any 502, from 0 to 1.

        Returns
        -------
        bool
            True if what is estimated is known to `half_width`.
        """
        of_502 = spread(numbers_502)
        if len(numbers_502) >= of_502.needed:
            return _reach(of_502.mean) <= self.half_width * of_502.mean.value
        chance = fraction_estimate(sum(any_502), len(any_502))
        median_within = max(self.half_width * of_502.p50.value, _REQUEST)
        return _reach(of_502.p50) <= median_within and _reach(chance) <= self.half_width


def sweep(
    scenario: Scenario,
    vary: Mapping[str, Sequence[object]],
    *,
    replications: int | None = None,
    until: UntilPrecise | None = None,
    estimator: Estimator | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    kept: Kept | None = None,
) -> pd.DataFrame:
    """Simulate a scenario at every point of a grid.

    Parameters
    ----------
    scenario
        What to simulate.
    vary
        Values by dotted key; the grid is every combination of them. Without keys: the scenario as it stands.
    replications
        How many of each point, instead of the scenario's number; with `until`, the size of a batch.
    until
        Replicate each point, batch by batch, until this precision is reached.
    estimator
        How requests are counted: `sampled` draws every one, `expected` computes their expectation. By default
        `expected` if every point has an expectation in closed form, else `sampled`.
    executor
        Where to compute; by default on this machine's cores. The results do not depend on it.
    progress
        Is called with how many replications are done, and of how many.
    kept
        Results by their key: what is there is taken from it, what is simulated is put there as it finishes.

    Returns
    -------
    pandas.DataFrame
        A row for each point and replication, in the grid's order. There is a column for each varied key (text if its
        values are not all numbers), `replication`, and one or several columns for each figure. A figure's unit is in
        its name (`_s`: seconds), and its value is NaN if a replication has none. `attrs["albsim"]` says what the frame
        came from.

    Raises
    ------
    ScenarioError
        Before anything runs, if a point is wrong or has no expectation where that is asked for; later, if a rollout
        comes to no end.
    """
    if replications is not None:
        scenario = scenario.with_overrides({"replications": replications})
    whole = grid(scenario, vary)
    chosen = choose_estimator(whole.points, estimator)
    with ExitStack() as stack:
        executor = executor or stack.enter_context(process_pool())
        rows = Rows(whole, executor, chosen, progress=progress, kept=kept)
        rows.fill(range(len(whole.points)), scenario.replications)
        if until is not None:
            _refine(rows, scenario.replications, until)
    return _frame(whole, rows.by_point, provenance(scenario, vary, until=until, estimator=chosen))


def provenance(
    scenario: Scenario, vary: Mapping[str, Sequence[object]], *, until: UntilPrecise | None, estimator: Estimator
) -> dict[str, Any]:
    """Return what a sweep's results came from, in JSON's types. The same results have the same provenance."""
    return {
        "scenario": scenario.model_dump(mode="json", exclude_unset=True),
        "seed": scenario.seed,
        "replications": scenario.replications,
        "until": None if until is None else {"half_width": until.half_width, "at_most": until.at_most},
        "estimator": estimator,
        "vary": as_written(vary),
        "version": model_version(),
    }


def _reach(estimate: Estimate) -> float:
    """Return how far the farther end of an interval is from its value."""
    return max(estimate.high - estimate.value, estimate.value - estimate.low)


def unknown_points(frame: pd.DataFrame, until: UntilPrecise) -> int:
    """Return at how many points of a sweep's results the 502s are not known as precisely as was wanted."""
    keys = expanded(frame.attrs[PROVENANCE]["vary"])
    points = [of_point for _, of_point in frame.groupby(list(keys))] if keys else [frame]
    return sum(not until.is_known(rows[N_502].tolist(), rows[ANY_502.name].tolist()) for rows in points)


def _refine(rows: Rows, batch: int, until: UntilPrecise) -> None:
    replications = batch
    while True:
        unsettled = [
            point
            for point, of_point in enumerate(rows.by_point)
            if len(of_point) == replications
            and not until.is_reached(*(_column(of_point, at) for at in (_NUMBER_502, _ANY_502)))
        ]
        if not unsettled:
            return
        replications = min(replications + batch, until.at_most)
        rows.fill(unsettled, replications)


def _column(rows: Sequence[Row], at: int) -> list[float]:
    return [row[at] for row in rows]


def _frame(whole: Grid, by_point: list[list[Row]], source: dict[str, Any]) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    sizes = [len(of_point) for of_point in by_point]
    columns: dict[str, list[Cell]] = {
        key: [cell for cell, size in zip(column, sizes, strict=True) for _ in range(size)]
        for key, column in whole.columns.items()
    }
    columns["replication"] = [number for size in sizes for number in range(size)]
    figures = np.array([row for of_point in by_point for row in of_point], dtype=np.float64)
    shown = columns_of(set().union(*(point.simulated_blocks for point in whole.points)))
    of_figures = pd.DataFrame(figures, columns=list(COLUMNS))[list(shown)]
    frame = pd.concat([pd.DataFrame(columns), of_figures], axis="columns")
    frame.attrs[PROVENANCE] = source
    return frame

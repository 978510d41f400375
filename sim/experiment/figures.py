"""The figures of the results, one record each: what `albsim` measures in a rollout and reports for all of them.

To add a figure: a record here, the function that computes its value for one replication, and a test.

These parts read the records:
- the JSON and CSV of `albsim run`, and the columns of a sweep;
- `albsim compare` and `albsim plot`;
- the tables and the page of `albsim report`.

Source: docs/interface.md says what each figure means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sim.data_plane.outcomes import Outcome
from sim.experiment.aggregation import (
    Fraction,
    Mean,
    QuantilesOfPods,
    QuantilesOfRollouts,
    SpreadOfRollouts,
)
from sim.experiment.figure import SECONDS, Cell, Figure, Unit, quantile_cells
from sim.experiment.figures_of_calls import CALLS
from sim.experiment.figures_of_capacity import CAPACITY
from sim.experiment.figures_of_healthy_targets import HEALTHY_TARGETS
from sim.experiment.figures_of_latency import LATENCIES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sim.data_plane.timeline import Times
    from sim.experiment.estimators import Estimator
    from sim.experiment.simulated import Simulated

V = TypeVar("V")
"""The value of a figure in one replication."""

STATUSES = tuple(sorted({outcome.status for outcome in Outcome if outcome.status is not None}))


@dataclass(frozen=True, slots=True)
class Figures:
    """The results of one replication: the value of each figure, as `figures[RATE_502]`.

    Attributes
    ----------
    values
        The value of each figure that the scenario has, by the figure's name.
    estimator
        How requests are counted: `sampled` or `expected`.
    """

    values: Mapping[str, Any]
    estimator: Estimator

    def __getitem__(self, figure: Figure[V, Any]) -> V:
        """Return a figure's value."""
        value: V = self.values[figure.name]
        return value

    def responses(self, status: int) -> float:
        """Return the number of requests answered with an HTTP status.

        Parameters
        ----------
        status
            An HTTP status: 200, 502, 503 or 504, and 460 where clients time out.

        Returns
        -------
        float
            The number in the window, a mean where the requests are expected ones.

        Raises
        ------
        KeyError
            If no request can end with the status.
        """
        return self[RESPONSES[status]]

    def row(self) -> tuple[float, ...]:
        """Return the row of a sweep, in the order of `COLUMNS`. A figure that the scenario has not is NaN.

        Returns
        -------
        tuple of float
            One number for each of `COLUMNS`.
        """
        return tuple(number for figure in FIGURES if figure.swept for number in self._numbers(figure))

    def _numbers(self, figure: Figure[Any, Any]) -> tuple[float, ...]:
        if figure.name not in self.values:
            return (math.nan,) * max(1, len(figure.over.parts))
        return figure.over.row(self[figure])


def figures_of(replication: Simulated) -> Figures:
    """Return the figures of a replication."""
    values = {figure.name: figure.of(replication) for figure in FIGURES if figure.is_of(replication.scenario)}
    return Figures(values, replication.estimator)


def columns_of(blocks: Collection[str]) -> tuple[str, ...]:
    """Return the columns of the figures that scenarios with these blocks have, in the order of `COLUMNS`."""
    return tuple(column for column in COLUMNS if BLOCK_OF_COLUMN.get(column) in {None, *blocks})


def _requests(replication: Simulated) -> float:
    return float(replication.estimate.counts.sum())


def _with_outcome(outcome: Outcome) -> Callable[[Simulated], float]:
    return lambda replication: float(replication.estimate.counts[outcome])


def _with_status(status: int) -> Callable[[Simulated], float]:
    outcomes = [outcome for outcome in Outcome if outcome.status == status]
    return lambda replication: float(sum(replication.estimate.counts[outcome] for outcome in outcomes))


def _rate_502(replication: Simulated) -> float:
    requests = _requests(replication)
    return _with_status(HTTPStatus.BAD_GATEWAY)(replication) / requests if requests else 0.0


def _of_terminated(times_s: Times, replication: Simulated) -> Times:
    """Return the times of the pods that were deleted, in the order of their numbers."""
    return times_s[~np.isnan(replication.deleted_s())]


_TABLED_STATUSES = (503, 504)

REQUESTS = Figure(name="requests", of=_requests, over=Mean(), label="requests per rollout")
RESPONSES = {
    status: Figure(
        name=f"responses.{status}",
        of=_with_status(status),
        over=Mean(),
        label=f"{status}s per rollout",
        cells=(Cell("failures", status, f"{status}s,\nmean"),) if status in _TABLED_STATUSES else (),
    )
    for status in STATUSES
}
OUTCOMES = {
    outcome: Figure(
        name=f"outcomes.{outcome.name.lower()}",
        of=_with_outcome(outcome),
        over=Mean(),
        label=f"{outcome.name.lower().replace('_', ' ')} per rollout",
    )
    for outcome in Outcome
}
SPREAD_502 = Figure(
    name="responses_502",
    of=_with_status(HTTPStatus.BAD_GATEWAY),
    over=SpreadOfRollouts(),
    label="502s per rollout",
    swept=False,
)
RATE_502 = Figure(
    name="rate_502",
    of=_rate_502,
    over=Mean(),
    label="502s",
    unit=Unit("% of requests", 100.0, at_most=1.0),
)
ANY_502 = Figure(
    name="any_502",
    of=lambda replication: replication.estimate.any_502,
    over=Fraction(),
    label="rollouts with a 502",
    unit=Unit("%", 100.0, at_most=1.0),
    cells=(Cell("502s", 1, "share\nwith 502s", "fraction"),),
)
ROLLOUT_S = Figure(
    name="rollout_s",
    of=lambda replication: replication.timeline.rollout_complete_s,
    over=QuantilesOfRollouts(),
    label="rollout duration",
    unit=SECONDS,
    cells=quantile_cells("course", 1, "duration (s)", ("p50", "max")),
)
DEREGISTRATION_LAG_S = Figure(
    name="deregistration_lag_s",
    of=lambda replication: _of_terminated(replication.deregistration_lag_s(), replication),
    over=QuantilesOfPods(),
    label="deregistration lag",
    unit=SECONDS,
    cells=quantile_cells("lags", 1, "lag (s)"),
)
EXPOSURE_S = Figure(
    name="exposure_s",
    of=lambda replication: _of_terminated(replication.exposure_s(), replication),
    over=QuantilesOfPods(),
    label="exposure",
    unit=SECONDS,
    cells=quantile_cells("exposures", 1, "exposure (s)"),
)
GATE_WAIT_S = Figure(
    name="gate_wait_s",
    of=lambda replication: replication.gate_wait_s,
    over=QuantilesOfPods(),
    label="wait for the readiness gate",
    unit=SECONDS,
    block="readiness_gate",
)
UNREACHABLE = OUTCOMES[Outcome.OLD_ADDRESS_UNREACHABLE]
_FIRST_OUTCOMES = [outcome for outcome in Outcome if outcome <= Outcome.NO_REGISTERED_TARGETS]
"""The outcomes of the first release. What came later has its figures after all others, so that no column moves."""
_FIRST = [RESPONSES[status] for status in sorted({outcome.status for outcome in _FIRST_OUTCOMES if outcome.status})]
_FIRST += [OUTCOMES[outcome] for outcome in _FIRST_OUTCOMES]
_LATER = [figure for figure in (*RESPONSES.values(), *OUTCOMES.values()) if figure not in _FIRST]

FIGURES: tuple[Figure[Any, Any], ...] = (
    REQUESTS,
    *_FIRST,
    RATE_502,
    ANY_502,
    SPREAD_502,
    ROLLOUT_S,
    DEREGISTRATION_LAG_S,
    EXPOSURE_S,
    *HEALTHY_TARGETS,
    *LATENCIES,
    *CALLS,
    *CAPACITY,
    *_LATER,
    GATE_WAIT_S,
)
"""All figures, in the order of the JSON and of a sweep's columns. Figures that other modules read have names above."""
COLUMN_OF = {column.name: column for figure in FIGURES for column in figure.columns()}
COLUMNS = tuple(COLUMN_OF)
"""The columns of a sweep that hold figures, in their order."""
LATER_COLUMNS = tuple(column.name for figure in _LATER for column in figure.columns())
"""The columns of outcomes that came after the first release: older results have none of these requests."""
BLOCK_OF_COLUMN = {
    column.name: figure.block for figure in FIGURES if figure.block is not None for column in figure.columns()
}
"""What of a scenario it takes for a column to be filled."""

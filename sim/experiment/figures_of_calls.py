"""The figures of the rolled cluster's controller: its AWS calls, and its reconciles, from the rollout's start on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.control_plane.trace.calls import ApiAttempt, Reconciled
from sim.experiment.aggregation import MeanAlone
from sim.experiment.figure import Cell, Figure

if TYPE_CHECKING:
    from sim.experiment.simulated import Simulated

_ROLLED_CLUSTER = 0


def _attempts(replication: Simulated) -> list[ApiAttempt]:
    """Return the calls that the rolled cluster's controller sent, retries included."""
    return [a for a in replication.trace.of(ApiAttempt) if a.cluster == _ROLLED_CLUSTER and a.time_s >= 0]


def _reconciles(replication: Simulated) -> list[Reconciled]:
    return [r for r in replication.trace.of(Reconciled) if r.cluster == _ROLLED_CLUSTER and r.time_s >= 0]


CALLS: tuple[Figure[Any, Any], ...] = (
    Figure(
        name="aws_api.calls",
        of=lambda replication: float(len(_attempts(replication))),
        over=MeanAlone(),
        label="AWS calls per rollout",
        cells=(Cell("calls", 1, "AWS calls"),),
    ),
    Figure(
        name="aws_api.throttled",
        of=lambda replication: float(sum(attempt.throttled for attempt in _attempts(replication))),
        over=MeanAlone(),
        label="throttled AWS calls per rollout",
        cells=(Cell("calls", 2, "throttled\nAWS calls"),),
    ),
    Figure(
        name="aws_api.reconciles",
        of=lambda replication: float(len(_reconciles(replication))),
        over=MeanAlone(),
        label="reconciles per rollout",
        cells=(Cell("calls", 3, "reconciles"),),
    ),
    Figure(
        name="aws_api.failed_reconciles",
        of=lambda replication: float(sum(reconcile.error is not None for reconcile in _reconciles(replication))),
        over=MeanAlone(),
        label="failed reconciles per rollout",
        cells=(Cell("calls", 4, "failed\nreconciles"),),
    ),
)

"""The figures of one replication as a row of numbers: one column for each figure of docs/interface.md.

A mean or quantile is here that of the replication's own pods; NaN where it has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.data_plane.outcomes import Outcome
from sim.experiment.statistics import quantiles

if TYPE_CHECKING:
    from sim.experiment.replication import Figures

STATUSES = (200, 502, 503, 504)
_QUANTILES = ("mean", "p50", "p90", "p99", "max")
COLUMNS = (
    "requests",
    *(f"responses.{status}" for status in STATUSES),
    *(f"outcomes.{outcome.name.lower()}" for outcome in Outcome),
    "rate_502",
    "any_502",
    "rollout_s",
    *(f"deregistration_lag_s.{name}" for name in _QUANTILES),
    *(f"exposure_s.{name}" for name in _QUANTILES),
    "no_healthy_target_s",
    "least_healthy_targets",
    *(f"latency_s.{when}.{name}" for when in ("before", "window") for name in ("p50", "p95", "p99")),
    *(f"aws_api.{name}" for name in ("calls", "throttled", "reconciles", "failed_reconciles")),
)


def row(figures: Figures) -> tuple[float, ...]:
    """Return a replication's figures in the order of `COLUMNS`."""
    return (
        figures.requests,
        *(figures.responses(status) for status in STATUSES),
        *figures.outcomes.tolist(),
        figures.rate_502,
        figures.any_502,
        figures.rollout_s,
        *quantiles(figures.deregistration_lag_s).values(),
        *quantiles(figures.exposure_s).values(),
        figures.no_healthy_target_s,
        float(figures.least_healthy_targets),
        *figures.latency_before_s,
        *figures.latency_s,
        float(figures.calls),
        float(figures.throttled),
        float(figures.reconciles),
        float(figures.failed_reconciles),
    )

"""How few healthy targets an ALB node had, one figure each."""

from __future__ import annotations

from sim.experiment.aggregation import Mean
from sim.experiment.figure import SECONDS, Cell, Figure

NO_HEALTHY_TARGET_S = Figure(
    name="no_healthy_target_s",
    of=lambda replication: replication.healthy_targets.none_s,
    over=Mean(),
    label="without a healthy target",
    unit=SECONDS,
    cells=(Cell("course", 3, "no healthy\ntarget (s)"),),
)
LEAST_HEALTHY_TARGETS = Figure(
    name="least_healthy_targets",
    of=lambda replication: float(replication.healthy_targets.least),
    over=Mean(),
    label="fewest healthy targets of an ALB node",
    cells=(Cell("course", 4, "healthy\ntargets, fewest"),),
)
HEALTHY_TARGETS = (NO_HEALTHY_TARGET_S, LEAST_HEALTHY_TARGETS)
"""The figures of healthy targets, in their order."""

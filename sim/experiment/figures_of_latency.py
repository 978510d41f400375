"""The latency of answered requests, before the disruption and in the window, one figure each."""

from __future__ import annotations

from sim.experiment.aggregation import MeanLatency
from sim.experiment.figure import SECONDS, Figure

LATENCIES = (
    Figure(
        name="latency_s.before",
        of=lambda replication: replication.estimate.latency_before_s,
        over=MeanLatency(),
        label="latency before the rollout",
        unit=SECONDS,
    ),
    Figure(
        name="latency_s.window",
        of=lambda replication: replication.estimate.latency_s,
        over=MeanLatency(),
        label="latency in the window",
        unit=SECONDS,
    ),
)
"""The figures of latency, in their order."""

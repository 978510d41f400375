"""All replications of a scenario together: the figures of docs/interface.md with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.data_plane.latency import Latency
from sim.data_plane.outcomes import Outcome
from sim.experiment.columns import STATUSES
from sim.experiment.statistics import Estimate, fraction_estimate, mean_estimate, quantiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.experiment.replication import Estimator, Figures
    from sim.scenario.specs import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures of a scenario: estimates of means per rollout, or quantiles pooled over pods and replications."""

    scenario: str
    seed: int
    replications: int
    estimator: str
    version: str
    requests: Estimate
    responses: dict[int, Estimate]
    outcomes: dict[str, Estimate]
    rate_502: Estimate
    any_502: Estimate
    rollout_s: dict[str, float]
    deregistration_lag_s: dict[str, float]
    exposure_s: dict[str, float]
    no_healthy_target_s: Estimate
    least_healthy_targets: Estimate
    latency_s: dict[str, dict[str, float]]
    aws_api: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """Return the object that `albsim run --format json` prints; what has no value is null."""
        return {
            "scenario": self.scenario,
            "seed": self.seed,
            "replications": self.replications,
            "estimator": self.estimator,
            "version": self.version,
            "requests": _mean(self.requests),
            "responses": {str(status): _mean(estimate) for status, estimate in self.responses.items()},
            "outcomes": {name: _mean(estimate) for name, estimate in self.outcomes.items()},
            "rate_502": _mean(self.rate_502),
            "any_502": {"fraction": self.any_502.value, "ci95": _interval(self.any_502)},
            "rollout_s": _finite(self.rollout_s),
            "deregistration_lag_s": _finite(self.deregistration_lag_s),
            "exposure_s": _finite(self.exposure_s),
            "no_healthy_target_s": _mean(self.no_healthy_target_s),
            "least_healthy_targets": _mean(self.least_healthy_targets),
            "latency_s": {when: _finite(latency) for when, latency in self.latency_s.items()},
            "aws_api": {name: {"mean": mean} for name, mean in self.aws_api.items()},
        }


def summarise(scenario: Scenario, figures: Sequence[Figures], *, estimator: Estimator = "sampled") -> Summary:
    """Put the figures of a scenario's replications, made with this estimator, together."""
    n = len(figures)
    any_502 = [f.any_502 for f in figures]
    return Summary(
        scenario=scenario.name,
        seed=scenario.seed,
        replications=n,
        estimator=estimator,
        version=version("albsim"),
        requests=mean_estimate([f.requests for f in figures]),
        responses={status: mean_estimate([f.responses(status) for f in figures]) for status in STATUSES},
        outcomes={o.name.lower(): mean_estimate([f.outcomes[o] for f in figures]) for o in Outcome},
        rate_502=mean_estimate([f.rate_502 for f in figures]),
        any_502=fraction_estimate(int(sum(any_502)), n) if estimator == "sampled" else _probability(any_502),
        rollout_s=quantiles([f.rollout_s for f in figures]),
        deregistration_lag_s=quantiles(np.concatenate([f.deregistration_lag_s for f in figures])),
        exposure_s=quantiles(np.concatenate([f.exposure_s for f in figures])),
        no_healthy_target_s=mean_estimate([f.no_healthy_target_s for f in figures]),
        least_healthy_targets=mean_estimate([float(f.least_healthy_targets) for f in figures]),
        latency_s={
            "before": _mean_latency([f.latency_before_s for f in figures]),
            "window": _mean_latency([f.latency_s for f in figures]),
        },
        aws_api={
            name: sum(getattr(f, name) for f in figures) / n
            for name in ("calls", "throttled", "reconciles", "failed_reconciles")
        },
    )


def _mean_latency(latencies: Sequence[Latency]) -> dict[str, float]:
    """Return the means over replications of the quantiles within each."""
    return dict(zip(Latency._fields, np.mean(latencies, axis=0).tolist(), strict=True))


def _probability(values: Sequence[float]) -> Estimate:
    """Estimate the mean of probabilities, whose interval goes no further than they do."""
    estimate = mean_estimate(values)
    low, high = np.clip([estimate.low, estimate.high], 0.0, 1.0).tolist()
    return Estimate(estimate.value, low, high)


def _mean(estimate: Estimate) -> dict[str, Any]:
    return {"mean": estimate.value, "ci95": _interval(estimate)}


def _interval(estimate: Estimate) -> list[float] | None:
    return None if np.isnan(estimate.low) else [estimate.low, estimate.high]


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in values.items()}

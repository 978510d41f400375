"""One replication of a scenario: its control plane, its requests and the figures that come of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from sim.control_plane.trace import ApiAttempt, PodDeleted, Reconciled
from sim.control_plane.world import ControlPlane
from sim.data_plane.expected import Expectation, expect_requests, require_expectable
from sim.data_plane.healthy_targets import healthy_targets
from sim.data_plane.outcomes import Outcome
from sim.data_plane.rotation import exposure_s, left_rotation_s
from sim.data_plane.sampled import Requests, simulate_requests
from sim.experiment.trace_to_timeline import timeline_of
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sim.control_plane.trace import Trace
    from sim.data_plane.latency import Latency
    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import Scenario

Estimator = Literal["sampled", "expected"]
"""`sampled`: every request is drawn; `expected`: the expected counts, given what the control plane did."""

ROLLED_CLUSTER = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one replication comes to.

    `outcomes`: requests by `Outcome`, by its value. `any_502`: 1 if there was a 502, else 0; with the estimator
    `expected` the probability of one. `deregistration_lag_s`,
    `exposure_s`: one for each terminated pod, in the order of pod numbers (docs/interface.md says what they are).
    `no_healthy_target_s`: for how long some ALB node had no healthy target, `least_healthy_targets` the fewest that one
    had at any time.
    `latency_before_s`, `latency_s`: of requests answered with 200, before the rollout and in the window. The calls
    are the attempts that the rolled cluster's controller sent from the rollout's start on, the retries among them.

    """

    outcomes: NDArray[np.float64]
    any_502: float
    rollout_s: float
    deregistration_lag_s: Times
    exposure_s: Times
    no_healthy_target_s: float
    least_healthy_targets: int
    latency_before_s: Latency
    latency_s: Latency
    calls: int
    throttled: int
    reconciles: int
    failed_reconciles: int

    @property
    def requests(self) -> float:
        """The requests of the window."""
        return float(self.outcomes.sum())

    def responses(self, status: int) -> float:
        """Return the number of requests answered with an HTTP status."""
        return float(sum(self.outcomes[outcome] for outcome in Outcome if outcome.status == status))

    @property
    def rate_502(self) -> float:
        """The 502s as a fraction of the requests."""
        return self.responses(502) / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True)
class Replication:
    """One replication, whole: what happened, what the data plane knew, what became of the requests.

    `estimate`: the requests themselves, or with the estimator `expected` what is expected of them.
    """

    scenario: Scenario
    number: int
    trace: Trace
    timeline: Timeline
    estimate: Requests | Expectation

    @property
    def requests(self) -> Requests:
        """The requests; raises TypeError with the estimator `expected`, which draws none."""
        if not isinstance(self.estimate, Requests):
            msg = "the estimator 'expected' draws no requests: use 'sampled'"
            raise TypeError(msg)
        return self.estimate

    def deleted_s(self) -> Times:
        """When each target's pod was deleted, shape (targets,); NaN for those that were not."""
        deleted_s = np.full(self.timeline.cut_s.size, np.nan)
        for deleted in self.trace.of(PodDeleted):
            deleted_s[deleted.pod] = deleted.time_s
        return deleted_s

    def deregistration_lag_s(self) -> Times:
        """From each target's pod's deletion until the last ALB node sends it nothing, shape (targets,); else NaN."""
        return left_rotation_s(self.timeline) - self.deleted_s()

    def exposure_s(self) -> Times:
        """How long each target was routable and not serving, shape (targets,); NaN where its pod was not deleted."""
        return exposure_s(self.timeline)

    def figures(self) -> Figures:
        """Return the figures."""
        terminated = ~np.isnan(self.deleted_s())
        attempts = [a for a in self.trace.of(ApiAttempt) if a.cluster == ROLLED_CLUSTER and a.time_s >= 0]
        reconciles = [r for r in self.trace.of(Reconciled) if r.cluster == ROLLED_CLUSTER and r.time_s >= 0]
        healthy = healthy_targets(self.timeline, self.estimate.window_until_s)
        return Figures(
            outcomes=self.estimate.counts.astype(np.float64),
            any_502=self.estimate.any_502,
            rollout_s=self.timeline.rollout_complete_s,
            deregistration_lag_s=self.deregistration_lag_s()[terminated],
            exposure_s=self.exposure_s()[terminated],
            no_healthy_target_s=healthy.none_s,
            least_healthy_targets=healthy.least,
            latency_before_s=self.estimate.latency_before_s,
            latency_s=self.estimate.latency_s,
            calls=len(attempts),
            throttled=sum(attempt.throttled for attempt in attempts),
            reconciles=len(reconciles),
            failed_reconciles=sum(reconcile.error is not None for reconcile in reconciles),
        )


def simulate(scenario: Scenario, *, replication: int = 0, estimator: Estimator = "sampled") -> Replication:
    """Simulate one replication; the same scenario, seed and number give the same result to the bit.

    Raises `ScenarioError` where the settings let the rollout come to no end, or where the estimator is `expected` and
    the settings have no expectation in closed form.

    """
    ((_, whole),) = simulate_alike([scenario], replication=replication, estimator=estimator)
    return whole


def simulate_alike(
    scenarios: Sequence[Scenario], *, replication: int = 0, estimator: Estimator = "sampled"
) -> Iterator[tuple[int, Replication]]:
    """Simulate one replication of each of several scenarios that have the same `control_plane_key`, with one such.

    Yields the place of each among them, with what `simulate` gives, in the order in which their rollouts are over.
    Raises `ScenarioError` as `simulate` does; those that come later have no end either.
    """
    if estimator == "expected":
        for scenario in scenarios:
            require_expectable(scenario)
    streams = Streams(scenarios[0].seed, replication)
    control_plane = ControlPlane(scenarios[0], streams)
    over_s = [control_plane.over_s(scenario.pod) for scenario in scenarios]
    for place in sorted(range(len(scenarios)), key=over_s.__getitem__):
        scenario = scenarios[place]
        trace = control_plane.trace(scenario.pod)
        timeline = timeline_of(trace, scenario)
        estimate = _estimate(scenario, timeline, streams, estimator)
        yield place, Replication(scenario, replication, trace, timeline, estimate)


def _estimate(scenario: Scenario, timeline: Timeline, streams: Streams, estimator: Estimator) -> Requests | Expectation:
    traffic, pod, target_group = scenario.traffic, scenario.pod, scenario.target_group
    if estimator == "expected":
        return expect_requests(timeline, traffic=traffic, pod=pod, target_group=target_group)
    return simulate_requests(timeline, traffic=traffic, pod=pod, target_group=target_group, streams=streams)

"""One replication of a scenario: its control plane, its requests and the figures that come from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace import PodDeleted, PodDeselected, PodFailed
from sim.control_plane.world import ControlPlane
from sim.data_plane.expected import Expectation, expect_requests
from sim.data_plane.healthy_targets import healthy_targets
from sim.data_plane.rotation import exposure_s, left_rotation_s
from sim.data_plane.sampled import Requests, simulate_requests
from sim.experiment.capacity import addresses_of, pending_s
from sim.experiment.estimators import choose_estimator
from sim.experiment.figures import figures_of
from sim.experiment.trace_to_timeline import timeline_of
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.control_plane.trace import Trace
    from sim.data_plane.healthy_targets import HealthyTargets
    from sim.data_plane.timeline import Timeline, Times
    from sim.experiment.capacity import Addresses
    from sim.experiment.estimators import Estimator
    from sim.experiment.figures import Figures
    from sim.scenario.specs import Scenario


@dataclass(frozen=True)
class Replication:
    """One replication, whole: what happened, what the data plane knew, what became of the requests.

    Times are in seconds since the start of the rollout.

    Attributes
    ----------
    scenario
        What was simulated.
    number
        Which replication: with the scenario's seed it gives every random draw.
    trace
        What happened in the control plane: typed records, in the order of time.
    timeline
        When each target was registered, healthy, listening and cut, by ALB node.
    estimate
        What the figures count: the drawn requests, or what is expected of them.
    """

    scenario: Scenario
    number: int
    trace: Trace
    timeline: Timeline
    estimate: Requests | Expectation

    @property
    def estimator(self) -> Estimator:
        """The estimator from which the figures come."""
        return "sampled" if isinstance(self.estimate, Requests) else "expected"

    @cached_property
    def requests(self) -> Requests:
        """The drawn requests. If the figures are expected ones, requests are drawn when this is first read."""
        if isinstance(self.estimate, Requests):
            return self.estimate
        return _drawn(self.scenario, self.timeline, Streams(self.scenario.seed, self.number))

    def deleted_s(self) -> Times:
        """Return when each target's pod was deleted, shape (targets,); NaN for the others.

        A pod that failed unasked, or that its Service dropped before, counts from then.
        """
        deleted_s = np.full(self.timeline.cut_s.size, np.nan)
        for deleted in self.trace.of(PodDeleted):
            deleted_s[deleted.pod] = deleted.time_s
        for deselected in self.trace.of(PodDeselected):
            deleted_s[deselected.pod] = deselected.time_s
        for failed in self.trace.of(PodFailed):
            deleted_s[failed.pod] = failed.time_s
        return deleted_s

    def deregistration_lag_s(self) -> Times:
        """Return the time from a pod's deletion until no ALB node sends to its target, shape (targets,).

        NaN for pods that were not deleted.
        """
        return left_rotation_s(self.timeline) - self.deleted_s()

    def exposure_s(self) -> Times:
        """Return how long each target was routable and not serving, shape (targets,).

        NaN for pods that were not deleted.
        """
        return exposure_s(self.timeline)

    @cached_property
    def healthy_targets(self) -> HealthyTargets:
        """For how many seconds some ALB node had no healthy target, and the fewest that a node ever had."""
        return healthy_targets(self.timeline, self.estimate.window_until_s)

    @cached_property
    def pending_s(self) -> Times:
        """How long each created pod had no node, in the order of creation, shape (pods,)."""
        return pending_s(self)

    @cached_property
    def addresses(self) -> Addresses:
        """What the nodes held of their subnets, where the scenario says how addresses are given."""
        return addresses_of(self)

    def figures(self) -> Figures:
        """Return the replication's results: the value of each figure."""
        return figures_of(self)


def simulate(scenario: Scenario, *, replication: int = 0, estimator: Estimator | None = None) -> Replication:
    """Simulate one replication.

    The same scenario, seed and number give the same result to the bit. Replication `k` of two scenarios meets the same
    random draws.

    Parameters
    ----------
    scenario
        What to simulate.
    replication
        Which replication, from 0.
    estimator
        How the figures count requests: `sampled` draws every one, `expected` computes their expectation, given what the
        control plane did. By default `expected` where the settings have an expectation in closed form, else `sampled`.

    Returns
    -------
    Replication
        What happened.

    Raises
    ------
    ScenarioError
        If the settings let the rollout come to no end, or have no expectation where that is asked for.
    """
    chosen = choose_estimator([scenario], estimator)
    ((_, whole),) = simulate_alike([scenario], replication=replication, estimator=chosen)
    return whole


def simulate_alike(
    scenarios: Sequence[Scenario], *, replication: int, estimator: Estimator
) -> Iterator[tuple[int, Replication]]:
    """Yield one replication of each of several scenarios with the same `control_plane_key`, from one control plane.

    Each comes with its position in `scenarios`, in the order in which the rollouts are over. All scenarios must allow
    the estimator. Raises `ScenarioError` as `simulate` does; scenarios that would come later have no end either.
    """
    streams = Streams(scenarios[0].seed, replication)
    control_plane = ControlPlane(scenarios[0], streams)
    over_s = [control_plane.over_s(scenario.pod) for scenario in scenarios]
    for place in sorted(range(len(scenarios)), key=over_s.__getitem__):
        scenario = scenarios[place]
        trace = control_plane.trace(scenario.pod)
        timeline = timeline_of(trace, scenario, streams)
        estimate = _estimate(scenario, timeline, streams, estimator)
        yield place, Replication(scenario, replication, trace, timeline, estimate)


def _estimate(scenario: Scenario, timeline: Timeline, streams: Streams, estimator: Estimator) -> Requests | Expectation:
    if estimator == "expected":
        traffic, pod, target_group = scenario.traffic, scenario.pod, scenario.target_group
        return expect_requests(timeline, traffic=traffic, pod=pod, target_group=target_group)
    return _drawn(scenario, timeline, streams)


def _drawn(scenario: Scenario, timeline: Timeline, streams: Streams) -> Requests:
    traffic, pod, target_group = scenario.traffic, scenario.pod, scenario.target_group
    return simulate_requests(timeline, traffic=traffic, pod=pod, target_group=target_group, streams=streams)

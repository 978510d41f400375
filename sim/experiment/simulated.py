"""What was simulated of one replication: what happened, and what became of the requests.

A replication's figures come from both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace import PodDeleted, PodDeselected, PodFailed, PodReady, ReadinessGateOpened
from sim.data_plane.healthy_targets import healthy_targets
from sim.data_plane.requests import Requests
from sim.data_plane.rotation import exposure_s, left_rotation_s
from sim.data_plane.sampled import simulate_requests
from sim.experiment.capacity import addresses_of, pending_s
from sim.streams import Streams

if TYPE_CHECKING:
    from sim.control_plane.trace import Trace
    from sim.data_plane.expectation import Expectation
    from sim.data_plane.healthy_targets import HealthyTargets
    from sim.data_plane.timeline import Timeline, Times
    from sim.experiment.capacity import Addresses
    from sim.experiment.estimators import Estimator
    from sim.scenario.specs import Scenario


@dataclass(frozen=True)
class Simulated:
    """What `Replication` has beside its figures."""

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
        return drawn_requests(self.scenario, self.timeline, Streams(self.scenario.seed, self.number))

    def deleted_s(self) -> Times:
        """Return when each target's pod was deleted, shape (targets,); NaN for the others.

        A pod that failed unasked, or that its Service dropped before, counts from then.

        Returns
        -------
        numpy.ndarray
            In s since the start of the disruption.
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
        """Return the time from a pod's deletion until no ALB node sends to its target, at least 0, shape (targets,).

        NaN for pods that were not deleted.

        Returns
        -------
        numpy.ndarray
            In s.
        """
        return np.maximum(left_rotation_s(self.timeline) - self.deleted_s(), 0.0)

    def exposure_s(self) -> Times:
        """Return how long each target was routable and not serving, shape (targets,).

        NaN for pods that were not deleted.

        Returns
        -------
        numpy.ndarray
            In s.
        """
        return exposure_s(self.timeline)

    @cached_property
    def gate_wait_s(self) -> Times:
        """How long each new pod whose containers were ready waited for its readiness gate, shape (opened gates,)."""
        ready_s = {ready.pod: ready.time_s for ready in self.trace.of(PodReady)}
        return np.array([opened.time_s - ready_s[opened.pod] for opened in self.trace.of(ReadinessGateOpened)], float)

    @cached_property
    def healthy_targets(self) -> HealthyTargets:
        """Return for how many seconds some ALB node had no healthy target, and the fewest that a node ever had."""
        return healthy_targets(self.timeline, self.estimate.window_until_s)

    @cached_property
    def pending_s(self) -> Times:
        """How long each created pod had no node, in the order of creation, shape (pods,)."""
        return pending_s(self.trace)

    @cached_property
    def addresses(self) -> Addresses:
        """What the nodes held of their subnets, where the scenario says how addresses are given."""
        return addresses_of(self.trace, self.scenario.vpc_cni)


def drawn_requests(scenario: Scenario, timeline: Timeline, streams: Streams) -> Requests:
    """Return the requests of a scenario, drawn."""
    traffic, pod, target_group = scenario.traffic, scenario.pod, scenario.target_group
    return simulate_requests(timeline, traffic=traffic, pod=pod, target_group=target_group, streams=streams)

"""The timeline of a switch of clusters: the new cluster's ALB beside the old one, and its targets.

- The old ALB's nodes come first, then as many of the new one. Each node knows its own cluster's targets only.
- The new targets follow the old ones, and stay. If the new pods' start is simulated the pods are registered and healthy
  as the trace says. Else new pods are registered from before the switch on, but for a pod for which its subnet had no
  address.
- From the old ALB's deletion on it sends to nobody.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace.nodes import SandboxFailed
from sim.control_plane.trace.traffic import LoadBalancerDeleted, RecordChanged
from sim.data_plane.old_side import OldSide
from sim.scenario.cluster_switch import ClusterSwitchSpec

if TYPE_CHECKING:
    from sim.control_plane.trace import Trace
    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import Scenario


def target_groups_of(scenario: Scenario) -> int:
    """Return how many target groups the records of a scenario's trace tell of."""
    spec = scenario.disrupted_by
    rolls_in = isinstance(spec, ClusterSwitchSpec) and spec.new_pods_created_at_s is not None
    return 2 if rolls_in else spec.target_groups


def with_new_side(timeline: Timeline, trace: Trace, spec: ClusterSwitchSpec) -> Timeline:
    """Return the timeline of a switch, whose old ALB is not asked any more once it is deleted."""
    both = timeline if spec.new_pods_created_at_s is not None else _beside_an_equal_one(timeline, trace)
    nodes = both.registered_from_s.shape[0] // 2
    side = OldSide(
        spec=spec,
        nodes=nodes,
        changed_s=trace.of(RecordChanged)[0].time_s,
        deleted_s=trace.of(LoadBalancerDeleted)[0].time_s,
    )
    until_s = both.registered_until_s.copy()
    until_s[:nodes] = np.minimum(until_s[:nodes], side.deleted_s)
    return replace(both, registered_until_s=until_s, old_side=side)


def _beside_an_equal_one(timeline: Timeline, trace: Trace) -> Timeline:
    """Return the timeline of the old cluster together with an equal new one that has stood for long."""
    nodes, old = timeline.registered_from_s.shape
    ready_s = np.full(old, -np.inf)
    ready_s[[failed.pod - old for failed in trace.of(SandboxFailed) if failed.pod >= old]] = np.inf

    def both(of_old: Times, of_new: Times | float) -> Times:
        sides = np.full((2 * nodes, 2 * old), np.inf)
        sides[:nodes, :old] = of_old
        sides[nodes:, old:] = of_new
        return sides

    def by_target(of_old: Times) -> Times:
        return np.append(of_old, np.full(old, np.inf))

    return replace(
        timeline,
        listener_closed_s=by_target(timeline.listener_closed_s),
        cut_s=by_target(timeline.cut_s),
        drain_deadline_s=by_target(timeline.drain_deadline_s),
        answers_until_s=by_target(timeline.answers_until_s),
        vanishes_s=by_target(timeline.vanishes_s),
        unreachable=np.append(timeline.unreachable, timeline.unreachable),
        pod=np.arange(2 * old, dtype=np.int32),
        registered_from_s=both(timeline.registered_from_s, ready_s),
        registered_until_s=both(timeline.registered_until_s, np.inf),
        healthy_from_s=both(timeline.healthy_from_s, ready_s),
        healthy_until_s=both(timeline.healthy_until_s, np.inf),
    )

"""A switch of whole clusters in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace import PodCreated, PodReady
from sim.control_plane.trace.nodes import PodScheduled
from sim.report.wording import count, percent, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.data_plane.timeline import Times
    from sim.experiment.replication import Replication


def course(replication: Replication) -> Iterator[str]:
    """Yield lines of text on how a switch of clusters began and ended."""
    scenario, spec = replication.scenario, replication.scenario.cluster_switch
    side, n_old = replication.timeline.old_side, scenario.deployment.replicas
    if side is None:
        return
    healthy_s = replication.timeline.healthy_from_s[side.nodes :, n_old:].max(axis=0)
    healthy = int((healthy_s <= side.changed_s).sum())
    stands = spec.new_pods_created_at_s is None
    lacking = f", {n_old - healthy:,} less than it should have: these found no address" if healthy < n_old else ""
    yield (
        f"At {seconds(side.changed_s)} the DNS record passed from the old cluster's ALB to that of a new cluster with "
        f"{count(healthy, 'healthy pod')}{lacking if stands else ''}."
    )
    if not stands:
        yield from _new_pods(replication, healthy_s)
    removed_s, deleted_s = spec.old_pods_removed_at_s, spec.old_alb_deleted_at_s
    shares = side.share(np.array([removed_s, deleted_s]))
    yield (
        f"The old pods were deleted from {seconds(removed_s)} on, when {percent(float(shares[0]))} of requests still "
        f"went to the old ALB, and that ALB at {seconds(deleted_s)}, when {percent(float(shares[1]))} did."
    )


def _new_pods(replication: Replication, healthy_s: Times) -> Iterator[str]:
    """Yield how the new cluster's pods came up, whose targets are healthy from these times on."""
    spec, trace = replication.scenario.cluster_switch, replication.trace
    created_s, wanted = spec.new_pods_created_at_s or 0.0, replication.scenario.deployment.replicas
    came_s = healthy_s[np.isfinite(healthy_s)]
    last = f"the last of them at {seconds(float(came_s.max()))}" if came_s.size else "none at all"
    yield (
        f"The new cluster's {count(wanted, 'pod')} were created from {seconds(created_s)} on. "
        f"{came_s.size:,} became healthy targets, {last}."
    )
    if came_s.size == wanted:
        return
    scheduled = {record.pod for record in trace.of(PodScheduled)}
    ready = {record.pod for record in trace.of(PodReady)}
    new = [record.pod for record in trace.of(PodCreated)]
    without_node = sum(pod not in scheduled for pod in new) if scheduled else 0
    without_address = sum(pod in scheduled and pod not in ready for pod in new)
    lacking = ((without_node, "a node"), (without_address, "an address"))
    waiting = [f"{count(number, 'pod')} for {what}" for number, what in lacking if number]
    if waiting:
        yield f"Still waiting in the end: {' and '.join(waiting)}. The new cluster does not come up as it is."

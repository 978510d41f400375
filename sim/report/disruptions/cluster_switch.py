"""A switch of whole clusters in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.report.wording import count, percent, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication


def course(replication: Replication) -> Iterator[str]:
    """Yield lines of text on how a switch of clusters began and ended."""
    scenario, spec = replication.scenario, replication.scenario.cluster_switch
    side, n_old = replication.timeline.old_side, scenario.deployment.replicas
    if side is None:
        return
    healthy = int(np.isneginf(replication.timeline.healthy_from_s[side.nodes :, n_old:]).all(axis=0).sum())
    lacking = f", {n_old - healthy:,} less than it should have: these found no address" if healthy < n_old else ""
    yield (
        f"At {seconds(side.changed_s)} the DNS record passed from the old cluster's ALB to that of a new cluster with "
        f"{count(healthy, 'healthy pod')}{lacking}."
    )
    removed_s, deleted_s = spec.old_pods_removed_at_s, spec.old_alb_deleted_at_s
    shares = side.share(np.array([removed_s, deleted_s]))
    yield (
        f"The old pods were deleted from {seconds(removed_s)} on, when {percent(float(shares[0]))} of requests still "
        f"went to the old ALB, and that ALB at {seconds(deleted_s)}, when {percent(float(shares[1]))} did."
    )

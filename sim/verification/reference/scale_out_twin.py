"""The scale-out again, naively: at each sync the autoscaler counts the pods that came within each policy's period.

Written from docs/facts/kubernetes.md §3.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.verification.reference.deployment_twin import Deployment, share_of

if TYPE_CHECKING:
    from sim.verification.reference.control_plane_twin import ControlPlane
    from sim.verification.reference.deployment_twin import Pod


class ScaleOut(Deployment):
    """A way to more replicas."""

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane)
        self._spec = plane.scenario.scale_out
        self.ending = []
        self._wanted = share_of(self._spec.to_replicas, self._n, math.ceil)
        self._came_s: list[float] = []
        self._n_ready = 0

    def sync(self) -> None:
        """Let the autoscaler add as many as it may now."""
        now_s = self._plane.agenda.now_s
        count = self._n + len(self._came_s)
        may = [self._wanted]
        if self._spec.policies:
            may = []
            for policy in self._spec.policies:
                young = sum(now_s - at_s < policy.period_s - 1e-9 for at_s in self._came_s)
                start = count - young
                may.append(
                    start + policy.value if policy.type == "Pods" else math.ceil(start * (1 + policy.value / 100))
                )
        to = min(self._wanted, max(may) if self._spec.select_policy == "Max" else min(may))
        if to > count:
            self._came_s += [now_s] * (to - count)
            self._plane.agenda.note("ReplicaSetScaled", now_s, "old", to)
            self._wanted_new = to - self._n
            if not self._creating:
                self._sync_replica_set()
        if self._n + len(self._came_s) < self._wanted:
            self._plane.agenda.after(self._spec.sync_period_s, self.sync)

    def ready(self, pod: Pod) -> None:  # noqa: ARG002 - each counts alike
        """Count the pods that are Ready; when all are, wait for the end of the counting."""
        self._n_ready += 1
        if self._n + self._n_ready == self._wanted:
            self._plane.agenda.after(max(0.0, self._spec.counted_until_s - self._plane.agenda.now_s), self._over)

    def _over(self) -> None:
        self.complete = True
        self._plane.agenda.note("RolloutComplete", self._plane.agenda.now_s)

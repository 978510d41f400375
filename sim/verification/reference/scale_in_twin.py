"""The scale-in again, naively: the next pod to delete is searched for among all that are left.

Written from docs/facts/kubernetes.md §3.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from sim.scenario.distributions import Uniform
from sim.streams import Stream
from sim.verification.reference.deployment_twin import Deployment

if TYPE_CHECKING:
    from sim.verification.reference.control_plane_twin import ControlPlane
    from sim.verification.reference.deployment_twin import Pod

UNIFORM = Uniform(dist="uniform", low=0, high=1)


class ScaleIn(Deployment):
    """A step to fewer replicas, for small Deployments only, whose pods go in one sync."""

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane)
        spec, n = plane.scenario.scale_in, len(plane.old)
        self._nodes = spec.nodes or n
        self._left = (
            spec.to_replicas
            if isinstance(spec.to_replicas, int)
            else math.ceil(n * int(spec.to_replicas.rstrip("%")) / 100)
        )
        self._siblings = {
            pod: sum(other.ordinal % self._nodes == pod.ordinal % self._nodes for other in plane.old)
            for pod in plane.old
        }
        staying, self.ending = list(plane.old), []
        while len(staying) > self._left:
            goes = staying[0]
            for pod in staying:
                if self._before(pod, goes):
                    goes = pod
            staying.remove(goes)
            self.ending.append(goes)
        self._to_delete = len(self.ending)

    def _before(self, one: Pod, other: Pod) -> bool:
        """Return whether one pod is deleted before the other."""
        if self._siblings[one] != self._siblings[other]:
            return self._siblings[one] > self._siblings[other]
        ages = [self._age(pod) for pod in (one, other)]
        if ages[0] != ages[1]:
            return ages[0] < ages[1]
        uids = [self._plane.draw(UNIFORM, pod, Stream.POD_DELETION_ORDER) for pod in (one, other)]
        return uids[0] < uids[1]

    def _age(self, pod: Pod) -> int:
        ready_for_s = self._plane.draw(self._plane.scenario.scale_in.ready_for_s, pod, Stream.POD_AGE)
        return int(math.log2(ready_for_s * 1e9))

    def sync(self) -> None:
        """Delete all pods in excess."""
        agenda = self._plane.agenda
        agenda.note("ReplicaSetScaled", agenda.now_s, "old", self._left)
        for pod in self.ending:
            agenda.after(self._write(), partial(self._delete, pod))

    def _delete(self, pod: Pod) -> None:
        super()._delete(pod)
        self._to_delete -= 1
        if self._to_delete == 0:
            self.complete = True
            self._plane.agenda.note("RolloutComplete", self._plane.agenda.now_s)

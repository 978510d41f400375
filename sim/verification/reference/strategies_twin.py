"""Recreate, StatefulSets, DaemonSets and switches again, naively: who is replaced is looked up each time.

Written from docs/model.md, "Other rollouts", "Blue/green" and "Cluster switch".
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from sim.scenario.distributions import Uniform
from sim.streams import Stream
from sim.verification.reference.deployment_twin import Deployment, Pod
from sim.verification.reference.unplanned_twin import Unplanned

if TYPE_CHECKING:
    from sim.verification.reference.control_plane_twin import ControlPlane

UNIFORM = Uniform(dist="uniform", low=0, high=1)


class Replacing(Deployment):
    """Whoever deletes pods and waits until they are gone."""

    @property
    def waits_for_gone(self) -> bool:
        """Return True: a pod's end is awaited."""
        return True

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane)
        self.ending = sorted(plane.old, key=lambda pod: plane.draw(UNIFORM, pod, Stream.POD_DELETION_ORDER))

    def delete_later(self, pod: Pod) -> None:
        """Delete a pod as soon as the client allows."""
        self._plane.agenda.after(self._write(), partial(self._delete, pod))

    def gone_at(self, pod: Pod, gone_s: float) -> None:
        """Hear of a pod's end after a while."""
        told_s = self._plane.draw(self._plane.scenario.deployment.sync_latency_s, pod, Stream.TERMINATION_SYNC)
        self._plane.agenda.after(gone_s - self._plane.agenda.now_s + told_s, partial(self.is_gone, pod))

    def is_gone(self, pod: Pod) -> None:
        """Go on after a pod's end."""
        raise NotImplementedError

    def ready(self, pod: Pod) -> None:
        """Hear after a while that a new pod is available."""
        spec = self._plane.scenario.deployment
        wait_s = spec.min_ready_s + 1 if spec.min_ready_s > 0 else 0
        wait_s += self._plane.draw(spec.sync_latency_s, pod, Stream.DEPLOYMENT_SYNC)
        self._plane.agenda.after(wait_s, partial(self.is_available, pod))

    def is_available(self, pod: Pod) -> None:
        """Go on after a new pod's availability."""
        raise NotImplementedError

    def completes(self) -> None:
        """Note the end."""
        self.complete = True
        self._plane.agenda.note("RolloutComplete", self._plane.agenda.now_s)


class Recreate(Replacing):
    """All old pods go, then all new ones come."""

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane)
        self._to_go = self._to_come = len(plane.old)

    def sync(self) -> None:
        """Delete all old pods."""
        self._plane.agenda.note("ReplicaSetScaled", self._plane.agenda.now_s, "old", 0)
        for pod in self.ending:
            self.delete_later(pod)

    def is_gone(self, pod: Pod) -> None:  # noqa: ARG002 - which one does not matter
        """Create the new ones after the last."""
        self._to_go -= 1
        if self._to_go == 0:
            self._wanted_new = self._n
            self._plane.agenda.note("ReplicaSetScaled", self._plane.agenda.now_s, "new", self._n)
            self._sync_replica_set()

    def is_available(self, pod: Pod) -> None:  # noqa: ARG002 - which one does not matter
        """Be complete with the last."""
        self._to_come -= 1
        if self._to_come == 0:
            self.completes()


class OneForOne(Replacing):
    """A StatefulSet or a DaemonSet."""

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane)
        spec = plane.scenario.deployment
        self._surge = 0
        if spec.kind == "StatefulSet":
            self.ending = [pod for pod in reversed(plane.old) if pod.ordinal >= spec.partition]
            self._at_once = max(1, _parts(spec.max_unavailable, self._n, down=True))
        else:
            self._surge = _parts(spec.max_surge, self._n, down=False)
            self._at_once = self._surge or max(1, _parts(spec.max_unavailable, self._n, down=False))
        self._queue = list(self.ending)
        self._left = len(self.ending)
        self._old_of: dict[Pod, Pod] = {}

    @property
    def waits_for_gone(self) -> bool:
        """Return whether a successor waits for its predecessor's end."""
        return not self._surge

    def sync(self) -> None:
        """Begin with as many as may be replaced at once."""
        for _ in range(min(self._at_once, len(self._queue))):
            self._next()

    def _next(self) -> None:
        if not self._queue:
            return
        pod = self._queue.pop(0)
        if self._surge:
            self._plane.agenda.after(self._write(), partial(self._create_for, pod))
        else:
            self.delete_later(pod)

    def is_gone(self, pod: Pod) -> None:
        """Create the successor."""
        self._plane.agenda.after(self._write(), partial(self._create_for, pod))

    def _create_for(self, pod: Pod) -> None:
        successor = Pod(self._n + self._n_created, self._n_created, is_new=True)
        self._n_created += 1
        self._old_of[successor] = pod
        self._plane.created(successor)

    def is_available(self, pod: Pod) -> None:
        """Turn to the next one; with a surge delete the predecessor first."""
        if self._surge:
            self._plane.agenda.after(self._write(), partial(self._delete_and_go_on, self._old_of[pod]))
        else:
            self._is_replaced()

    def _delete_and_go_on(self, pod: Pod) -> None:
        self._delete(pod)
        self._is_replaced()

    def _is_replaced(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.completes()
        self._next()


class BlueGreen(Unplanned):
    """The switch of a selector: all endpoints are swapped, and the old pods go later."""

    def __init__(self, plane: ControlPlane) -> None:
        super(Unplanned, self).__init__(plane)
        self._spec = plane.scenario.blue_green
        self.ending = []
        self._failing = []
        self._left = set()
        self._back: set[Pod] = set()
        self._deregistered = set()
        self._to_delete = len(plane.old)

    @property
    def settled(self) -> bool:
        """Return whether every old target is deregistered."""
        return all(pod.deregistered and pod.cut for pod in self._plane.old) and self._plane.has_healthy

    def sync(self) -> None:
        """Switch, and delete the old pods after the delay."""
        plane = self._plane
        for old in plane.old:
            pod = Pod(self._n + old.ordinal, old.ordinal, is_new=True)
            plane.agenda.note("PodCreated", plane.agenda.now_s, pod.number)
            plane.agenda.note("PodReady", plane.agenda.now_s, pod.number)
            self._joins(pod)
            lag = plane.scenario.controller.registration_lag_s
            if lag is not None:
                plane.agenda.after(
                    plane.draw(lag, pod, Stream.REGISTRATION_LAG), partial(plane.target_group.register, {pod})
                )
            plane.agenda.note("PodDeselected", plane.agenda.now_s, old.number)
            self.not_ready(old)
        plane.agenda.after(self._spec.scale_down_delay_s, self._scale_down)

    def _scale_down(self) -> None:
        self._plane.agenda.note("ReplicaSetScaled", self._plane.agenda.now_s, "old", 0)
        for pod in self._plane.old:
            self._plane.agenda.after(self._write(), partial(self._ends, pod))

    def _ends(self, pod: Pod) -> None:
        self._plane.told_to_end(pod)
        self._to_delete -= 1
        if self._to_delete == 0:
            self.complete = True
            self._plane.agenda.note("RolloutComplete", self._plane.agenda.now_s)


class ClusterSwitch(Deployment):
    """The switch of a DNS record: the old pods go some time later, and their load balancer too."""

    @property
    def settled(self) -> bool:
        """Return True, and that the new cluster has healthy targets."""
        self._plane.has_healthy = True
        return True

    @property
    def waits_for_gone(self) -> bool:
        """Return False: nothing follows a pod's end."""
        return False

    def sync(self) -> None:
        """Change the record, and put the end of the old side on the list."""
        plane, spec = self._plane, self._plane.scenario.cluster_switch
        law = plane.streams.draws(spec.record_change_s, Stream.RECORD_CHANGE)
        plane.agenda.note("RecordChanged", plane.agenda.now_s + next(law))
        plane.agenda.note("LoadBalancerDeleted", plane.agenda.now_s + spec.old_alb_deleted_at_s)
        self._waits_for = len(plane.old) + 1
        plane.agenda.after(spec.old_pods_removed_at_s, self._remove_pods)
        plane.agenda.after(spec.old_alb_deleted_at_s, self._is_removed)

    def _remove_pods(self) -> None:
        self._plane.agenda.note("ReplicaSetScaled", self._plane.agenda.now_s, "old", 0)
        for pod in self._plane.old:
            self._plane.agenda.after(self._write(), partial(self._remove, pod))

    def _remove(self, pod: Pod) -> None:
        self._delete(pod)
        self._is_removed()

    def _is_removed(self) -> None:
        self._waits_for -= 1
        if self._waits_for == 0:
            self.complete = True
            self._plane.agenda.note("RolloutComplete", self._plane.agenda.now_s)


def _parts(value: int | str, replicas: int, *, down: bool) -> int:
    parts = value if isinstance(value, int) else int(value.rstrip("%")) * replicas / 100
    return min(replicas, math.floor(parts) if down else math.ceil(parts))

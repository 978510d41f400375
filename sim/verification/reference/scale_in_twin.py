"""The scale-in again, naively: the next pod to delete is searched for among all that are left.

An autoscaler that went too far comes back up.

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
    """A way to fewer replicas, for small Deployments only: the pods of a step go in one sync."""

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane)
        spec, n = plane.scenario.scale_in, len(plane.old)
        self._nodes = spec.nodes or n
        self._left = (
            spec.to_replicas
            if isinstance(spec.to_replicas, int)
            else math.ceil(n * int(spec.to_replicas.rstrip("%")) / 100)
        )
        self.untargeted = set(plane.old[n - spec.unready :])
        self._siblings: dict[Pod, int] = {}
        self._staying, self.ending = list(plane.old), []
        self._steps: list[tuple[float, int, list[Pod]]] = []
        self._rises: list[tuple[float, int]] = []
        now_s, until_s = 0.0, max((one.until_s for one in spec.recommendations), default=0.0)
        while now_s < until_s or len(self._staying) + self._came() != self._left:
            pods = len(self._staying) + self._came()
            if self._called_for(now_s) > pods:
                self._rises.append((now_s, self._may_come(now_s, pods)))
            elif going := self._choose(self._allowed(now_s, self._wanted(now_s, n))):
                self._steps.append((now_s, len(self._staying), going))
                self.ending += going
            now_s += spec.sync_period_s
        self._n_to_be_ready = self._came()
        self._to_delete = len(self.ending)
        for pod in self.untargeted:
            pod.deregistered = pod.left = True
            plane.rolled.ready.remove(pod)
            del plane.rolled.healthy_s[pod]

    def _came(self) -> int:
        return sum(pods for _, pods in self._rises)

    def _called_for(self, now_s: float) -> int:
        """Return what the metrics call for at a sync."""
        for one in self._plane.scenario.scale_in.recommendations:
            if now_s < one.until_s:
                return one.replicas
        return self._left

    def _may_come(self, now_s: float, pods: int) -> int:
        """Return how many pods come now, of what is called for."""
        spec = self._plane.scenario.scale_in
        may = [self._called_for(now_s)]
        if spec.up_policies:
            may = []
            for policy in spec.up_policies:
                came = sum(n for at_s, n in self._rises if now_s - at_s < policy.period_s)
                gone = sum(len(going) for at_s, _, going in self._steps if now_s - at_s < policy.period_s)
                start = pods - came + gone
                may.append(start + policy.value if policy.type == "Pods" else -(-start * (100 + policy.value) // 100))
        return max(0, min(self._called_for(now_s), max(may)) - pods)

    def _wanted(self, now_s: float, n_at_first: int) -> int:
        """Return the most that was called for in the window before now; whoever was not asked yet wanted all."""
        spec = self._plane.scenario.scale_in
        if not spec.recommendations:
            return self._left
        wanted = []
        at_s = now_s
        while at_s == now_s or now_s - at_s < spec.stabilization_window_s - 1e-6:
            wanted.append(n_at_first if at_s < 0 else self._called_for(at_s))
            at_s -= spec.sync_period_s
        return max(wanted)

    def _allowed(self, now_s: float, wanted: int) -> int:
        """Return how many pods may go now."""
        spec, n = self._plane.scenario.scale_in, len(self._staying)
        if not spec.policies:
            return max(0, n - wanted)
        allowed = []
        for policy in spec.policies:
            gone = sum(len(pods) for at_s, _, pods in self._steps if now_s - at_s < policy.period_s)
            lost = policy.value if policy.type == "Pods" else (n + gone) * policy.value / 100
            allowed.append(n - math.floor(n + gone - lost))
        most = max(allowed) if spec.select_policy == "Max" else min(allowed)
        return max(0, min(most, n - wanted))

    def _choose(self, n_pods: int) -> list[Pod]:
        """Take as many pods as go, one after another, by the nodes that they share when the first goes."""
        self._siblings = {
            pod: sum(other.ordinal % self._nodes == pod.ordinal % self._nodes for other in self._staying)
            for pod in self._staying
        }
        going = []
        for _ in range(n_pods):
            goes = self._staying[0]
            for pod in self._staying:
                if self._before(pod, goes):
                    goes = pod
            self._staying.remove(goes)
            going.append(goes)
        return going

    def _before(self, one: Pod, other: Pod) -> bool:
        """Return whether one pod is deleted before the other."""
        unready = [pod in self.untargeted for pod in (one, other)]
        if unready[0] != unready[1]:
            return unready[0]
        costs = [self._cost(pod) for pod in (one, other)]
        if costs[0] != costs[1]:
            return costs[0] < costs[1]
        if self._siblings[one] != self._siblings[other]:
            return self._siblings[one] > self._siblings[other]
        ages = [self._age(pod) for pod in (one, other)]
        if ages[0] != ages[1] and not unready[0]:
            return ages[0] < ages[1]
        uids = [self._plane.draw(UNIFORM, pod, Stream.POD_DELETION_ORDER) for pod in (one, other)]
        return uids[0] < uids[1]

    def _cost(self, pod: Pod) -> float:
        old = int(self._plane.scenario.kubernetes.version.removeprefix("v1.")) < 22  # noqa: PLR2004 - PodDeletionCost
        return (
            0.0 if old else self._plane.draw(self._plane.scenario.scale_in.deletion_cost, pod, Stream.POD_DELETION_COST)
        )

    def _age(self, pod: Pod) -> int:
        ready_for_s = self._plane.draw(self._plane.scenario.scale_in.ready_for_s, pod, Stream.POD_AGE)
        return int(math.log2(ready_for_s * 1e9))

    def sync(self) -> None:
        """Delete all pods in excess, step by step."""
        for at_s, left, pods in self._steps:
            self._plane.agenda.after(at_s, partial(self._step, left, pods))
        then = len(self._staying)
        for at_s, more in self._rises:
            then += more
            if more:
                self._plane.agenda.after(at_s, partial(self._rise, then, more))

    def _step(self, left: int, pods: list[Pod]) -> None:
        self._plane.agenda.note("ReplicaSetScaled", self._plane.agenda.now_s, "old", left)
        for pod in pods:
            self._plane.agenda.after(self._write(), partial(self._delete, pod))

    def _delete(self, pod: Pod) -> None:
        if pod in self.untargeted:
            self._plane.told_to_end(pod)
        else:
            super()._delete(pod)
        self._to_delete -= 1
        self._look()

    def _rise(self, pods: int, more: int) -> None:
        self._plane.agenda.note("ReplicaSetScaled", self._plane.agenda.now_s, "old", pods)
        self._wanted_new += more
        if not self._creating:
            self._sync_replica_set()

    def ready(self, pod: Pod) -> None:  # noqa: ARG002 - each counts alike
        """Count the pods that are Ready again."""
        self._n_to_be_ready -= 1
        self._look()

    def _look(self) -> None:
        if self._to_delete == 0 and self._n_to_be_ready == 0:
            self.complete = True
            self._plane.agenda.note("RolloutComplete", self._plane.agenda.now_s)

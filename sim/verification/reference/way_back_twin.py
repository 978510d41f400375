"""The way back of an aborted canary whose old pods have become fewer, again: Argo's functions in their own order.

Written from docs/model.md, "Canary", and rollout/trafficrouting.go, rollout/replicaset.go and
utils/replicaset/canary.go of argo-rollouts.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.streams import Stream
from sim.verification.reference.deployment_twin import Pod
from sim.verification.reference.strategies_twin import UNIFORM, Replacing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.verification.reference.control_plane_twin import ControlPlane


class WayBack(Replacing):
    """The pods of both ReplicaSets, and the syncs after an abort."""

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane)
        self._spec = plane.scenario.canary
        self._keeps_new = self._spec.abort_scale_down_delay_s is not None
        self._new: list[Pod] = []
        self._back: list[Pod] = []
        self._staying = list(self.ending)
        self._weight = self._n_back = self._back_wanted = 0
        self._goes_back = self._is_back = False
        self._ready_s: dict[Pod, float] = {}
        self._n_old_left, self._n_new_left = self._n, 0
        self._syncs_s = plane.streams.draws(plane.scenario.deployment.sync_latency_s, Stream.PROGRESSIVE_SYNC)

    def set_weight(self, weight: int) -> None:
        """Ask for another weight."""
        raise NotImplementedError

    def swap_back(self) -> None:
        """Let the canary Service select the old pods."""
        raise NotImplementedError

    def delete_soon(self, pods: list[Pod]) -> None:
        """Delete pods as soon as the client allows."""
        raise NotImplementedError

    def keep_old(self, replicas: int) -> None:
        """Let old pods go until so many are left."""
        raise NotImplementedError

    def end_new(self) -> None:
        """Let the new pods go, if there are any still, and be complete with the last."""
        raise NotImplementedError

    def look_back(self) -> None:
        """Take one step of the way back."""
        if not self._goes_back or self._is_back:
            return
        before, step = self._weight, self._step_back()
        old = self._n_old_left + self._n_back
        self._weigh_back(step, math.floor(100 * old / self._n + 1e-9))
        wants_old = max(self._share(100 - step), self._share(100 - before))
        is_other = self._weight != before
        if wants_old != len(self._staying) + self._back_wanted:
            is_other = True
            self._scale_old(wants_old)
        elif self._keeps_new:
            self._is_back = old == self._n
        else:
            is_other |= self.keep_new(max(self._share(self._weight), self._share(step)))
        if not self._keeps_new:
            self._is_back = self._weight == 0 and not self._new
        if self._is_back:
            self.later(self._spec.abort_scale_down_delay_s or 0, self.end_new)
        elif is_other:
            self.later(next(self._syncs_s), self.look_back)

    def _share(self, weight: int) -> int:
        return math.ceil(weight * self._n / 100)

    def _step_back(self) -> int:
        new = self._n - self._n_old_left - self._n_back
        if not self._keeps_new:
            new = max(new, self._n_new_left)
        fewer = [step.weight for step in self._spec.steps if self._share(step.weight) < new]
        return fewer[-1] if fewer else 0

    def _weigh_back(self, step: int, percent: int) -> None:
        weight = self._weight
        if step <= 0:
            weight = min(100 - percent, weight)
        elif percent >= 100 - step:
            weight = min(step, weight)
        if weight == 0:
            self.swap_back()
        self.set_weight(weight)

    def _scale_old(self, replicas: int) -> None:
        more = replicas - len(self._staying) - self._back_wanted
        if more < 0:
            self.keep_old(replicas)
            return
        self.note("ReplicaSetScaled", "old", replicas)
        self._back_wanted += more
        self._wanted_new += more
        if not self._creating:
            self._sync_replica_set()

    def _create_one(self) -> None:
        """Create a pod; on the way back it is one of the old ReplicaSet."""
        pod = Pod(self._n + self._n_created, self._n_created, is_new=True, returns=self._goes_back)
        self._n_created += 1
        if self._goes_back:
            self._back.append(pod)
        self._plane.created(pod)

    def keep_new(self, replicas: int) -> bool:
        """Let the younger of the new pods go, by the power of two of their age. Return whether any goes."""
        if len(self._new) <= replicas:
            return False
        self.note("ReplicaSetScaled", "new", replicas)
        self._new.sort(key=self._rank)
        going = self._new[: len(self._new) - replicas]
        self._new = self._new[len(going) :]
        self.delete_soon(going)
        return True

    def _rank(self, pod: Pod) -> tuple[float, float]:
        age_s = self._plane.agenda.now_s - self._ready_s[pod]
        power = int(math.log2(age_s * 1e9)) if age_s > 0 else -1
        return power, self._plane.draw(UNIFORM, pod, Stream.POD_DELETION_ORDER)

    def later(self, wait_s: float, then: Callable[[], None]) -> None:
        """Do something later."""
        self._plane.agenda.after(wait_s, then)

    def note(self, kind: str, *what: object) -> None:
        """Note what happens now."""
        self._plane.agenda.note(kind, self._plane.agenda.now_s, *what)

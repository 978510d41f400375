"""The Deployment and its ReplicaSets again, naively.

Written from docs/model.md, "Deployment controller", and docs/facts/kubernetes.md §3 and §5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sim.scenario.distributions import Uniform
from sim.streams import Stream
from sim.verification.reference.aws_twin import Bucket

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.scenario.specs import DeploymentSpec
    from sim.verification.reference.side_twin import Side


@dataclass(eq=False)
class Pod:
    """A pod. An old and a new pod may have the same `ordinal`, but not the same draws.

    A pod that `returns` is another pod of the old ReplicaSet, created when others of it had gone. `left`: the watch has
    seen it go, and has `missed` it if it had not come. `dropped`: a controller with lags has told the target group so.
    """

    number: int
    ordinal: int
    is_new: bool
    deregistered: bool = False
    cut: bool = False
    left: bool = False
    missed: bool = False
    dropped: bool = False
    has_ready_containers: bool = False
    is_ready_at_first: bool = False
    returns: bool = False


class Deployment:
    """A Deployment with its limits, and two writes for each create or delete, 20 a second after the first 30."""

    cordons = False

    def __init__(self, plane: Side) -> None:
        self._plane = plane
        self.ending = plane.old
        self.untargeted: set[Pod] = set()
        spec = plane.scenario.deployment
        self._n = spec.replicas
        self._surge, self._unavailable = _fence_posts(spec)
        ranks = plane.streams.indexed(Uniform(dist="uniform", low=0, high=1), Stream.POD_DELETION_ORDER, 0)
        self._going = sorted(plane.old, key=lambda pod: ranks[pod.ordinal])
        self._wanted_old, self._wanted_new, self._available_new = self._n, 0, 0
        self._terminating = 0
        kubernetes = plane.scenario.kubernetes
        self._writes = Bucket(kubernetes.controller_manager_api_burst, kubernetes.controller_manager_api_qps)
        self._n_created = 0
        self._creating = False
        self.complete = False

    def ready(self, pod: Pod) -> None:
        """Count a pod as available once it has been Ready for `min_ready_s`, and the recheck's second more."""
        spec = self._plane.scenario.deployment
        wait_s = spec.min_ready_s + 1 if spec.min_ready_s > 0 else 0
        wait_s += self._plane.draw(spec.sync_latency_s, pod, Stream.DEPLOYMENT_SYNC)
        self._plane.agenda.after(wait_s, self._available)

    def _available(self) -> None:
        self._available_new += 1
        self._plane.agenda.after(0, self.sync)

    def sync(self) -> None:
        """Take one step: up, or else down. After a step another sync follows."""
        agenda = self._plane.agenda
        count = self._wanted_old + self._wanted_new + self._terminating
        up = min(self._n + self._surge - count, self._n - self._wanted_new)
        down = min(self._wanted_old + self._available_new - (self._n - self._unavailable), self._wanted_old)
        if up > 0:
            self._wanted_new += up
            agenda.note("ReplicaSetScaled", agenda.now_s, "new", self._wanted_new)
            agenda.after(0, self.sync)  # before the second batch, which waits for the first one's answers
            if not self._creating:
                self._sync_replica_set()
        elif down > 0:
            self._wanted_old -= down
            agenda.note("ReplicaSetScaled", agenda.now_s, "old", self._wanted_old)
            for pod in [self._going.pop(0) for _ in range(down)]:
                agenda.after(self._write(), partial(self._delete, pod))
            if self.waits_for_gone:
                self._terminating += down
            agenda.after(0, self.sync)
        elif self._wanted_old == 0 and self._available_new == self._n and self._terminating == 0 and not self.complete:
            self.complete = True
            agenda.note("RolloutComplete", agenda.now_s)

    @property
    def settled(self) -> bool:
        """Return whether nothing is left to do for pods that failed unasked."""
        return True

    @property
    def waits_for_gone(self) -> bool:
        """Return whether terminating pods count."""
        return self._plane.scenario.deployment.pod_replacement_policy == "TerminationComplete"

    def _delete(self, pod: Pod) -> None:
        self._plane.deleted(pod)

    def gone_at(self, pod: Pod, gone_s: float) -> None:
        """Note when a pod will be gone, as soon as its listener is closed."""
        told_s = self._plane.draw(self._plane.scenario.deployment.sync_latency_s, pod, Stream.TERMINATION_SYNC)
        self._plane.agenda.after(gone_s - self._plane.agenda.now_s + told_s, self._gone)

    def _gone(self) -> None:
        self._terminating -= 1
        self._plane.agenda.after(0, self.sync)

    def _sync_replica_set(self) -> None:
        """Create the missing pods, at most 500. When the last new pod exists, look again."""
        missing = self._wanted_new - self._n_created
        self._creating = missing > 0
        if missing > 0:
            self._create(min(missing, 500), 1)

    def _create(self, n: int, batch: int) -> None:
        """Ask for a batch at once. When a batch's last create has passed, ask for the next batch of twice the size."""
        waits_s = [self._write() for _ in range(min(n, batch))]
        for wait_s in waits_s:
            self._plane.agenda.after(wait_s, self._create_one)
        left = n - len(waits_s)
        self._plane.agenda.after(
            waits_s[-1], lambda: self._create(left, 2 * batch) if left else self._sync_replica_set()
        )

    def _create_one(self) -> None:
        ordinal = self._n_created
        self._n_created += 1
        self._plane.created(Pod(self._n + ordinal, ordinal, is_new=True))

    def _write(self) -> float:
        now_s = self._plane.agenda.now_s
        wait_s = self._writes.wait_s(now_s)
        self._writes.take(now_s)
        return wait_s


def _fence_posts(spec: DeploymentSpec) -> tuple[int, int]:
    surge = share_of(spec.max_surge, spec.replicas, math.ceil)
    unavailable = min(share_of(spec.max_unavailable, spec.replicas, math.floor), spec.replicas)
    return surge, unavailable if surge or unavailable else 1


def share_of(value: int | str, replicas: int, rounded: Callable[[float], int]) -> int:
    """Return a number of pods, or a percentage of the replicas, rounded."""
    return value if isinstance(value, int) else rounded(int(value.rstrip("%")) * replicas / 100)

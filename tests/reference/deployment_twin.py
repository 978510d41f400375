"""The Deployment and its ReplicaSets again, naively (facts/kubernetes §3 and §5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reference.aws_twin import Bucket

from sim.scenario.distributions import Uniform
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from reference.control_plane_twin import ControlPlane

    from sim.scenario.specs import DeploymentSpec


@dataclass(eq=False)
class Pod:
    number: int
    ordinal: int
    is_new: bool
    deregistered: bool = False
    cut: bool = False
    left: bool = False


class Deployment:
    """maxSurge and maxUnavailable; two writes for each create or delete, 20 a second after the first 30."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        spec = plane.scenario.deployment
        self._n = spec.replicas
        self._surge, self._unavailable = _fence_posts(spec)
        ranks = plane.streams.indexed(Uniform(dist="uniform", low=0, high=1), Stream.POD_DELETION_ORDER, 0)
        self._going = sorted(plane.old, key=lambda pod: ranks[pod.ordinal])
        self._wanted_old, self._wanted_new, self._available_new = self._n, 0, 0
        self._writes = Bucket(30, 20)
        self._n_created = 0
        self._creating = False
        self.complete = False

    def available(self) -> None:
        self._available_new += 1
        self._plane.agenda.after(0, self.sync)

    def sync(self) -> None:
        """One step: up, or else down; where it took one, another sync follows."""
        agenda = self._plane.agenda
        up = min(self._n + self._surge - self._wanted_old - self._wanted_new, self._n - self._wanted_new)
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
                agenda.after(self._write(), lambda pod=pod: self._plane.deleted(pod))
            agenda.after(0, self.sync)
        elif self._wanted_old == 0 and self._available_new == self._n and not self.complete:
            self.complete = True
            agenda.note("RolloutComplete", agenda.now_s)

    def _sync_replica_set(self) -> None:
        """Create what is missing, at most 500 pods; when the last of them is there, look again."""
        missing = self._wanted_new - self._n_created
        self._creating = missing > 0
        if missing > 0:
            self._create(min(missing, 500), 1)

    def _create(self, n: int, batch: int) -> None:
        """Ask for a batch at once; for the next one, of twice the size, when the last of it has passed."""
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
    surge = _of(spec.max_surge, spec.replicas, math.ceil)
    unavailable = min(_of(spec.max_unavailable, spec.replicas, math.floor), spec.replicas)
    return surge, unavailable if surge or unavailable else 1


def _of(value: int | str, replicas: int, rounded: Callable[[float], int]) -> int:
    return value if isinstance(value, int) else rounded(int(value.rstrip("%")) * replicas / 100)

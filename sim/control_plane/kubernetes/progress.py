"""The progress deadline: when a disruption whose pods wait for room is taken to have no end.

The real thing: a Deployment without progress for `progressDeadlineSeconds` gets the condition ProgressDeadlineExceeded,
`kubectl rollout status` fails, and nothing else changes: the pods go on waiting.

Modelled: that time, 600 s, counted from the last pod that was created, bound, Ready, deleted or gone, or the last
change of a subnet. The disruption is over for the figures once it has passed, pods wait for a node or for an address,
and nothing is left that could give them one.

Left out: other values of the deadline, and the rollback that a delivery tool may begin.

Sources: docs/facts/capacity.md §1; kubernetes.io, "Failed Deployment" (default 600 s).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.trace import PodCreated, PodDeleted, PodReady
from sim.control_plane.trace.nodes import RolloutStalled, SubnetHeld

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Sequence

    import simpy

    from sim.control_plane.kubernetes.pod import Pod
    from sim.control_plane.kubernetes.scheduler import Scheduler
    from sim.control_plane.simulation import Simulation

PROGRESS_DEADLINE_S = 600.0
RECHECK_S = 60.0
_PROGRESS = (PodCreated, PodReady, PodDeleted, SubnetHeld)


class ProgressDeadline:
    """Watches a disruption that ends the pods `ending`."""

    def __init__(
        self, simulation: Simulation, scheduler: Scheduler, without_address: Collection[Pod], ending: Sequence[Pod]
    ) -> None:
        self._env = simulation.env
        self._trace = simulation.trace
        self._scheduler = scheduler
        self._without_address = without_address
        self._ending = ending

    def run(self) -> Generator[simpy.Event]:
        """Wait until the disruption has stalled, and record that."""
        while (wait_s := self._wait_s()) > 0:
            yield self._env.timeout(wait_s)
        without_address = sorted(pod.number for pod in self._without_address)
        self._trace.record(RolloutStalled(self._env.now, len(self._scheduler.pending), without_address))

    def _wait_s(self) -> float:
        """Return for how long to wait before the next look, 0 if the disruption has stalled."""
        last_s = max(self._scheduler.changed_s, 0.0)
        for kind in _PROGRESS:
            last_s = max([last_s, *(record.time_s for record in self._trace.of(kind)[-1:])])
        left_s = last_s + PROGRESS_DEADLINE_S - self._env.now
        return left_s if left_s > 0 else RECHECK_S * self._may_go_on()

    def _may_go_on(self) -> bool:
        scheduler = self._scheduler
        return (
            not (scheduler.pending or self._without_address)
            or scheduler.coming > 0
            or scheduler.is_starting(self._without_address)
            or scheduler.is_ending()
            or any(pod.deleted.triggered and not pod.deregistered.triggered for pod in self._ending)
        )

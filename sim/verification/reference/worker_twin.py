"""Worker nodes that are targets and leave, in the slow data plane: each end is a process of its own.

Written from docs/model.md, "A node's end", and docs/facts/capacity.md §3.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.verification.reference.clock_twin import At

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.data_plane.timeline import Timeline
    from sim.verification.reference.clock_twin import Clock, Process
    from sim.verification.reference.pod_twin import Pod
    from sim.verification.reference.request_twin import Sent


class WorkerNodes:
    """The worker nodes between the ALB and these pods."""

    def __init__(self, clock: Clock, pods: Sequence[Pod], timeline: Timeline) -> None:
        """Let those leave that leave in the timeline."""
        self._clock = clock
        self._pods = pods
        self.without_machine: set[int] = set()
        if timeline.instances:
            self._leave(timeline.instances.gone_s.tolist(), timeline.instances.cut_s.tolist())

    def _leave(self, gone_s: Sequence[float], cut_s: Sequence[Sequence[float]]) -> None:
        """Let each worker node's machine go at its time, and each ALB node cut what runs through it at its own."""
        for worker, at_s in enumerate(gone_s):
            if at_s < math.inf:
                self._clock.process(self._machine_end(worker, at_s))
        for alb_node, at_nodes_s in enumerate(cut_s):
            for worker, at_s in enumerate(at_nodes_s):
                if at_s < math.inf:
                    self._clock.process(self._deregistration(alb_node, worker, at_s))

    def _machine_end(self, worker: int, at_s: float) -> Process:
        yield self._clock.at(at_s, At.MACHINE_GOES)
        self.without_machine.add(worker)
        for sent in self._through(worker):
            sent.unheard = True

    def _deregistration(self, alb_node: int, worker: int, at_s: float) -> Process:
        yield self._clock.at(at_s, At.CUT_BY_ALB)
        for sent in self._through(worker):
            if sent.alb_node == alb_node:
                sent.end("deregistration_delay_elapsed", self._clock.now)

    def _through(self, worker: int) -> Iterator[Sent]:
        return (sent for pod in self._pods for sent in pod.open if sent.node == worker)

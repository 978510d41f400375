"""A pod in the slow data plane, a process of its own: it listens, serves, drains and ends.

Written from docs/model.md, "Kubelet, termination" and "Data plane".
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

import simpy

from sim.verification.reference.clock_twin import At

if TYPE_CHECKING:
    from sim.data_plane.timeline import Timeline
    from sim.scenario.specs import PodSpec
    from sim.verification.reference.clock_twin import Clock, Process
    from sim.verification.reference.request_twin import Sent


class Pod:
    """A pod: its listener, its workers with their queue, its process, its address."""

    def __init__(self, clock: Clock, timeline: Timeline, number: int, spec: PodSpec, *, serves_idle: bool) -> None:
        self._clock = clock
        self._closed_s = float(timeline.listener_closed_s[number])
        self._cut_s = float(timeline.cut_s[number])
        self._answers_until_s = float(timeline.answers_until_s[number])
        self._vanishes_s = float(timeline.vanishes_s[number])
        self._ends_when_idle = timeline.drains and not serves_idle
        self._serves_idle = serves_idle
        self._teardown_s = spec.sandbox_teardown_s
        self._slowness = spec.cold_factor
        self._cold_until_s = -math.inf
        known_s = [
            max(of_node[number], checked[number])
            for of_node, checked in zip(timeline.registered_from_s, timeline.healthy_from_s, strict=True)
        ]
        if math.isfinite(min(known_s)):
            self._cold_until_s = min(known_s) + spec.warm_up_s
        self._prefork = spec.accept == "prefork"
        self._workers = simpy.Resource(clock, spec.concurrency or sys.maxsize)
        self._idle = clock.event()
        self._has = 0
        self._backlog: list[Sent] = []
        self.number = number
        self.open: list[Sent] = []
        self.listens = True
        self.ended_s = math.inf
        clock.process(self._life())

    @property
    def keeps_connections(self) -> bool:
        """Return whether the pod answers on its open connections."""
        if self._vanishes_s <= self._clock.now and self._vanishes_s < self._cut_s:
            return (self.ended_s if self._serves_idle else self._closed_s) >= self._vanishes_s
        return self.listens or (self._serves_idle and self.ended_s == math.inf)

    @property
    def address_gone_s(self) -> float:
        """Return when nothing answers at the pod's address any more."""
        return min(self.ended_s + self._teardown_s, self._vanishes_s)

    def serve(self, request: Sent, service_s: float, *, pooled: bool) -> Process:
        """Serve a request, whether or not the ALB still waits for it: `outcome` tells if it did."""
        self.open.append(request)
        self._has += 1
        if self._clock.now < self._cold_until_s:
            service_s *= self._slowness
        waits_in_kernel = self._prefork and not pooled
        with self._workers.request() as worker:
            if waits_in_kernel:
                self._backlog.append(request)
            yield worker
            if waits_in_kernel and not self._taken(request):
                return
            request.finish_s = self._clock.now + service_s
            if request.finish_s > self._answers_until_s:
                request.finish_s = math.inf
                yield self._clock.event()  # nobody triggers it
            yield self._clock.timeout(service_s)
        request.end("ok", self._clock.now)
        self.open.remove(request)
        self._leave()

    def _taken(self, request: Sent) -> bool:
        """Take a request from the kernel's backlog, if it is still there."""
        if request not in self._backlog:
            return False
        self._backlog.remove(request)
        return True

    def _leave(self) -> None:
        self._has -= 1
        if not self._has and not self.listens and not self._idle.triggered:
            self._idle.succeed()

    def _life(self) -> Process:
        if self._closed_s == math.inf:
            return
        yield self._clock.at(self._closed_s, At.LISTENER_CLOSES)
        self.listens = False
        if self._closed_s == self._vanishes_s < self._cut_s:
            return
        for request in self._backlog:
            request.end("closed_in_flight", self._clock.now)
            self._has -= 1
        self._backlog.clear()
        ends: simpy.Event = self._clock.at(self._cut_s, At.KILLED)
        if self._ends_when_idle:
            if not self._has:
                self._idle.succeed()
            ends |= self._idle
        yield ends
        self.ended_s = self._clock.now
        for request in self.open:
            request.end("closed_in_flight", self._clock.now)

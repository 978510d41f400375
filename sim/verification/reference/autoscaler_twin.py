"""The node autoscaler again, naively: Cluster Autoscaler's looks every 10 s, and Karpenter's batches.

Written from docs/facts/capacity.md §3 and docs/model.md, "Autoscalers". With `sim.control_plane` it shares the draws.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from sim.scenario.distributions import Uniform
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.verification.reference.nodes_twin import Nodes
    from sim.verification.reference.side_twin import Side

SCANS_EVERY_S = 10.0
IDLE_S, BATCH_S = 1.0, 10.0


class Autoscaler:
    """Cluster Autoscaler, which looks every 10 s, or Karpenter, which collects pods."""

    def __init__(self, nodes: Nodes, plane: Side) -> None:
        self._nodes, self._agenda = nodes, plane.agenda
        self._spec = spec = plane.scenario.autoscaler
        self._is_karpenter = spec.kind == "karpenter"
        law = spec.fleet_s if self._is_karpenter else spec.decision_s
        self._decision_s = plane.streams.draws(law, Stream.AUTOSCALER_DECISION)
        self._lag_s = plane.streams.draws(spec.asg_lag_s, Stream.AUTOSCALING_GROUP_LAG)
        self._ready_s = plane.streams.draws(spec.launch_to_ready_s, Stream.NODE_LAUNCH)
        phases = plane.streams.indexed(Uniform(dist="uniform", low=0, high=SCANS_EVERY_S), Stream.AUTOSCALER_SCAN)
        self._phase_s = phases[0]
        self._not_before_s = -math.inf
        self._is_idle = True
        self._batch_until_s = -math.inf
        self._refusals = 0

    def begin(self) -> None:
        """Look every 10 s, if it is Cluster Autoscaler."""
        if not self._is_karpenter:
            scans = math.floor((self._agenda.now_s - self._phase_s) / SCANS_EVERY_S) + 1
            self._agenda.after(self._phase_s + SCANS_EVERY_S * scans - self._agenda.now_s, self._scan)

    def _scan(self) -> None:
        self._agenda.after(SCANS_EVERY_S, self._scan)
        if self._is_idle and self._nodes.pending:
            self._is_idle = not self._decide(self._done)

    def _done(self) -> None:
        self._is_idle = True

    def refused(self) -> None:
        """Hear of a pod without a place: Karpenter begins a batch, or waits for one second more."""
        if self._is_karpenter and self._is_idle:
            self._begin_batch()
        elif self._is_karpenter and self._agenda.now_s < self._batch_until_s:
            self._wait_on()

    def _begin_batch(self) -> None:
        self._is_idle = False
        self._batch_until_s = self._agenda.now_s + BATCH_S
        self._wait_on()

    def _wait_on(self) -> None:
        self._refusals += 1
        refusals = self._refusals
        wait_s = min(IDLE_S, self._batch_until_s - self._agenda.now_s)

        def unless_another_came() -> None:
            if refusals == self._refusals:
                self._end_batch()

        # A pod that is refused at the end of the second still belongs to the batch.
        self._agenda.after(wait_s, lambda: self._agenda.after(0, unless_another_came))

    def _end_batch(self) -> None:
        self._batch_until_s = -math.inf
        if not self._decide(self._next_batch):
            self._agenda.after(BATCH_S, self._next_batch)

    def _next_batch(self) -> None:
        self._is_idle = True
        if self._nodes.pending:
            self._begin_batch()

    def _decide(self, then: Callable[[], None]) -> bool:
        """Ask for the nodes that are wanted, and return whether there are any."""
        wanted = self._nodes.wanted()
        if wanted == 0 or self._agenda.now_s < self._not_before_s:
            return False

        def request() -> None:
            self._agenda.note("NodesRequested", self._agenda.now_s, wanted)
            self._nodes.expect(wanted)
            lag_s = 0.0 if self._is_karpenter else next(self._lag_s)
            self._agenda.after(lag_s, lambda: self._launch(wanted))
            then()

        self._agenda.after(next(self._decision_s), request)
        return True

    def _launch(self, nodes: int) -> None:
        for _ in range(nodes):
            zone = self._nodes.launch()
            if zone is None:
                self._nodes.expect(-1)
                self._not_before_s = self._agenda.now_s + self._spec.retry_s
                self._agenda.note("LaunchFailed", self._agenda.now_s)
            else:
                self._agenda.after(next(self._ready_s), partial(self._nodes.join, zone))

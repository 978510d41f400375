"""The node autoscaler: it adds nodes for pods that the scheduler has no place for.

Modelled:
- Cluster Autoscaler looks every 10 s. Cluster Autoscaler wants as many nodes as the pending pods need beyond those that
  are coming. After a decision Cluster Autoscaler raises the Auto Scaling group, which launches all of them after a lag.
- Karpenter collects pods until none has come for 1 s, for 10 s at most, and launches the nodes that they need.
- A node becomes Ready a while after its launch. A new node goes to the zone with the fewest nodes that has an address
  for it.
- Where no zone has one the launch fails, and the autoscaler waits before the next.

Left out: scale-down and consolidation, other instance types than the cluster's, capacity that AWS has not, and nodes
that never register.

Sources: docs/facts/capacity.md §3 (CA FAQ; Karpenter pkg/operator/options/options.go).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.control_plane.trace.nodes import LaunchFailed, NodeAdded, NodesRequested
from sim.scenario.distributions import Uniform
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import simpy

    from sim.control_plane.kubernetes.scheduler import Scheduler
    from sim.control_plane.simulation import Simulation
    from sim.scenario.specs import AutoscalerSpec

SCAN_S = 10.0
BATCH_IDLE_S = 1.0
BATCH_MOST_S = 10.0


class Autoscaler:
    """The autoscaler of one cluster. `launch` takes a node's address and returns its zone, None if no zone has one.

    `join` adds the Ready node in that zone and returns its number.
    """

    def __init__(
        self,
        simulation: Simulation,
        spec: AutoscalerSpec,
        scheduler: Scheduler,
        launch: Callable[[], int | None],
        join: Callable[[int], int],
    ) -> None:
        self._env = simulation.env
        self._trace = simulation.trace
        self._spec = spec
        self._scheduler = scheduler
        self._launch = launch
        self._join = join
        streams = simulation.streams
        law = spec.decision_s if spec.kind == "cluster_autoscaler" else spec.fleet_s
        self._decision_s = streams.draws(law, Stream.AUTOSCALER_DECISION)
        self._lag_s = streams.draws(spec.asg_lag_s, Stream.AUTOSCALING_GROUP_LAG)
        self._ready_s = streams.draws(spec.launch_to_ready_s, Stream.NODE_LAUNCH)
        self._phase_s = streams.indexed(Uniform(dist="uniform", low=0, high=SCAN_S), Stream.AUTOSCALER_SCAN)[0]
        self._scans = -math.inf
        self._not_before_s = -math.inf

    def run(self) -> Generator[simpy.Event]:
        """Add nodes whenever pods are pending."""
        while True:
            if not self._scheduler.pending:
                yield self._scheduler.refused()
            yield from self._wait_for_batch() if self._spec.kind == "karpenter" else self._wait_for_scan()
            wanted = self._wanted()
            if wanted > 0 and self._env.now >= self._not_before_s:
                yield self._env.timeout(next(self._decision_s))
                self._trace.record(NodesRequested(self._env.now, wanted))
                self._scheduler.coming += wanted
                self._env.process(self._add(wanted))
            elif self._spec.kind == "karpenter":
                yield self._env.timeout(BATCH_MOST_S)

    def _wanted(self) -> int:
        """Return how many nodes the pending pods need beyond those that are coming, as far as the limit allows."""
        scheduler = self._scheduler
        needed = math.ceil(len(scheduler.pending) / scheduler.places_per_node) - scheduler.coming
        most = math.inf if self._spec.max_nodes is None else self._spec.max_nodes
        return int(max(0, min(needed, most - len(scheduler.nodes) - scheduler.coming)))

    def _wait_for_scan(self) -> Generator[simpy.Event]:
        self._scans = max(self._scans + 1, math.ceil((self._env.now - self._phase_s) / SCAN_S))
        yield self._env.timeout(max(0.0, self._phase_s + SCAN_S * self._scans - self._env.now))

    def _wait_for_batch(self) -> Generator[simpy.Event]:
        until_s = self._env.now + BATCH_MOST_S
        while self._env.now < until_s:
            more = self._scheduler.refused()
            idle = self._env.timeout(min(BATCH_IDLE_S, until_s - self._env.now))
            yield more | idle
            if not more.triggered:
                return

    def _add(self, nodes: int) -> Generator[simpy.Event]:
        if self._spec.kind == "cluster_autoscaler":
            yield self._env.timeout(next(self._lag_s))
        for _ in range(nodes):
            zone = self._launch()
            if zone is None:
                self._scheduler.coming -= 1
                self._not_before_s = self._env.now + self._spec.retry_s
                self._trace.record(LaunchFailed(self._env.now))
            else:
                self._env.process(self._become_ready(zone, next(self._ready_s)))

    def _become_ready(self, zone: int, after_s: float) -> Generator[simpy.Event]:
        yield self._env.timeout(after_s)
        self._scheduler.coming -= 1
        self._trace.record(NodeAdded(self._env.now, self._join(zone), zone))

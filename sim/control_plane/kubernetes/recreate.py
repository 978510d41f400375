"""A Deployment's rollout with `strategy: Recreate`: first all old pods go, then all new ones come.

Modelled:
- The old ReplicaSet deletes all its pods, in a random order, as fast as the client allows.
- When the last old pod is gone, the new ReplicaSet creates all new ones.
- The rollout is complete when all new pods are available.

Left out: what `deployment` leaves out.

Sources: pkg/controller/deployment/recreate.go (rolloutRecreate, oldPodsRunning; docs/facts/kubernetes.md §3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.pod import PodDraws
from sim.control_plane.kubernetes.replacing import Replacing
from sim.control_plane.kubernetes.replica_set import ReplicaSet
from sim.control_plane.trace import ReplicaSetScaled, RolloutComplete
from sim.scenario.distributions import Uniform
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted
    from sim.control_plane.kubernetes.pod import Pod
    from sim.scenario.specs import DeploymentSpec


class Recreate(Replacing):
    """A rollout that ends all old pods before it starts a new one. The rollout starts when `run` is started."""

    def __init__(self, spec: DeploymentSpec, disrupted: Disrupted) -> None:
        super().__init__(spec, disrupted)
        simulation = disrupted.simulation
        order = PodDraws(simulation.streams, Uniform(dist="uniform", low=0, high=1), Stream.POD_DELETION_ORDER)
        self.ending = sorted(disrupted.pods, key=lambda pod: order[pod])
        self._replica_set = ReplicaSet(simulation, disrupted.client, spec.replicas, self._adopt_new)
        self._available: list[simpy.Process] = []
        self._all_created = self._env.event()

    def run(self) -> Generator[simpy.Event]:
        """Carry out the rollout, from now to its completion."""
        self._trace.record(ReplicaSetScaled(self._env.now, "old", 0))
        waits_s = [self._client.write_after_s() for _ in self.ending]
        yield self._env.all_of(
            [self._env.process(self._until_gone(pod, wait_s)) for pod, wait_s in zip(self.ending, waits_s, strict=True)]
        )
        self._trace.record(ReplicaSetScaled(self._env.now, "new", len(self.ending)))
        self._replica_set.create(len(self.ending))
        yield self._all_created
        yield self._env.all_of(self._available)
        self._trace.record(RolloutComplete(self._env.now))

    def _adopt_new(self, pod: Pod) -> None:
        self._adopt(pod)
        self._available.append(self._env.process(self._until_available(pod)))
        if len(self._available) == len(self.ending):
            self._all_created.succeed()

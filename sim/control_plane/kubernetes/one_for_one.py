"""The rolling update of a StatefulSet or a DaemonSet: each pod is replaced by one of its own.

Modelled, a StatefulSet:
- Pods go from the highest ordinal down to `partition`. Each pod is gone before its successor, of the same name, is
  created.
- At most `max_unavailable` are deleted and not yet replaced by an available pod.

Modelled, a DaemonSet:
- Without `max_surge` the same, in a random order of the nodes.
- With `max_surge` that many new pods start beside the old ones on their nodes. Each old one is deleted when the new one
  on its node is available.

Left out:
- volumes that a new node has to attach, and a StatefulSet's headless Service;
- old pods that are unhealthy when the update begins, and `OnDelete`;
- nodes that come and go;
- `podManagementPolicy: Parallel`, which has no effect on updates.

Sources: updateStatefulSetAfterInvariantEstablished in pkg/controller/statefulset/stateful_set_control.go; rollingUpdate
in pkg/controller/daemon/update.go (docs/facts/kubernetes.md §3).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.pod import Pod, PodDraws
from sim.control_plane.kubernetes.replacing import Replacing
from sim.control_plane.trace import PodCreated, RolloutComplete
from sim.scenario.distributions import Uniform
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted
    from sim.scenario.specs import DeploymentSpec


class OneForOne(Replacing):
    """The update of a StatefulSet or a DaemonSet. The update starts when `run` is started."""

    def __init__(self, spec: DeploymentSpec, disrupted: Disrupted) -> None:
        super().__init__(spec, disrupted)
        self._replicas = spec.replicas
        self._surges = spec.surge > 0
        self._at_once = spec.surge or spec.unavailable
        order = PodDraws(
            disrupted.simulation.streams, Uniform(dist="uniform", low=0, high=1), Stream.POD_DELETION_ORDER
        )
        if spec.kind == "StatefulSet":
            self.ending = disrupted.pods[spec.partition :][::-1]
        else:
            self.ending = sorted(disrupted.pods, key=lambda pod: order[pod])
        self._left = deque(self.ending)
        self._created = 0

    def run(self) -> Generator[simpy.Event]:
        """Carry out the update, from now to its completion."""
        at_once = min(self._at_once, len(self._left))
        yield self._env.all_of([self._env.process(self._replace_pods()) for _ in range(at_once)])
        self._trace.record(RolloutComplete(self._env.now))

    def _replace_pods(self) -> Generator[simpy.Event]:
        """Replace one pod after another, as long as pods are left."""
        while self._left:
            pod = self._left.popleft()
            if not self._surges:
                yield from self._until_gone(pod, self._client.write_after_s())
            yield self._env.timeout(self._client.write_after_s())
            yield from self._until_available(self._create())
            if self._surges:
                yield from self._delete(pod, self._client.write_after_s())

    def _create(self) -> Pod:
        pod = Pod(self._replicas + self._created, self._env, self._created, is_new=True)
        self._created += 1
        self._trace.record(PodCreated(self._env.now, pod.number))
        self._adopt(pod)
        return pod

"""A switch of whole clusters by DNS: the old cluster's pods and its load balancer stay for a while, and then go.

Modelled:
- Before the switch the new cluster's pods are Ready, as many as the old ones, registered with an ALB of their own, and
  healthy there.
- At 0 s somebody, or external-dns, changes the record. Route 53 answers with the new address `record_change_s` later.
- The old pods are deleted at `old_pods_removed_at_s`, as fast as the client allows. The old cluster's controller
  deregisters their targets with the buckets that all controllers of the account share.
- The old ALB is deleted at `old_alb_deleted_at_s`, all at once.
- The disruption is over when both have happened.

Left out:
- the AWS calls that delete the ALB, and a cold new one;
- a cluster's end as a whole, whose nodes may go before its pods;
- two external-dns that fight over one record.

Sources: docs/facts/capacity.md §4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.trace import PodDeleted, ReplicaSetScaled, RolloutComplete
from sim.control_plane.trace.traffic import LoadBalancerDeleted, RecordChanged
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted, Disruption
    from sim.control_plane.kubernetes.pod import Pod
    from sim.scenario.cluster_switch import ClusterSwitchSpec
    from sim.scenario.specs import Scenario


class ClusterSwitch:
    """The switch, and the end of the old side. The switch starts when `run` is started."""

    def __init__(self, spec: ClusterSwitchSpec, disrupted: Disrupted) -> None:
        self._env = disrupted.simulation.env
        self._trace = disrupted.simulation.trace
        self._streams = disrupted.simulation.streams
        self._spec = spec
        self._client = disrupted.client
        self.ending: Sequence[Pod] = disrupted.pods

    def run(self) -> Generator[simpy.Event]:
        """Change the record now, and remove the old side in the end."""
        changed_s = next(self._streams.draws(self._spec.record_change_s, Stream.RECORD_CHANGE))
        self._trace.record(RecordChanged(changed_s))
        self._trace.record(LoadBalancerDeleted(self._spec.old_alb_deleted_at_s))
        yield self._env.timeout(self._spec.old_pods_removed_at_s)
        self._trace.record(ReplicaSetScaled(self._env.now, "old", 0))
        deletions = [self._env.process(self._delete(pod, self._client.write_after_s())) for pod in self.ending]
        yield self._env.all_of(deletions)
        yield self._env.timeout(max(0.0, self._spec.old_alb_deleted_at_s - self._env.now))
        self._trace.record(RolloutComplete(self._env.now))

    def _delete(self, pod: Pod, wait_s: float) -> Generator[simpy.Event]:
        yield self._env.timeout(wait_s)
        self._trace.record(PodDeleted(self._env.now, pod.number))
        pod.deleted.succeed(self._env.now)


def process(scenario: Scenario, disrupted: Disrupted) -> Disruption:
    """Return the scenario's switch of clusters."""
    return ClusterSwitch(scenario.cluster_switch, disrupted)

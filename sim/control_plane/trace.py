"""What happened in one replication's control plane: typed records, each with its time.

- Times are seconds since the start of the disruption.
- A pod is named by its number. 0 to replicas - 1 are the pods from before the disruption: in a rolling update those of
  the old ReplicaSet. New pods and replacements follow in the order of their creation.
- In target type `ip` a pod is its target.
- Records of one kind stand in the order in which they were written. A record may be written ahead of its time.

Records must not be changed. They are not frozen, because frozen ones take five times as long to make, and a replication
makes some 15,000.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario.actions import Action

NO_RECONCILE = -1
"""The `reconcile` of a call that belongs to no reconcile."""


@dataclass(slots=True)
class Record:
    """Something that happened at `time_s`."""

    time_s: float


@dataclass(slots=True)
class PodCreated(Record):
    """A pod of the new ReplicaSet was created."""

    pod: int


@dataclass(slots=True)
class PodScheduled(Record):
    """The scheduler gave a pod its node. For pods from before the disruption that was at the trace's beginning."""

    pod: int
    node: int


@dataclass(slots=True)
class NodesRequested(Record):
    """The autoscaler asked for more nodes."""

    nodes: int


@dataclass(slots=True)
class LaunchFailed(Record):
    """An instance was not launched, as no zone's subnet had an address for it."""


@dataclass(slots=True)
class NodeAdded(Record):
    """A new node is Ready."""

    node: int
    zone: int


@dataclass(slots=True)
class NodeTerminated(Record):
    """A drained node's machine is gone: the addresses of these pods, which were on it, answer nothing any more."""

    pods: list[int]


@dataclass(slots=True)
class SandboxFailed(Record):
    """The kubelet could not set up a pod's sandbox: its node had no address for it."""

    pod: int
    node: int


@dataclass(slots=True)
class SubnetHeld(Record):
    """The nodes in a zone hold so many addresses of its subnet from here on, of which pods use so many."""

    zone: int
    held: int
    used: int


@dataclass(slots=True)
class SubnetFull(Record):
    """A node was refused the addresses that it wanted: its zone's subnet has too few free ones."""

    node: int
    zone: int


@dataclass(slots=True)
class RolloutStalled(Record):
    """The disruption does not go on: pods wait for a node or an address, and its progress deadline has passed."""

    pending: int
    without_address: list[int]
    """The numbers of the pods that have a node and no address."""


@dataclass(slots=True)
class PodReady(Record):
    """A pod of the new ReplicaSet has its containers ready and accepts connections."""

    pod: int


@dataclass(slots=True)
class ReadinessGateOpened(Record):
    """The controller set the readiness gate of a pod, whose target it saw healthy: the pod is Ready."""

    pod: int


@dataclass(slots=True)
class EvictionRefused(Record):
    """The eviction API refused to evict a pod (429): the PodDisruptionBudget allowed no disruption."""

    pod: int


@dataclass(slots=True)
class PodDeleted(Record):
    """The API server set a pod's deletionTimestamp: the grace period and preStop begin."""

    pod: int


@dataclass(slots=True)
class PodDeselected(Record):
    """The Service's selector no longer matches a pod, which goes on serving."""

    pod: int


@dataclass(slots=True)
class PodFailed(Record):
    """A pod stopped serving unasked: its container crashed, or hung, or its node was lost."""

    pod: int
    cause: Literal["crash", "hang", "node_lost"]


@dataclass(slots=True)
class ContainerRestarted(Record):
    """A failed pod's container has restarted in place and accepts connections, at the same address."""

    pod: int


@dataclass(slots=True)
class Sigterm(Record):
    """The kubelet sent SIGTERM."""

    pod: int


@dataclass(slots=True)
class ListenerClosed(Record):
    """The pod refuses new connections from here on."""

    pod: int


@dataclass(slots=True)
class ProcessCut(Record):
    """What still runs in the pod is cut, by its exit at SIGTERM or by SIGKILL. A draining pod may end earlier."""

    pod: int


@dataclass(slots=True)
class PodGone(Record):
    """A draining pod is gone, at the time that the control plane drew. Recorded only where something waits for it."""

    pod: int


@dataclass(slots=True)
class EndpointAdded(Record):
    """The ingress controller's watch sees the pod among the ready endpoints."""

    pod: int


@dataclass(slots=True)
class EndpointRemoved(Record):
    """The ingress controller's watch no longer sees the pod among the ready endpoints."""

    pod: int


@dataclass(slots=True)
class TargetRegistered(Record):
    """RegisterTargets succeeded for the pod."""

    pod: int


@dataclass(slots=True)
class TargetDeregistered(Record):
    """DeregisterTargets succeeded for the pod. The ALB cuts what still runs on it at `drain_deadline_s`."""

    pod: int
    drain_deadline_s: float


@dataclass(slots=True)
class TargetHealthy(Record):
    """An ALB node's first check of the target passed: the target is in that node's rotation."""

    pod: int
    node: int


@dataclass(slots=True)
class TargetUnhealthy(Record):
    """An ALB node's checks of the target failed `unhealthy_threshold` times in a row: it left the rotation there."""

    pod: int
    node: int


@dataclass(slots=True)
class TargetRecovered(Record):
    """An ALB node's checks of an unhealthy target passed `healthy_threshold` times in a row: it is back in rotation."""

    pod: int
    node: int


@dataclass(slots=True)
class TargetDrained(Record):
    """The deregistration has reached an ALB node, which sends the target no new request."""

    pod: int
    node: int


@dataclass(slots=True)
class ReplicaSetScaled(Record):
    """The Deployment controller changed a ReplicaSet's `spec.replicas`."""

    replica_set: Literal["old", "new"]
    replicas: int


@dataclass(slots=True)
class RolloutComplete(Record):
    """Every pod of the new ReplicaSet is available and the old ReplicaSet has none left.

    In a node drain: every evicted pod's replacement is Ready.
    """


@dataclass(slots=True)
class ApiAttempt(Record):
    """One attempt of an AWS API call, at the moment when it is sent. `cluster` 0 is the disrupted cluster.

    `attempt` counts from 0. `backoff_s` is the wait before the next attempt (0 if this one succeeded or was the last).
    `reconcile` is `NO_RECONCILE` for v1's calls for readiness gates, outside its reconciles, and for the calls in v2's
    reconciles of ingresses.

    """

    cluster: int
    reconcile: int
    action: Action
    attempt: int
    throttled: bool
    latency_s: float
    backoff_s: float


@dataclass(slots=True)
class Reconciled(Record):
    """A reconcile began at `time_s` and ended at `end_s`. `error` is None or the call that gave up."""

    end_s: float
    cluster: int
    ingress: int
    reconcile: int
    error: str | None


@dataclass(slots=True)
class ControllerRestarted(Record):
    """A cluster's controller process ended, with all its work. Another one begins at `until_s`."""

    until_s: float
    cluster: int


R = TypeVar("R", bound=Record)


class Trace:
    """The records of one replication, by kind."""

    def __init__(self) -> None:
        self._records: defaultdict[type[Record], list[Record]] = defaultdict(list)

    def record(self, record: Record) -> None:
        """Add a record."""
        self._records[type(record)].append(record)

    def copy(self) -> Trace:
        """Return a trace of the records so far, to which more records can be added."""
        trace = Trace()
        for kind, records in self._records.items():
            trace._records[kind] = list(records)
        return trace

    def of(self, kind: type[R]) -> list[R]:
        """Return the records of one kind, in the order in which they were written."""
        return self._records.get(kind, [])  # type: ignore[return-value]

    def frame(self, kind: type[Record]) -> pd.DataFrame:
        """Return the records of one kind as a tidy frame: one row for each record, one column for each field."""
        import pandas as pd

        columns = list(kind.__dataclass_fields__)
        return pd.DataFrame([asdict(record) for record in self.of(kind)], columns=columns)

"""What happened in one replication's control plane: typed records, each with its time.

- Times are seconds since the start of the disruption.
- A pod is named by its number. 0 to replicas - 1 are the pods from before the disruption: in a rolling update those of
  the old ReplicaSet. New pods and replacements follow in the order of their creation.
- In target type `ip` a pod is its target.
- A `node` is an ALB node. With two target groups, node k of n knows the second one's targets as node n + k.
- Records of one kind stand in the order in which they were written. A record may be written ahead of its time.

Records must not be changed. Records are not frozen, because frozen ones take five times as long to make, and a
replication makes some 15,000. Records of nodes and addresses are in `nodes.py`, those of the controllers and their
calls in `calls.py`, and those of where traffic is sent in `traffic.py`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    import pandas as pd


@dataclass(slots=True)
class Record:
    """Something that happened at `time_s`."""

    time_s: float


@dataclass(slots=True)
class PodCreated(Record):
    """A pod of the new ReplicaSet was created."""

    pod: int


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
    """A draining pod is gone, at the time that the control plane drew.

    Recorded only where something waits for the pod.
    """

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
    """RegisterTargets succeeded for the pod. Of a canary's two target groups the second one is the canary's."""

    pod: int
    target_group: int = 0


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


R = TypeVar("R", bound=Record)


class Trace:
    """The records of one replication, by kind.

    A record that is not `kept` nobody will read, so it need not be written.
    """

    def __init__(self, *, kept: bool = True) -> None:
        self.is_kept = kept
        self._records: defaultdict[type[Record], list[Record]] = defaultdict(list)

    def record(self, record: Record) -> None:
        """Add a record."""
        self._records[type(record)].append(record)

    def put_in_order(self, kind: type[Record]) -> None:
        """Bring the records of one kind, some of which were written late, in the order of their times."""
        self._records.get(kind, []).sort(key=lambda record: record.time_s)

    def copy(self) -> Trace:
        """Return a trace of the records so far, to which more records can be added."""
        trace = Trace()
        for kind, records in self._records.items():
            trace._records[kind] = list(records)
        return trace

    @property
    def kinds(self) -> list[type[Record]]:
        """Return the kinds of the records so far, in the order in which each was first written."""
        return list(self._records)

    def of(self, kind: type[R]) -> list[R]:
        """Return the records of one kind, in the order in which they were written."""
        return self._records.get(kind, [])  # type: ignore[return-value]

    def frame(self, kind: type[Record]) -> pd.DataFrame:
        """Return the records of one kind as a tidy frame: one row for each record, one column for each field."""
        import pandas as pd

        columns = list(kind.__dataclass_fields__)
        return pd.DataFrame([asdict(record) for record in self.of(kind)], columns=columns)

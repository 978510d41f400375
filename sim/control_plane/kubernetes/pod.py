"""A pod, as the parts of the control plane share it: a number and the events for which they wait.

Pods are numbered through both ReplicaSets, the old one first. `ordinal` is the number within the pod's ReplicaSet, and
selects the pod's random draws: pod 3 of the new ReplicaSet meets the same draws whatever the number of replicas.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import simpy

    from sim.streams import Sampler, Stream, Streams


@dataclass(frozen=True, slots=True, eq=False)
class Pod:
    """One pod and its SimPy events, each triggered once by the part that causes it. Pods are sorted by number.

    - `has_address`: the pod has an IP address (kubelet).
    - `containers_ready`: its containers are ready (kubelet).
    - `gate_opened`: its readiness gate, if any, is set (ingress controller).
    - `ready`: it is Ready (kubelet).
    - `deleted`: its deletionTimestamp is set; the event's value is the time (ReplicaSet controller).
    - `deregistered`: its target is draining (target group).

    """

    number: int
    env: simpy.Environment
    ordinal: int
    is_new: bool
    has_address: simpy.Event = field(init=False)
    containers_ready: simpy.Event = field(init=False)
    gate_opened: simpy.Event = field(init=False)
    ready: simpy.Event = field(init=False)
    deleted: simpy.Event = field(init=False)
    deregistered: simpy.Event = field(init=False)

    def __getattr__(self, name: str) -> simpy.Event:
        """Return the event of this name, which is made when a part first asks for it: most are never waited for."""
        if name not in self.__slots__:
            raise AttributeError(name)
        event = self.env.event()
        object.__setattr__(self, name, event)
        return event

    def __lt__(self, other: Pod) -> bool:
        """Return whether this pod comes before another pod."""
        return self.number < other.number


class Drawn(Protocol):
    """What selects its random draws by its number within its kind: a pod, or a worker node."""

    @property
    def ordinal(self) -> int:
        """The number."""

    @property
    def is_new(self) -> bool:
        """Whether the pod is of the new ReplicaSet."""

    def __lt__(self, other: Any) -> bool:  # noqa: ANN401 - one of its own kind
        """Return whether this one comes before another one."""


class PodDraws:
    """One random draw for each pod, from one stream for each ReplicaSet."""

    def __init__(self, streams: Streams, law: Sampler, stream: Stream, *entity: int) -> None:
        self._draws = tuple(streams.indexed(law, stream, *entity, replica_set) for replica_set in (0, 1))

    def __getitem__(self, pod: Drawn) -> float:
        """Return the pod's draw."""
        return self._draws[pod.is_new][pod.ordinal]

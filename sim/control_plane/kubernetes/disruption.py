"""What a disruption is to the rest of the control plane: it ends some of a Deployment's pods, and at some time is over.

Everything that follows a deletion (kubelet, Endpoints, controller, target group) is the same whatever caused it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import simpy

    from sim.control_plane.kubernetes.pod import Pod
    from sim.control_plane.kubernetes.replica_set import ControllerManagerClient
    from sim.control_plane.trace import Trace
    from sim.streams import Streams


@dataclass(frozen=True, slots=True, kw_only=True)
class Disrupted:
    """What a disruption acts on and with.

    `pods`: those of the Deployment, all available before it starts. `adopt` is to be called with each pod that is
    created; `gone_s` says when a pod is gone that is deleted at some time. `node_watchers` are to be called when nodes
    are cordoned.
    """

    env: simpy.Environment
    streams: Streams
    trace: Trace
    pods: Sequence[Pod]
    client: ControllerManagerClient
    adopt: Callable[[Pod], None]
    gone_s: Callable[[float], float]
    node_watchers: list[Callable[[], None]] = field(default_factory=list)


class Disruption(Protocol):
    """A rolling update, a node drain, …; it stands still until `run`."""

    @property
    def ending(self) -> Sequence[Pod]:
        """The pods that it ends."""

    def run(self) -> Generator[simpy.Event]:
        """Carry it through. It deletes pods (`PodDeleted`, `pod.deleted`) and records `RolloutComplete` at its end."""

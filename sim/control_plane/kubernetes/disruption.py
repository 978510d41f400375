"""What a disruption is to the rest of the control plane: it ends some of a Deployment's pods, and at some time is over.

Everything that follows a deletion (kubelet, Endpoints, controller, target group) is the same whatever caused it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

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

    `pods`: those of the Deployment, all available before it starts; `grace_period_s`: how long each has to end.
    `adopt` is to be called with each pod that is created; `gone_s` tells of a deleted pod when it is gone, as soon as
    that is certain. `node_watchers` are to be called when nodes are cordoned.
    """

    env: simpy.Environment
    streams: Streams
    trace: Trace
    pods: Sequence[Pod]
    client: ControllerManagerClient
    adopt: Callable[[Pod], None]
    grace_period_s: float
    gone_s: Callable[[Pod], Generator[simpy.Event, Any, float]]
    node_watchers: list[Callable[[], None]] = field(default_factory=list)


class Disruption(Protocol):
    """A rolling update, a node drain, …; it stands still until `run`."""

    @property
    def ending(self) -> Sequence[Pod]:
        """The pods that it ends, or may end: after `run` those that it has."""

    def run(self) -> Generator[simpy.Event]:
        """Carry it through. It deletes pods (`PodDeleted`, `pod.deleted`) and records `RolloutComplete` at its end."""

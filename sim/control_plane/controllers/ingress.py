"""An ingress as its controller knows it: its backends, each a Service with a target group, and who controls it.

Both controllers are given the same ingresses: v1 reconciles each ingress as a whole, v2 each target group by itself.
A controller looks at a backend only after the call that reads it, and changes a backend only when the call that writes
has succeeded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    import simpy

    from sim.control_plane.aws.forward_rule import ForwardRule
    from sim.control_plane.aws.target_group import TargetHealth

T = TypeVar("T")


class Gates(Protocol[T]):
    """The readiness gates of a Service's pods. `poll_interval_s` is the interval at which v1 polls closed gates."""

    poll_interval_s: float

    def closed(self) -> set[T]:
        """Return the addresses whose containers are ready and whose gate is closed."""

    def any_starting(self) -> bool:
        """Return whether the Endpoints hold an address whose containers are not ready yet."""

    def open(self, targets: Iterable[T]) -> None:
        """Set the gates of these targets."""

    def write(self, healthy: AbstractSet[T], others: AbstractSet[T]) -> bool:
        """Set the gates of the healthy targets, and return whether any condition was written for the first time."""


class Backend(Protocol[T]):
    """A Service behind an ingress and its target group, whose targets are of type T.

    `gates` are the pods' readiness gates, None if the pods have none.
    """

    gates: Gates[T] | None

    @property
    def changes(self) -> Sequence[T]:
        """Return the addresses that joined `desired` or left it since the start, in order.

        Each time an address occurs, it joins if it was not there, else it leaves.
        """

    @property
    def target_changes(self) -> Sequence[T]:
        """Return the targets that joined `registered` or left it since the start, in order, as `changes` does."""

    def desired(self) -> frozenset[T]:
        """Return the addresses to register: the ready ones, and those with ready containers behind a closed gate."""

    def health(self, of: AbstractSet[T] | None = None) -> TargetHealth[T]:
        """Return the states of these targets, or of all targets including those that drain."""

    def registered(self) -> set[T]:
        """Return the targets that are not draining."""

    def register(self, targets: Iterable[T]) -> None:
        """Take over a successful RegisterTargets."""

    def deregister(self, targets: Iterable[T]) -> None:
        """Take over a successful DeregisterTargets."""


@dataclass(slots=True)
class Checkpoint:
    """What v2.9.1 and later write onto a TargetGroupBinding: when it was last reconciled, and with which endpoints.

    `endpoints` are those after as many of the backend's `changes` as were `seen`; None if the next reconcile must run
    whatever the endpoints are.
    """

    at_s: float
    seen: int | None


@dataclass(frozen=True, slots=True)
class Ingress:
    """One ingress: its number in the cluster and its backends, in order.

    `checkpoints` holds the checkpoint of each backend's TargetGroupBinding, by position. Checkpoints outlive a
    controller process. `rule` is the listener's rule, if the ingress changes it.
    """

    number: int
    backends: Sequence[Backend[Any]]
    checkpoints: dict[int, Checkpoint] = field(default_factory=dict)
    rule: ForwardRule | None = None


class Controller(Protocol):
    """One process of a cluster's controller.

    Each of the process's `resyncing_informers` informers resyncs every `sync_period_s`, or never if that is 0.
    """

    sync_period_s: float
    resyncing_informers: int

    def on_endpoints_change(self, ingress: Ingress, position: int) -> None:
        """Enqueue what a change of the Endpoints of the ingress's backend at this position enqueues."""

    def on_containers_ready(self, ingress: Ingress, position: int) -> None:
        """Enqueue what the readiness of a gated pod's containers enqueues."""

    def on_instance_change(self, ingress: Ingress, position: int) -> None:
        """Enqueue what a node enqueues that is no longer to be a target of the ingress's backend at this position."""

    def on_endpoints_behind_instances(self, ingress: Ingress, position: int) -> None:
        """Enqueue what a change of the Endpoints enqueues of a backend whose targets are worker nodes."""

    def on_ingress_change(self, ingress: Ingress) -> None:
        """Enqueue the ingress, whose annotations have changed."""

    def on_cordon(self) -> None:
        """Enqueue what the cordon of a node enqueues."""

    def on_node_event(self) -> None:
        """Enqueue what a node event enqueues: a node was added, removed, or became ready or unready."""

    def enqueue_all(self) -> None:
        """Enqueue everything in a random order, because the informer's store is a Go map."""

    def on_resync(self, informer: int) -> None:
        """Enqueue what the resync of the informer of this number enqueues."""

    def goroutines(self) -> list[Generator[simpy.Event]]:
        """Return the goroutines that run for ever: the workers and all others."""

    def stop(self) -> None:
        """End what the process has started besides its `goroutines`, because the process ends."""

"""An ingress as its controller knows it: its backends, each a Service with a target group, and who controls it.

Both controllers are given the same ingresses; v1 reconciles each as a whole, v2 each of its target groups by itself.
What a controller reads of a backend it reads after the call that tells it, and what it writes takes effect when the
call has succeeded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    import simpy

    from sim.control_plane.aws.target_group import TargetHealth

T = TypeVar("T")


class Gates(Protocol[T]):
    """The readiness gates of a Service's pods. `poll_interval_s` is the interval at which v1 asks for them."""

    poll_interval_s: float

    def closed(self) -> set[T]:
        """Return the addresses whose containers are ready and whose gate is closed."""

    def any_starting(self) -> bool:
        """Say whether the Endpoints hold an address whose containers are not ready yet."""

    def open(self, targets: Iterable[T]) -> None:
        """Set the gates of these targets."""


class Backend(Protocol[T]):
    """A Service behind an ingress and its target group, whose targets are of type T.

    `gates` are its pods' readiness gates, None if they have none.
    """

    gates: Gates[T] | None

    def desired(self) -> frozenset[T]:
        """Return the addresses that are to be targets: the ready ones, and the gated ones with ready containers."""

    def health(self, of: AbstractSet[T] | None = None) -> TargetHealth[T]:
        """Return the states of these targets, or of all, the draining ones among them."""

    def registered(self) -> set[T]:
        """Return the targets that are not draining."""

    def register(self, targets: Iterable[T]) -> None:
        """RegisterTargets has succeeded."""

    def deregister(self, targets: Iterable[T]) -> None:
        """DeregisterTargets has succeeded."""


@dataclass(slots=True)
class Checkpoint:
    """What v2.9.1 and later write onto a TargetGroupBinding: when it was last reconciled, and with which endpoints.

    None, if it is to be reconciled whatever they are.
    """

    at_s: float
    endpoints: frozenset[Any] | None


@dataclass(frozen=True, slots=True)
class Ingress:
    """One ingress: its number in the cluster and its backends, in their order.

    `checkpoints` are those of its backends' TargetGroupBindings, by position: they outlive a controller.
    """

    number: int
    backends: Sequence[Backend[Any]]
    checkpoints: dict[int, Checkpoint] = field(default_factory=dict)


class Controller(Protocol):
    """One process of a cluster's controller.

    Every `sync_period_s` (never, if that is 0) each of so many `resyncing_informers` resyncs.
    """

    sync_period_s: float
    resyncing_informers: int

    def on_endpoints_change(self, ingress: Ingress, position: int) -> None:
        """Enqueue what a change of the Endpoints of the ingress's backend at this position enqueues."""

    def on_containers_ready(self, ingress: Ingress, position: int) -> None:
        """Enqueue what the readiness of a gated pod's containers enqueues."""

    def on_cordon(self) -> None:
        """Enqueue what a node's becoming unschedulable enqueues."""

    def on_node_event(self) -> None:
        """Enqueue what a node that came, went, or became ready or unready enqueues."""

    def enqueue_all(self) -> None:
        """Enqueue everything, in an order by chance: a list out of the informer's store, which is a Go map."""

    def on_resync(self, informer: int) -> None:
        """Enqueue what the resync of the informer of this number enqueues."""

    def goroutines(self) -> list[Generator[simpy.Event]]:
        """Return what is to run, for ever: its workers, and what else it has."""

    def stop(self) -> None:
        """End what it has started besides, since it ends."""

"""An ingress as its controller knows it: its backends, each a Service with a target group, and who controls it.

Both controllers are given the same ingresses; v1 reconciles each as a whole, v2 each of its target groups by itself.
What a controller reads of a backend it reads after the call that tells it, and what it writes takes effect when the
call has succeeded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    import simpy

T = TypeVar("T")

TargetHealth = Literal["initial", "healthy", "unhealthy", "draining"]
"""A target's state as DescribeTargetHealth tells it; a target that is not registered has none."""


class Backend(Protocol[T]):
    """A Service behind an ingress and its target group, whose targets are of type T."""

    def desired(self) -> set[T]:
        """Give the addresses that the Endpoints hold now."""

    def health(self) -> Mapping[T, TargetHealth]:
        """Give the state of every target, the draining ones among them."""

    def register(self, targets: Iterable[T]) -> None:
        """RegisterTargets has succeeded."""

    def deregister(self, targets: Iterable[T]) -> None:
        """DeregisterTargets has succeeded."""


@dataclass(frozen=True, slots=True)
class Ingress:
    """One ingress: its number in the cluster and its backends, in their order."""

    number: int
    backends: Sequence[Backend[Any]]


class Controller(Protocol):
    """One cluster's controller. Start `work` once for each of its workers."""

    def on_endpoints_change(self, ingress: Ingress, position: int) -> None:
        """Enqueue what a change of the Endpoints of the ingress's backend at this position enqueues."""

    def work(self) -> Generator[simpy.Event]:
        """Reconcile one item after another, for ever."""


def not_draining(health: Mapping[T, TargetHealth]) -> set[T]:
    """Give the registered targets: both controllers take a draining one for gone."""
    return {target for target, state in health.items() if state != "draining"}

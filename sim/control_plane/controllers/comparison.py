"""The endpoints of a backend beside its targets, compared change by change.

A reconcile compares all endpoints with all targets. Most endpoints and targets are as they were at the reconcile
before. Here a reconcile looks only at those that have changed since, so that a reconcile of 10,000 pods costs no more
than one of ten.

Left out: nothing of what a reconcile sees; it is found in less time.

Sources: those of `ingress_reconciler_v1` and `load_balancer_controller_v2`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sim.control_plane.controllers.ingress import Backend

T = TypeVar("T")


class Comparison(Generic[T]):
    """`desired`: the endpoints as last read.

    `joining`: those that were no targets when last compared. `leaving`: the targets that were no endpoints then.
    """

    def __init__(self, backend: Backend[T]) -> None:
        self.backend = backend
        self.desired = set(backend.desired())
        self.joining: set[T] = set()
        self.leaving: set[T] = set()
        self._seen = len(backend.changes)
        self._changed: set[T] = set()

    def read_endpoints(self) -> Sequence[T]:
        """Take over the endpoints of this moment, and return those that have joined or left since the last time."""
        changes = self.backend.changes[self._seen :]
        self._seen += len(changes)
        toggle(self.desired, changes)
        self._changed.update(changes)
        return changes

    def _compare_all(self, registered: set[T]) -> None:
        """Compare the endpoints that were read last with all targets."""
        self.joining, self.leaving = self.desired - registered, registered - self.desired
        self._changed.clear()

    def _compare_changed(self, targets: Iterable[T], registered: set[T]) -> None:
        """Compare the endpoints that were read last with the targets, of which only these may have changed."""
        changed = self._changed.union(targets)
        wanted, still = changed & self.desired, changed & registered
        replace_among(self.joining, changed, wanted - still)
        replace_among(self.leaving, changed, still - wanted)
        self._changed.clear()


class CurrentComparison(Comparison[T]):
    """The comparison of v1, which sees the targets of the moment."""

    def __init__(self, backend: Backend[T]) -> None:
        super().__init__(backend)
        self._registered = backend.registered()
        self._targets_seen = len(backend.target_changes)
        self._compare_all(self._registered)

    def compare(self) -> None:
        """Bring `joining` and `leaving` up to date."""
        changes = self.backend.target_changes[self._targets_seen :]
        self._targets_seen += len(changes)
        toggle(self._registered, changes)
        self._compare_changed(changes, self._registered)


def toggle(things: set[T], changes: Iterable[T]) -> None:
    """Let each thing join that is not there, else leave, in turn."""
    for thing in changes:
        things.symmetric_difference_update((thing,))


def replace_among(things: set[T], looked_at: set[T], found: set[T]) -> None:
    """Let the things that were looked at be the ones that were found.

    The time taken is that of these things alone.
    """
    things.difference_update(looked_at)
    things.update(found)

"""The endpoints of a backend beside its targets, as one process of v1's controller compares them, change by change.

A reconcile compares all endpoints with all targets, most of which are as they were at the reconcile before. Here a
reconcile looks only at those that have changed since.

Left out: nothing of what a reconcile sees; it is found in less time.

Sources: those of `ingress_reconciler_v1`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.control_plane.controllers.ingress import Backend

T = TypeVar("T")


class Comparison(Generic[T]):
    """`desired`: the endpoints as last read.

    `joining`: those that were no targets when last compared. `leaving`: the targets that were no endpoints then.
    """

    def __init__(self, backend: Backend[T]) -> None:
        self._backend = backend
        self.desired, self._registered = set(backend.desired()), backend.registered()
        self.joining, self.leaving = self.desired - self._registered, self._registered - self.desired
        self._seen, self._targets_seen = len(backend.changes), len(backend.target_changes)
        self._changed: set[T] = set()

    def read_endpoints(self) -> None:
        """Take over the endpoints of this moment."""
        changes = self._backend.changes[self._seen :]
        self._seen += len(changes)
        toggle(self.desired, changes)
        self._changed.update(changes)

    def compare(self) -> None:
        """Compare the endpoints that were read last with the targets of this moment."""
        changes = self._backend.target_changes[self._targets_seen :]
        self._targets_seen += len(changes)
        toggle(self._registered, changes)
        changed = self._changed.union(changes)
        wanted, registered = changed & self.desired, changed & self._registered
        replace_among(self.joining, changed, wanted - registered)
        replace_among(self.leaving, changed, registered - wanted)
        self._changed.clear()


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

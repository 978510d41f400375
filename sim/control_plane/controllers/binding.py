"""What one controller process remembers of a TargetGroupBinding (TGB), brought up to date change by change.

Modelled: what joins and leaves (`comparison`), the checkpoint, and the pods whose network interface the process knows.

Left out: nothing of what a reconcile sees; it is found in less time.

Sources: those of `load_balancer_controller_v2`.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from sim.control_plane.controllers.comparison import Comparison, replace_among, toggle

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    import simpy

    from sim.control_plane.controllers.ingress import Backend, Checkpoint
    from sim.control_plane.controllers.target_cache import Known

T = TypeVar("T")


class Binding(Comparison[T]):
    """A TGB, whose targets are compared as the process knows them."""

    def __init__(self, env: simpy.Environment, backend: Backend[T], checkpoint: Checkpoint, interface_s: float) -> None:
        super().__init__(backend)
        self.checkpoint = checkpoint
        self.interfaces = KnownFor(env, interface_s, self.desired)
        self._compared: Known | None = None

    def read_endpoints(self) -> Sequence[T]:
        """Take over the endpoints of this moment, and return those that have joined or left since the last time."""
        changes = super().read_endpoints()
        self.interfaces.look_at(changes)
        return changes

    def is_as_at_checkpoint(self) -> bool:
        """Return whether the endpoints are those of the checkpoint."""
        if self.checkpoint.seen is None:
            return False
        differing: set[T] = set()
        toggle(differing, self.backend.changes[self.checkpoint.seen : self._seen])
        return not differing

    def write_checkpoint(self, at_s: float) -> None:
        """Note that the targets were in line with the endpoints at this time."""
        self.checkpoint.at_s, self.checkpoint.seen = at_s, self._seen

    def compare(self, known: Known) -> None:
        """Bring `joining` and `leaving` up to date."""
        if known is not self._compared:
            self._compared = known
            self._compare_all(known.registered)
        else:
            self._compare_changed(known.changed, known.registered)
        known.changed.clear()


class KnownFor(Generic[T]):
    """Which of the wanted things are unknown. One call reports many at once, and each is then known for `lifetime_s`.

    `wanted` is the caller's own set, who tells what has joined or left it.
    """

    def __init__(self, env: simpy.Environment, lifetime_s: float, wanted: AbstractSet[T]) -> None:
        self._env = env
        self._lifetime_s = lifetime_s
        self._wanted = wanted
        self._known: set[T] = set()
        self._unknown = set(wanted)
        self._until_s: deque[tuple[float, AbstractSet[T]]] = deque()

    def look_at(self, things: Iterable[T]) -> None:
        """Take over that each of these may have become wanted, or is wanted no longer."""
        looked_at = set(things)
        replace_among(self._unknown, looked_at, (looked_at & self._wanted) - self._known)

    def unknown(self) -> AbstractSet[T]:
        """Return the wanted things that are not known."""
        while self._until_s and self._until_s[0][0] <= self._env.now:
            expired = self._until_s.popleft()[1]
            self._known -= expired
            self.look_at(expired)
        return self._unknown

    def note(self) -> None:
        """Note that a call has reported all wanted things that were unknown."""
        self._known |= self._unknown
        self._until_s.append((self._env.now + self._lifetime_s, self._unknown))
        self._unknown = set()

"""The work queue of a controller: client-go's `workqueue` with its default rate limiter.

Modelled:
- FIFO order. An item that waits is not added twice.
- An item added while a worker has it is queued again when that work is done. So at most one copy of an item waits and
  at most one runs.
- A failed item comes back after the longer of two delays, until its failures are forgotten. One delay is 5 ms x
  2^failures, at most 1000 s or what a flag of the controller says. The other is the wait for a token of a bucket of 10
  per second with burst 100.
- Of several delayed additions of an item the earliest counts.
- Later controllers have no such bucket.
- controller-runtime's own queue, later still, has one entry for an item, at the earliest of its times.

Left out: the priorities of controller-runtime's queue, by which a resync gives way to a change.

Sources: client-go util/workqueue queue.go, delaying_queue.go and default_rate_limiters.go@8d9ed539 (the pin of the
controllers v1.1.x); controller-runtime pkg/controller/priorityqueue/priorityqueue.go@v0.23.1.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

from sim.control_plane.light_process import LightProcess
from sim.control_plane.token_bucket import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy

    from sim.control_plane.clock import Clock

T = TypeVar("T", bound=Hashable)

BASE_DELAY_S = 0.005
MAX_DELAY_S = 1000.0
MOST_DOUBLINGS = 18
"""From this failure on the delay is the maximum. Without a bound the power would overflow at the 1024th failure."""
BUCKET_PER_S = 10.0
BUCKET_BURST = 100
WORKER_PAUSE_S = 1.0
"""How long a worker of an early controller-runtime rests after a failed item."""


class WorkQueue(Generic[T]):
    """Items that wait for a worker."""

    def __init__(
        self,
        env: Clock,
        *,
        shared_bucket: bool = True,
        max_delay_s: float | None = None,
        one_entry: bool = False,
    ) -> None:
        """`one_entry`: what waits for its time waits no longer once the item is queued for another reason."""
        self._env = env
        self._max_delay_s = MAX_DELAY_S if max_delay_s is None else max_delay_s
        self._one_entry = one_entry
        self._waiting: deque[T] = deque()
        self._idle_workers: deque[simpy.Event] = deque()
        self._dirty: set[T] = set()
        self._processing: set[T] = set()
        self._failures: dict[T, int] = {}
        self._due_s: dict[T, float] = {}
        self._bucket = TokenBucket(BUCKET_BURST, BUCKET_PER_S, at_s=env.now) if shared_bucket else None

    def holds(self, n_items: int) -> bool:
        """Return whether so many items wait, or wait until they are no longer worked on."""
        return len(self._dirty) == n_items

    def add(self, item: T) -> None:
        """Queue the item unless it is waiting already."""
        if self._one_entry:
            self._due_s.pop(item, None)
        if item in self._dirty:
            return
        self._dirty.add(item)
        if item not in self._processing:
            self._offer(item)

    def get(self) -> Generator[simpy.Event, T, T]:
        """Wait for the next item, mark it as being worked on, and return it."""
        handed_over = self._env.event()
        if self._waiting:
            handed_over.succeed(self._waiting.popleft())
        else:
            self._idle_workers.append(handed_over)
        item = yield handed_over
        self._dirty.discard(item)
        self._processing.add(item)
        return item

    def done(self, item: T) -> None:
        """End the work on the item, and queue it again if it was added meanwhile."""
        self._processing.discard(item)
        if item in self._dirty:
            self._offer(item)

    def _offer(self, item: T) -> None:
        if self._idle_workers:
            self._idle_workers.popleft().succeed(item)
        else:
            self._waiting.append(item)

    def add_rate_limited(self, item: T) -> None:
        """Queue the item after the delay that its failures so far have earned."""
        failures = self._failures.get(item, 0)
        self._failures[item] = failures + 1
        own_s = min(BASE_DELAY_S * 2.0 ** min(failures, MOST_DOUBLINGS), self._max_delay_s)
        self.add_after(item, max(own_s, self._bucket.reserve(self._env.now)) if self._bucket else own_s)

    def add_after(self, item: T, delay_s: float) -> None:
        """Queue the item after a delay, unless it is due earlier."""
        due_s = self._env.now + delay_s
        if self._one_entry and item in self._dirty:
            return
        if self._due_s.get(item, math.inf) > due_s:
            self._due_s[item] = due_s
            LightProcess(self._env, self._add_when_due(item, due_s))

    def _add_when_due(self, item: T, due_s: float) -> Generator[simpy.Event]:
        yield self._env.timeout(due_s - self._env.now)
        if self._due_s.get(item) == due_s:
            del self._due_s[item]
            self.add(item)

    def forget(self, item: T) -> None:
        """Clear the item's failures."""
        self._failures.pop(item, None)

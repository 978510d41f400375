"""Goroutines in the slow control plane: generators on an agenda, a lock and a client-go work queue.

A goroutine yields either the seconds that it sleeps, or a function that is given what wakes it.

Written from Go's `sync`, client-go's `workqueue` and docs/facts/controller.md §2 to §4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from sim.verification.reference.aws_twin import Bucket

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from sim.verification.reference.agenda_twin import Agenda

    Wake = Callable[[], None]
    Wait = float | Callable[[Wake], None]
    Goroutine = Generator[Wait]

T = TypeVar("T")

FIRST_DELAY_S, LONGEST_DELAY_S = 0.005, 1000.0
MOST_DOUBLINGS = 30


class Process:
    """A process: its goroutines go no step further once it has ended."""

    def __init__(self, agenda: Agenda) -> None:
        self.agenda = agenda
        self._lives = True

    def go(self, goroutine: Goroutine) -> None:
        """Let a goroutine run until it waits, and again each time it wakes."""
        if not self._lives:
            return
        waits = next(goroutine, None)
        if callable(waits):
            waits(lambda: self.go(goroutine))
        elif waits is not None:
            self.after(waits, lambda: self.go(goroutine))

    def after(self, delay_s: float, do: Wake) -> None:
        """Do something later, if the process lives then."""
        self.agenda.after(delay_s, lambda: do() if self._lives else None)

    def end(self) -> None:
        """End the process."""
        self._lives = False


class Mutex:
    """A lock: first come, first served.

    Who gets the lock goes on behind whatever else is about to happen at that instant.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._wanted_by: list[Wake] = []

    def lock(self) -> Goroutine:
        """Wait for the lock and take it."""

        def want(wake: Wake) -> None:
            self._wanted_by.append(wake)
            if len(self._wanted_by) == 1:
                self._process.after(0, wake)

        yield want

    def unlock(self) -> None:
        """Hand the lock to the one that has waited longest."""
        self._wanted_by.pop(0)
        if self._wanted_by:
            wake = self._wanted_by[0]
            self._process.after(0, lambda: self._process.after(0, wake))


class WorkQueue(Generic[T]):
    """What waits, what is being worked on and must be taken up again, what comes later, and how often each failed.

    - `shared`: one bucket of ten a second, a hundred at once, delays all that failed.
    - `longest_s`: the longest delay of what failed.
    - `single`: an item has one entry, which is due at the earliest of its times (controller-runtime's priority queue).
      Otherwise what comes later is kept apart, and comes even if the item was worked on meanwhile.
    """

    def __init__(self, process: Process, *, shared: bool, single: bool, longest_s: float | None = None) -> None:
        self._process = process
        self._longest_s = LONGEST_DELAY_S if longest_s is None else longest_s
        self._bucket = Bucket(100, 10) if shared else None
        self._single = single
        self._waiting: list[T] = []
        self._wanted: set[T] = set()
        self._busy: set[T] = set()
        self._due_s: dict[T, float] = {}
        self._failures: dict[T, int] = {}
        self._idle: list[Wake] = []
        self._taken: list[T] = []

    def add(self, item: T) -> None:
        """Queue an item that is not queued yet; one that is worked on is queued once that is done."""
        if self._single:
            self._due_s.pop(item, None)
        if item not in self._wanted:
            self._wanted.add(item)
            if item not in self._busy:
                self._queue(item)

    def _queue(self, item: T) -> None:
        self._waiting.append(item)
        self._process.after(0, self._hand_out)

    def _hand_out(self) -> None:
        while self._waiting and self._idle:
            self._taken.append(self._waiting.pop(0))
            self._process.after(0, self._idle.pop(0))

    def get(self) -> Generator[Wait, None, T]:
        """Wait for an item and return it."""

        def want(wake: Wake) -> None:
            self._idle.append(wake)
            self._hand_out()

        yield want
        item = self._taken.pop(0)
        self._wanted.remove(item)
        self._busy.add(item)
        return item

    def done(self, item: T) -> None:
        """End the work on an item."""
        self._busy.remove(item)
        if item in self._wanted:
            self._queue(item)

    def forget(self, item: T) -> None:
        """Forget an item's failures."""
        self._failures.pop(item, None)

    def add_rate_limited(self, item: T) -> None:
        """Add an item after a delay that doubles with each of its failures."""
        n_failures = self._failures.get(item, 0)
        self._failures[item] = n_failures + 1
        delay_s = min(self._longest_s, FIRST_DELAY_S * 2.0 ** min(n_failures, MOST_DOUBLINGS))
        if self._bucket is not None:
            delay_s = max(delay_s, self._bucket.wait_s(self._process.agenda.now_s))
        self.add_after(item, delay_s)

    def add_after(self, item: T, delay_s: float) -> None:
        """Add an item later. Of several such times the earliest counts."""
        due_s = self._process.agenda.now_s + delay_s
        if self._single and item in self._wanted:
            return
        if due_s >= self._due_s.get(item, float("inf")):
            return
        self._due_s[item] = due_s

        def come_due() -> None:
            if self._due_s.get(item) == due_s:
                del self._due_s[item]
                self.add(item)

        self._process.after(delay_s, come_due)

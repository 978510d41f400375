from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.control_plane.clock import Clock
from sim.control_plane.controllers.work_queue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy


def _worker(env: Clock, queue: WorkQueue[str], log: list[tuple[float, str]], work_s: float) -> Generator[simpy.Event]:
    while True:
        item = yield from queue.get()
        log.append((env.now, item))
        yield env.timeout(work_s)
        queue.done(item)


def _run(adds: list[tuple[float, str]], *, work_s: float = 10.0) -> list[tuple[float, str]]:
    env = Clock()
    queue: WorkQueue[str] = WorkQueue(env)
    log: list[tuple[float, str]] = []

    def add() -> Generator[simpy.Event]:
        for at_s, item in adds:
            yield env.timeout(at_s - env.now)
            queue.add(item)

    env.process(_worker(env, queue, log, work_s))
    env.process(add())
    env.run(until=200)
    return log


def test_first_come_first_served() -> None:
    assert _run([(0, "a"), (1, "b"), (2, "c")]) == [(0, "a"), (10, "b"), (20, "c")]


def test_an_item_that_waits_is_not_added_twice() -> None:
    assert _run([(0, "a"), (1, "b"), (2, "b"), (3, "b")]) == [(0, "a"), (10, "b")]


def test_an_item_added_while_it_is_worked_on_comes_again_once() -> None:
    assert _run([(0, "a"), (1, "a"), (2, "a"), (3, "b")]) == [(0, "a"), (10, "b"), (20, "a")]


@pytest.mark.parametrize("longest_s", [None, 10.0])
def test_failures_double_the_delay_until_they_are_forgotten(longest_s: float | None) -> None:
    env = Clock()
    queue: WorkQueue[str] = WorkQueue(env, max_delay_s=longest_s)
    came: list[float] = []

    def fail() -> Generator[simpy.Event]:
        for _ in range(20):
            began_s = env.now
            queue.add_rate_limited("a")
            item = yield from queue.get()
            came.append(env.now - began_s)
            queue.done(item)
        queue.forget("a")
        began_s = env.now
        queue.add_rate_limited("a")
        yield from queue.get()
        came.append(env.now - began_s)

    env.run(until=env.process(fail()))
    assert came == pytest.approx([min(0.005 * 2**k, longest_s or 1000.0) for k in range(20)] + [0.005])


def test_thousands_of_failures_wait_no_longer_than_the_longest() -> None:
    """Each change enqueues an item at once, whatever its failures: they can grow without bound."""
    env = Clock()
    queue: WorkQueue[str] = WorkQueue(env)

    def fail() -> Generator[simpy.Event]:
        for _ in range(2000):
            queue.add_rate_limited("a")
            queue.done((yield from queue.get()))

    env.run(until=env.process(fail()))
    began_s = env.now
    queue.add_rate_limited("a")
    env.run()
    assert env.now - began_s == 1000


def test_the_shared_bucket_holds_back_many_items() -> None:
    env = Clock()
    queue: WorkQueue[int] = WorkQueue(env)
    for item in range(120):
        queue.add_rate_limited(item)
    came: list[float] = []

    def take() -> Generator[simpy.Event]:
        for _ in range(120):
            yield from queue.get()
            came.append(env.now)

    env.run(until=env.process(take()))
    assert came[99] == pytest.approx(0.005)
    assert came[119] == pytest.approx(20 / 10)


def test_of_several_delayed_additions_the_earliest_counts() -> None:
    env = Clock()
    queue: WorkQueue[str] = WorkQueue(env, shared_bucket=False)
    log: list[tuple[float, str]] = []
    env.process(_worker(env, queue, log, 0.0))
    queue.add_after("a", 15)
    queue.add_after("a", 3)
    queue.add_after("a", 20)
    queue.add_after("b", 5)
    env.run(until=100)
    assert log == [(3, "a"), (5, "b")]


def test_an_addition_at_once_leaves_the_delayed_one() -> None:
    env = Clock()
    queue: WorkQueue[str] = WorkQueue(env, shared_bucket=False)
    log: list[tuple[float, str]] = []
    env.process(_worker(env, queue, log, 0.0))
    queue.add_after("a", 15)
    queue.add("a")
    env.run(until=100)
    assert log == [(0, "a"), (15, "a")]


def test_without_the_shared_bucket_many_items_come_back_at_once() -> None:
    env = Clock()
    queue: WorkQueue[str] = WorkQueue(env, shared_bucket=False)
    log: list[tuple[float, str]] = []
    env.process(_worker(env, queue, log, 0.0))
    for item in range(200):
        queue.add_rate_limited(str(item))
    env.run(until=100)
    assert [at_s for at_s, _ in log] == pytest.approx([0.005] * 200)


@pytest.mark.parametrize(("one_entry", "expected"), [(False, [1.0, 5.0]), (True, [1.0])])
def test_with_one_entry_what_is_queued_sooner_does_not_come_later_too(
    *, one_entry: bool, expected: list[float]
) -> None:
    env = Clock()
    queue: WorkQueue[str] = WorkQueue(env, one_entry=one_entry)
    log: list[tuple[float, str]] = []
    env.process(_worker(env, queue, log, work_s=0.5))
    queue.add_after("a", 5)
    env.run(until=1)
    queue.add("a")
    queue.add_after("a", 4)  # while it waits
    env.run(until=100)
    assert [came_s for came_s, _ in log] == expected

"""Oracle: who has the lock when, by hand."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sim.control_plane.controllers.lock import Lock
from sim.control_plane.light_process import LightProcess

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy


def test_a_lock_is_had_by_one_at_a_time_in_the_order_of_asking(make_env) -> None:
    env, held_s = make_env(), []
    lock = Lock(env)

    def goroutine(name: str, asks_s: float, holds_s: float) -> Generator[simpy.Event]:
        yield env.timeout(asks_s)
        with (yield from lock.taken()):
            began_s = env.now
            yield env.timeout(holds_s)
        held_s.append((name, began_s, env.now))

    for name, asks_s, holds_s in [("a", 0, 5), ("c", 2, 1), ("b", 1, 2), ("d", 20, 1), ("e", 20, 1)]:
        LightProcess(env, goroutine(name, asks_s, holds_s))
    env.run()
    assert held_s == [("a", 0, 5), ("b", 5, 7), ("c", 7, 8), ("d", 20, 21), ("e", 21, 22)]


def test_a_lock_is_free_again_after_an_error(make_env) -> None:
    env, got = make_env(), []
    lock = Lock(env)

    def goroutine(*, fails: bool) -> Generator[simpy.Event]:
        with suppress(KeyError), (yield from lock.taken()):
            if fails:
                raise KeyError
            got.append(env.now)

    LightProcess(env, goroutine(fails=True))
    LightProcess(env, goroutine(fails=False))
    env.run()
    assert got == [0]

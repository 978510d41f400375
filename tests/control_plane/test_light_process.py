"""A light process waits as SimPy's own does, and makes no event for its beginning and end."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
import simpy

from sim.control_plane.clock import Clock
from sim.control_plane.light_process import LightProcess

if TYPE_CHECKING:
    from collections.abc import Generator


def test_it_waits_for_one_event_after_the_other_and_receives_their_values() -> None:
    env, got = Clock(), []

    def process() -> Generator[simpy.Event, object]:
        got.append((yield env.timeout(2, "two")))
        got.append((yield env.timeout(3, "three")))
        got.append(env.now)

    LightProcess(env, process())
    env.run()
    assert got == ["two", "three", 5]


def test_it_begins_at_once_and_goes_on_at_once_after_an_event_that_is_over() -> None:
    env, times_s = Clock(), []
    over = env.event().succeed("over")
    env.run()

    def process() -> Generator[simpy.Event, object]:
        times_s.append((env.now, (yield over)))

    LightProcess(env, process())
    assert times_s == [(0, "over")]


@pytest.mark.parametrize("asked_s", [1, 4])
def test_its_end_can_be_waited_for_before_and_after_it(asked_s: float) -> None:
    env, ended_s = Clock(), []

    def process() -> Generator[simpy.Event]:
        yield env.timeout(3)

    def waiting(light: LightProcess) -> Generator[simpy.Event]:
        yield env.timeout(asked_s)
        yield from light.ended()
        ended_s.append(env.now)

    env.process(waiting(LightProcess(env, process())))
    env.run()
    assert ended_s == [max(asked_s, 3)]


def test_a_stopped_one_does_nothing_more() -> None:
    env, done = Clock(), []

    def process() -> Generator[simpy.Event]:
        yield env.timeout(3)
        done.append(env.now)

    light = LightProcess(env, process())
    env.run(until=1)
    light.stop()
    light.stop()
    env.run()
    assert done == []


def test_its_error_ends_the_simulation() -> None:
    env = Clock()

    def process() -> Generator[simpy.Event]:
        yield env.timeout(1)
        raise ValueError("by hand")

    LightProcess(env, process())
    with pytest.raises(ValueError, match="by hand"):
        env.run()


def test_the_error_of_what_it_waits_for_ends_the_simulation() -> None:
    env, done = Clock(), []

    def failing() -> Generator[simpy.Event]:
        yield env.timeout(1)
        raise ValueError("by hand")

    def process() -> Generator[simpy.Event]:
        yield env.process(failing())
        done.append(env.now)

    LightProcess(env, process())
    with pytest.raises(ValueError, match="by hand"):
        env.run()
    assert done == []


def test_it_lives_on_when_a_generator_in_which_it_waits_for_a_lock_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The garbage collector ends generators in any order. The outer one must not be told to end while the inner is."""
    env, complaints = Clock(), []
    lock = simpy.Resource(env)
    lock.request()

    def locked() -> Generator[simpy.Event]:
        with lock.request() as request:
            yield request

    def inner() -> Generator[simpy.Event]:
        yield from locked()

    waiting = inner()

    def outer() -> Generator[simpy.Event]:
        yield from waiting

    LightProcess(env, outer())
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    waiting.close()
    assert complaints == []

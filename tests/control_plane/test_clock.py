"""The clock passes the same events at the same times and in the same order as SimPy's own environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import simpy

from sim.control_plane.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Generator


def happened(env: simpy.Environment) -> list[tuple[str, float, object]]:
    log: list[tuple[str, float, object]] = []

    def process(name: str, waits_s: list[float]) -> Generator[simpy.Event, object, str]:
        for wait_s in waits_s:
            value = yield env.timeout(wait_s, name)
            log.append((name, env.now, value))
        return name

    def all_of_them() -> Generator[simpy.Event, object]:
        ended = yield env.all_of([env.process(process("a", [1, 0, 2])), env.process(process("b", [0, 1, 2, 4]))])
        log.append(("all", env.now, list(ended.values())))

    over = env.process(all_of_them())
    env.process(process("c", [3, 0, 0, 4, 9]))
    env.run_until(over) if isinstance(env, Clock) else env.run(until=over)
    return log


def test_events_come_in_simpy_s_order() -> None:
    assert happened(Clock(initial_time=-2)) == happened(simpy.Environment(initial_time=-2))


def test_it_runs_no_further_than_told() -> None:
    clock = Clock()
    first, second = clock.timeout(1), clock.timeout(2)
    clock.run_until(clock.event(), 1)
    assert (clock.now, first.processed, second.processed) == (1, True, False)
    clock.run_until(clock.event())
    assert (clock.now, second.processed) == (2, True)


def test_a_negative_delay_is_refused() -> None:
    with pytest.raises(ValueError, match=r"-0\.5"):
        Clock().timeout(-0.5)


def test_an_error_in_a_process_ends_the_run() -> None:
    clock = Clock()

    def failing() -> Generator[simpy.Event]:
        yield clock.timeout(1)
        raise KeyError("by hand")

    clock.process(failing())
    with pytest.raises(KeyError, match="by hand"):
        clock.run_until(clock.event())


def test_time_passes_at_once_only_where_no_event_comes_and_only_as_far_as_the_clock_runs() -> None:
    clock, passed, seen_s = Clock(), [], []
    clock.timeout(5).callbacks.append(lambda _: seen_s.append(clock.now))

    def ask(_: simpy.Event) -> None:
        passed.extend(clock.passes(delay_s) for delay_s in (4, 1, 3, 1))
        seen_s.append(clock.now)

    clock.timeout(1).callbacks.append(ask)
    assert not clock.passes(0.5)
    clock.run_until(clock.event(), 9)
    assert passed == [False, True, False, True]
    assert seen_s == [3, 5]

    clock.timeout(1).callbacks.append(lambda _: passed.extend(clock.passes(delay_s) for delay_s in (4, 3, 0.5)))
    clock.run_until(clock.event(), 9)
    assert passed[4:] == [False, True, False]
    assert clock.now == 9

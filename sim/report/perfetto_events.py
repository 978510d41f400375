"""Events of the Trace Event Format, with times in µs since the start of the rollout. `perfetto` has the rest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    Event = dict[str, Any]

MICROSECONDS_PER_S = 1_000_000


def thread(process: int, number: int, name: str) -> Iterator[Event]:
    """Yield a thread's name and place."""
    yield metadata("thread_name", process, number, name=name)
    yield metadata("thread_sort_index", process, number, sort_index=number)


def metadata(name: str, process: int, thread: int, /, **args: object) -> Event:
    """Return an event that says something of a process or a thread."""
    return {"ph": "M", "pid": process, "tid": thread, "name": name, "args": args}


def complete(process: int, thread: int, name: str, from_s: float, until_s: float, /, **args: object) -> Iterator[Event]:
    """Yield an event with a duration, cut to the rollout, or none if it is empty. Ends are rounded, so events nest."""
    from_s = max(from_s, 0.0)
    if from_s < until_s:
        place = {"ph": "X", "pid": process, "tid": thread, "name": name}
        yield {**place, "ts": _us(from_s), "dur": _us(until_s) - _us(from_s), "args": args}


def instant(process: int, thread: int, name: str, at_s: float) -> Iterator[Event]:
    """Yield an event without a duration, or none if it was before the rollout or never."""
    if 0 <= at_s < math.inf:
        yield {"ph": "i", "pid": process, "tid": thread, "name": name, "ts": _us(at_s), "s": "t"}


def counter(process: int, name: str, at_s: float, n: int) -> Event:
    """Return a counter's value from a time on."""
    return {"ph": "C", "pid": process, "tid": 0, "name": name, "ts": _us(at_s), "args": {"n": n}}


def _us(time_s: float) -> int:
    return round(time_s * MICROSECONDS_PER_S)

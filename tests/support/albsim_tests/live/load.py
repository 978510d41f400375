"""An open-loop load generator: each request is sent when its time has come, whatever became of those before it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from albsim_tests.live.clock import Clock
    from sim.scenario.specs import TrafficSpec

MOST_REQUESTS = 20_000


@dataclass
class Load:
    """The requests that were sent, by number: when, and when the client had its answer, in scenario seconds."""

    sent_s: dict[int, float] = field(default_factory=dict)
    answered_s: dict[int, float] = field(default_factory=dict)
    latest_s: float = 0.0
    """By how much the latest request missed its time, in seconds on the wall."""


def poisson(traffic: TrafficSpec, rng: np.random.Generator, from_s: float) -> Iterator[tuple[float, float]]:
    """Return each request's arrival and service time, in scenario seconds, without end."""
    arrival_s = from_s
    while True:
        arrival_s += rng.exponential(1 / traffic.arrival_rate_rps)
        yield arrival_s, float(traffic.service_time_s.sample(rng, 1)[0])


async def send(requests: Iterator[tuple[float, float]], to: tuple[str, int], clock: Clock, over: asyncio.Event) -> Load:
    """Send the requests until it is over, and wait for their answers."""
    load = Load()
    async with asyncio.TaskGroup() as in_flight:
        for number, (arrival_s, service_s) in zip(range(MOST_REQUESTS), requests, strict=False):
            load.latest_s = max(load.latest_s, await clock.until(arrival_s))
            if over.is_set():
                return load
            load.sent_s[number] = clock.now_s
            in_flight.create_task(_request(number, clock.on_the_wall(service_s), to, clock, load))
    raise RuntimeError(f"a run is over before {MOST_REQUESTS} requests")


async def _request(number: int, service_s: float, to: tuple[str, int], clock: Clock, load: Load) -> None:
    reader, writer = await asyncio.open_connection(*to)
    writer.write(f"GET /{number}?{service_s:.6f} HTTP/1.1\r\nHost: pods\r\nConnection: close\r\n\r\n".encode())
    with suppress(ConnectionError):
        await reader.read()
    load.answered_s[number] = clock.now_s
    writer.close()

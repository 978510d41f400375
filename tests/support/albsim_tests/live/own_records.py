"""Records of a real load balancer, for `albsim calibrate`: rolling updates behind two HAProxy processes.

The real thing: each ALB node stops sending to a target some time after DeregisterTargets, and writes an access log.
What is real here: two load balancers, their round robin, drains through their runtime API, the requests and the log.
HAProxy itself writes the log's lines in the ALB's format (`log-format`). What is played: the controller with its log
and trail, and the targets, which serve throughout. The controller's calls drain the targets of each HAProxy after a
delay drawn from a known law. Source: docs/facts/logs.md §1 to §3; HAProxy 2.6 configuration manual, sections 7.3.1
(`date`, `utime`) and 8.2.4.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from albsim_tests.live.clock import Clock
from albsim_tests.live.load import poisson, send
from albsim_tests.live.load_balancer import load_balancer
from albsim_tests.live.rig import prompt_scheduling
from albsim_tests.records import BEGIN_S, GROUP, call, log_name
from sim.scenario.specs import TargetGroupSpec
from sim.scenario.traffic import TrafficSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from albsim_tests.live.load_balancer import LoadBalancer

NODES = ("127.0.2.1", "127.0.2.2")
CALL_S = 0.03
FILE_S = 300
MOST_IDS = 1_000_000
_US_SINCE = "%[{sample},div(1000000),utime(%Y-%m-%dT%H:%M:%S)].%[{sample},mod(1000000){cut},add({ten}),regsub(^1,)]"
_NOW = _US_SINCE.format(sample="date(0,us)", cut="", ten=1_000_000) + "Z"
_RECEIVED = _US_SINCE.format(sample="var(txn.received_us)", cut=",div(1000)", ten=1000) + "000Z"
_MS = "var(txn.took_us),add(500)"
_TOOK = f"%[{_MS},div(1000000)].%[{_MS},mod(1000000),div(1000),add(1000),regsub(^1,)]"
LOG_FORMAT = (
    f"'http {_NOW} app/rig/50dc6c495c0c9188 %ci:%cp %si:%sp 0.000 {_TOOK} 0.000 %ST %ST %U %B "
    f'"%HM http://pods:80%HU %HV" "-" - - {GROUP} "Root=1-%[uuid()]" "-" "-" 0 {_RECEIVED} "forward" "-" "-" '
    '"%si:%sp" "%ST" "-" "-" TID_%rt "-" "-" "-" {node}\''
)
"""Field by field the ALB's; created to the millisecond, as there, and processing rounded to it."""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What is played: the laws, and one rollout in which each call moves `per_call` targets.

    `rate_rps` is that of one node and target. Propagation and service times are lognormal; registration is uniform up
    to `registered_s`. Service times are long against the way to a server, which a load balancer's log has besides.
    """

    median_s: float = 1.0
    p95_s: float = 2.0
    rate_rps: float = 2.0
    service_median_s: float = 0.2
    service_sigma: float = 0.8
    registered_s: float = 0.4
    replicas: int = 40
    per_call: int = 2
    every_s: float = 0.5
    before_s: float = 12.0
    after_s: float = 6.0
    routing: Literal["round_robin", "random", "least_outstanding_requests"] = "round_robin"

    def propagation_s(self, rng: np.random.Generator) -> float:
        """Draw how long a node goes on."""
        return float(self.median_s * (self.p95_s / self.median_s) ** (rng.standard_normal() / 1.6448536269514722))

    @property
    def traffic(self) -> TrafficSpec:
        """Return the requests at one node."""
        return TrafficSpec(
            arrival_rate_rps=self.rate_rps * self.replicas,
            service_time_s={"dist": "lognormal", "median": self.service_median_s, "sigma": self.service_sigma},
        )


@dataclass
class Played:
    """What was played: the controller's lines, the trail's records, by how much each drain was late.

    `propagation_s`: the delays that were drawn.
    `served_s`: how long the targets took for each request by their own clock, from its arrival until their answer.
    """

    lines: list[str] = field(default_factory=list)
    trail: list[dict[str, Any]] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    propagation_s: list[float] = field(default_factory=list)
    served_s: list[float] = field(default_factory=list)

    @property
    def latest_s(self) -> float:
        """By how many seconds one drain in twenty missed its time."""
        return float(np.quantile(self.late_s, 0.95))


def record(truth: Truth, directory: Path, seed: int) -> Played:
    """Play a rollout, and write its records."""
    with prompt_scheduling():
        return asyncio.run(_record(truth, directory, seed))


async def _record(truth: Truth, directory: Path, seed: int) -> Played:
    rng = np.random.default_rng(seed)
    played = Played()
    over = asyncio.Event()
    async with AsyncExitStack() as stack:
        targets = await stack.enter_async_context(_targets(2 * truth.replicas, played))
        nodes = [
            await stack.enter_async_context(_node(truth, targets, directory, host, first_id=int(first_id)))
            for host, first_id in zip(
                NODES, np.random.default_rng([seed, 1]).integers(1, MOST_IDS, len(NODES)), strict=True
            )
        ]
        clock = Clock(1.0, lead_s=truth.before_s)
        async with asyncio.TaskGroup() as world:
            for node in nodes:
                requests = poisson(truth.traffic, np.random.default_rng(rng.integers(2**32)), -truth.before_s)
                world.create_task(send(requests, node.address, clock, over))
            await _roll(truth, [f"{host}:{port}" for host, port in targets], nodes, clock, rng, played)
            await clock.until(truth.replicas / truth.per_call * truth.every_s + truth.after_s)
            over.set()
    _write(directory, played)
    return played


@asynccontextmanager
async def _node(
    truth: Truth, targets: list[tuple[str, int]], directory: Path, host: str, *, first_id: int
) -> AsyncIterator[LoadBalancer]:
    place = directory / f"haproxy-{host}"
    place.mkdir()
    group = TargetGroupSpec(connection_reuse=False, health_check=None, routing=truth.routing)
    log_format = LOG_FORMAT.replace("{node}", host)
    async with load_balancer(
        targets,
        group,
        place,
        ready=truth.replicas,
        scale=1.0,
        host=host,
        log_format=log_format,
        first_id=first_id,
    ) as balancer:
        yield balancer


async def _roll(
    truth: Truth,
    names: list[str],
    nodes: list[LoadBalancer],
    clock: Clock,
    rng: np.random.Generator,
    played: Played,
) -> None:
    """Let each call register and deregister, and each node follow in its own time."""
    async with asyncio.TaskGroup() as world:
        for number in range(truth.replicas // truth.per_call):
            begin_s = number * truth.every_s
            old = range(number * truth.per_call, (number + 1) * truth.per_call)
            new = [truth.replicas + pod for pod in old]
            world.create_task(_call(begin_s, "registering", [names[pod] for pod in new], clock, played))
            world.create_task(_call(begin_s, "deRegistering", [names[pod] for pod in old], clock, played))
            effect_s = begin_s + CALL_S * rng.random()
            for node in nodes:
                for pod in new:
                    at_s = effect_s + truth.registered_s * rng.random()
                    world.create_task(_at(at_s, node.set_ready(pod), clock, played))
                for pod in old:
                    played.propagation_s.append(truth.propagation_s(rng))
                    at_s = effect_s + played.propagation_s[-1]
                    world.create_task(_at(at_s, node.set_drain(pod), clock, played))


async def _at(time_s: float, act: Any, clock: Clock, played: Played) -> None:
    await clock.until(time_s)
    await act
    played.late_s.append(clock.now_s - time_s)


async def _call(begin_s: float, word: str, targets: list[str], clock: Clock, played: Played) -> None:
    """Write the controller's lines before and after a call, and the trail's record of it."""
    await clock.until(begin_s)
    played.lines.append(_line(f"{word} targets", targets))
    await clock.until(begin_s + CALL_S)
    played.lines.append(_line(f"{word.removesuffix('ing')}ed targets", targets))
    name = "RegisterTargets" if word == "registering" else "DeregisterTargets"
    played.trail.append(call(time.time() - BEGIN_S, name, tuple(targets), eventID=f"e-{len(played.trail)}"))


def _line(said: str, targets: list[str]) -> str:
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    moment = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
    named = [{"Id": host, "Port": int(port)} for host, port in (target.split(":") for target in targets)]
    text = json.dumps({"level": "info", "ts": f"{moment}Z", "msg": said, "arn": GROUP, "targets": named})
    return f"{moment}.{nanoseconds:09d}Z {text}"


@asynccontextmanager
async def _targets(n: int, played: Played) -> AsyncIterator[list[tuple[str, int]]]:
    """Serve at so many addresses: `/NUMBER?SECONDS` is answered after so many seconds."""
    answer = partial(_answer, served_s=played.served_s)
    servers = [await asyncio.start_server(answer, f"127.0.1.{number + 1}", 0) for number in range(n)]
    try:
        yield [server.sockets[0].getsockname() for server in servers]
    finally:
        for server in servers:
            server.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, served_s: list[float]) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        arrived_s = time.perf_counter()
        await asyncio.sleep(float(head.split(b" ")[1].partition(b"?")[2]))
        served_s.append(time.perf_counter() - arrived_s)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
    writer.close()


def _write(directory: Path, played: Played) -> None:
    """Write the logs as S3 has them, by node and five minutes, and the controller's log and trail."""
    for host in NODES:
        files: dict[int, list[str]] = {}
        place = directory / f"haproxy-{host}"
        for text in (place / "log").read_text().splitlines(keepends=True):
            if text.startswith("http "):
                files.setdefault(int(datetime.fromisoformat(text.split(" ")[1]).timestamp() // FILE_S), []).append(text)
        for number, lines in files.items():
            end = f"{datetime.fromtimestamp((number + 1) * FILE_S, UTC):%Y%m%dT%H%MZ}"
            (directory / f"{log_name(host, end)}.gz").write_bytes(gzip.compress("".join(lines).encode()))
        for rest in place.iterdir():
            rest.unlink()
        place.rmdir()
    (directory / "controller.log").write_text("".join(f"{line}\n" for line in played.lines))
    (directory / "trail.json").write_text(json.dumps({"Records": played.trail}))

"""HAProxy in the part of one ALB node.

What HAProxy shares with an ALB node: a round-robin ring, and one attempt for each request. A target that is set to
drain gets no new request while those in flight go on. Each way in which a target fails has its own mark in the log.
What differs: HAProxy answers 503 where an ALB answers 502 for a refused connection. So outcomes are read from the log's
termination state and not from the status. Source: HAProxy 2.6 configuration manual, section 8.5 (session state at
disconnection); management guide, section 9.3.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sim.data_plane.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from sim.scenario.specs import TargetGroupSpec

HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
LONGEST_LIFE_S = 120
ALB_CONNECT_TIMEOUT_S = 10.0
BALANCE = {"round_robin": "roundrobin", "random": "random(1)", "least_outstanding_requests": "leastconn"}
NO_SERVER = "<NOSRV>"
OVER_ALREADY = "-"
BY_STATE = '"%HU %s %ts"'
"""A log of what became of each request."""
OUTCOME_OF_STATE = {
    "SC": Outcome.CONNECT_REFUSED,
    "sC": Outcome.CONNECT_TIMEOUT,
    "SH": Outcome.CLOSED_IN_FLIGHT,
    "sH": Outcome.IDLE_TIMEOUT,
    "KH": Outcome.DEREGISTRATION_DELAY_ELAPSED,
}
CONFIGURATION = """
global
  nbthread 1
  stats socket {directory}/runtime mode 600 level admin
  stats maxconn 200
  log stdout len 4096 format raw local0
defaults
  mode http
  log global
  log-format {log_format}
  retries 0
  option {connections}
  timeout client 120s
  timeout connect {connect_timeout}
  timeout server {idle_timeout}
frontend clients
  bind fd@{fd}
  http-request set-var(txn.received_us) date(0,us)
  http-response set-var(txn.took_us) date(0,us),sub(txn.received_us)
{rule}
  default_backend pods
{backends}
"""
RULE = """
  http-request set-var(txn.weight) str({weight}),map_str_int({directory}/weights)
  use_backend canary if {{ rand(100),sub(txn.weight) lt 0 }}
"""
"""A forward action's weights: the second target group gets as many of a hundred requests as the map says."""
BACKEND = """
backend {name}
  balance {balance}
  option httpchk GET /health
  timeout check {check_timeout}
  http-reuse {reuse}
  default-server weight 256 pool-low-conn 1000 pool-purge-delay {longest_life} {check}
{servers}
"""
STABLE, CANARY = BACKENDS = "pods", "canary"
WEIGHT = "weight"


class LoadBalancer:
    """A running HAProxy whose servers are named `pod0`, `pod1`, …, by their numbers in the trace.

    HAProxy has a backend for each target group.
    """

    def __init__(self, address: tuple[str, int], directory: Path) -> None:
        self.address = address
        self._directory = directory

    async def set_ready(self, pod: int, backend: str = STABLE) -> None:
        """Send the pod new requests from now on, among those of the backend."""
        await self._runtime(f"set server {backend}/pod{pod} state ready")

    async def set_drain(self, pod: int, backend: str = STABLE) -> None:
        """Send the pod no new request of the backend's; those in flight go on."""
        await self._runtime(f"set server {backend}/pod{pod} state drain")

    async def set_weight(self, weight: int) -> None:
        """Send so many of a hundred requests to the canary's backend from now on."""
        await self._runtime(f"set map {self._directory}/weights {WEIGHT} {weight}")

    async def set_address(self, pod: int, address: tuple[str, int]) -> None:
        """Send the pod's new requests to another address from now on: what the pod's own has become."""
        host, port = address
        await self._runtime(f"set server pods/pod{pod} addr {host} port {port}", told="changed")

    async def cut(self, pod: int) -> None:
        """End what is in flight to the pod."""
        await self._runtime(f"shutdown sessions server pods/pod{pod}")

    async def outcomes(self, requests: int) -> dict[int, Outcome]:
        """Return the outcome of each request by its number, as soon as so many are in the log."""
        await _until(lambda: len(self._logged()) >= requests)
        return self._logged()

    def _logged(self) -> dict[int, Outcome]:
        lines = (self._directory / "log").read_text().splitlines()
        entries = (line.split() for line in lines if line.startswith("/"))
        return {int(uri[1:].partition("?")[0]): _outcome(server, state) for uri, server, state in entries}

    async def _runtime(self, command: str, told: str = "") -> None:
        reader, writer = await asyncio.open_unix_connection(self._directory / "runtime")
        writer.write(f"{command}\n".encode())
        answer = (await reader.read()).strip()
        writer.close()
        if told not in answer.decode() or (answer and not told):
            raise RuntimeError(f"{command}: {answer.decode()}")


@asynccontextmanager
async def load_balancer(
    pods: Sequence[tuple[str, int]],
    target_group: TargetGroupSpec,
    directory: Path,
    *,
    ready: int,
    scale: float,
    host: str = "127.0.0.1",
    log_format: str = BY_STATE,
    first_id: int = 1,
    weighted: bool = False,
) -> AsyncIterator[LoadBalancer]:
    """Run HAProxy in front of these addresses, of which the first `ready` are in its rotation.

    Each second of the target group's takes `scale` seconds. It listens at `host`, and writes `directory / "log"`.
    Random routing draws the same numbers in every process. What they stand for depends on the servers' numbers, from
    `first_id` on. With `weighted` there is a second backend, whose servers are the pods that are not ready, and which
    gets no request at first.
    """
    front = socket.create_server((host, 0), backlog=1000)
    servers = [
        f"  server pod{number} {host}:{port} id {first_id + number}{'' if number < ready else ' disabled'}"
        for number, (host, port) in enumerate(pods)
    ]
    configuration = _configuration(
        target_group,
        scale,
        directory=directory,
        fd=front.fileno(),
        servers={STABLE: servers} | ({CANARY: servers[ready:]} if weighted else {}),
        log_format=log_format,
    )
    (directory / "weights").write_text(f"{WEIGHT} 0\n")
    (directory / "configuration").write_text(configuration)
    with front, (directory / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("timeout", str(LONGEST_LIFE_S), HAPROXY or "haproxy", "-db", "-f", str(directory / "configuration")),
            stdout=log,
            stderr=log,
            pass_fds=[front.fileno()],
        )
        try:
            await _until((directory / "runtime").is_socket)
            yield LoadBalancer(front.getsockname(), directory)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def _configuration(
    target_group: TargetGroupSpec,
    scale: float,
    *,
    directory: Path,
    fd: int,
    servers: dict[str, list[str]],
    log_format: str,
) -> str:
    def milliseconds(duration_s: float) -> str:
        return f"{duration_s * scale * 1000:.0f}ms"

    health = target_group.health_check
    backends = [
        BACKEND.format(
            name=name,
            reuse="always" if target_group.connection_reuse else "never",
            longest_life=f"{LONGEST_LIFE_S}s",
            balance=BALANCE[target_group.routing],
            check_timeout=milliseconds(health.timeout_s if health else 1),
            check=f"check inter {milliseconds(health.interval_s)} fall {health.unhealthy_threshold}" if health else "",
            servers="\n".join(of_backend),
        )
        for name, of_backend in servers.items()
    ]
    return CONFIGURATION.format(
        connections="http-keep-alive" if target_group.connection_reuse else "httpclose",
        directory=directory,
        fd=fd,
        log_format=log_format,
        connect_timeout=milliseconds(ALB_CONNECT_TIMEOUT_S),
        idle_timeout=milliseconds(target_group.idle_timeout_s),
        rule=RULE.format(directory=directory, weight=WEIGHT) if CANARY in servers else "",
        backends="\n".join(backends),
    )


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110  nobody tells of a file
            await asyncio.sleep(0.01)


def _outcome(server: str, state: str) -> Outcome:
    if server == NO_SERVER:
        return Outcome.NO_REGISTERED_TARGETS
    return OUTCOME_OF_STATE[state] if state[1] != OVER_ALREADY else Outcome.OK

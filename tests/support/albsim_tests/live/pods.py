"""Server processes that end as a scenario's pods do: on a real SIGTERM and a real SIGKILL.

The real thing: a container's process behind an address of its own.
What this is: one parent that forks a small HTTP server for each pod, each on an address of its own. A pod's port
answers RST as soon as its process has ended. A request `GET /NUMBER?SECONDS` is answered after so many seconds; `GET
/health` at once, with 503 after a SIGUSR1. The parent ends every pod when its own standard input closes; a pod ends
itself after `LONGEST_LIFE_S`. Run as a script with a `Manners` as JSON; the parent then writes a line of JSON: each
pod's process id and address.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_LIFE_S = 120
BACKLOG = 1000
MOST_CONNECTIONS = 10_000
HEALTH = b"/health"
ANSWER = b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: %s\r\n\r\n"


@dataclass(frozen=True)
class Manners:
    """How `pods` servers behave; the keys of a scenario's `pod`, in seconds of the clock on the wall."""

    pods: int
    on_sigterm: Literal["exit", "drain", "ignore"]
    serve_after_sigterm_s: float
    concurrency: int | None
    accept: Literal["eager", "prefork"]
    idle_connections_at_sigterm: Literal["close", "serve"]
    prefix: str = "127.0.1"
    """The first three numbers of their addresses."""


class Pod:
    """One server process, from its start to its end."""

    def __init__(self, listener: socket.socket, manners: Manners) -> None:
        self._listener = listener
        self._manners = manners
        self._workers = asyncio.Semaphore(manners.concurrency or MOST_CONNECTIONS)
        self._most_accepted = manners.concurrency if manners.accept == "prefork" else None
        self._connections: set[asyncio.Task[None]] = set()
        self._idle: set[asyncio.StreamWriter] = set()
        self._closing = False
        self._health = b"200 OK"

    async def run(self) -> None:
        """Serve until told to drain and drained; any other end is the process's."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._listener, self._accept)
        loop.add_signal_handler(signal.SIGUSR1, self._fall_ill)
        drain = asyncio.Event()
        if self._manners.on_sigterm == "ignore":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        elif self._manners.on_sigterm == "drain":
            self._at_sigterm(drain.set)
        elif self._manners.serve_after_sigterm_s:
            self._at_sigterm(lambda: os._exit(0))
        await drain.wait()
        await self._drain()

    async def _drain(self) -> None:
        self._accept()
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        if self._manners.idle_connections_at_sigterm == "serve":
            await asyncio.sleep(LONGEST_LIFE_S)
        self._closing = True
        for connection in self._idle:
            connection.close()
        await asyncio.gather(*self._connections)

    def _at_sigterm(self, act: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        after_s = self._manners.serve_after_sigterm_s
        loop.add_signal_handler(signal.SIGTERM, lambda: loop.call_later(after_s, act))

    def _accept(self) -> None:
        """Take every connection that waits: what still did when the listener closes would be reset.

        A prefork server takes no more than it has workers for, and looks again when one is free.
        """
        loop = asyncio.get_running_loop()
        with suppress(BlockingIOError):
            while self._most_accepted is None or len(self._connections) < self._most_accepted:
                connection, _ = self._listener.accept()
                task = loop.create_task(self._converse(connection))
                self._connections.add(task)
                task.add_done_callback(self._end)
            loop.remove_reader(self._listener)

    def _end(self, connection: asyncio.Task[None]) -> None:
        self._connections.discard(connection)
        if self._most_accepted is not None and self._listener.fileno() >= 0:
            asyncio.get_running_loop().add_reader(self._listener, self._accept)

    async def _converse(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            closes = False
            while not closes:
                self._idle.add(writer)
                head = await reader.readuntil(b"\r\n\r\n")
                self._idle.discard(writer)
                status = await self._status(head.split(b" ")[1])
                closes = self._closing or b"connection: close" in head.lower()
                writer.write(ANSWER % (status, b"close" if closes else b"keep-alive"))
                await writer.drain()
        self._idle.discard(writer)
        writer.close()

    async def _status(self, path: bytes) -> bytes:
        if path == HEALTH:
            return self._health
        async with self._workers:
            await asyncio.sleep(float(path.partition(b"?")[2]))
        return b"200 OK"

    def _fall_ill(self) -> None:
        self._health = b"503 Service Unavailable"


def _listen(prefix: str, number: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((f"{prefix}.{number + 1}", 0))
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def _fork(number: int, listeners: list[socket.socket], manners: Manners) -> int:
    """Start a pod; it holds no listener but its own, or a dead pod's port would go on answering."""
    pid = os.fork()
    if pid:
        return pid
    signal.alarm(LONGEST_LIFE_S)
    for other, listener in enumerate(listeners):
        if other != number:
            listener.close()
    asyncio.run(Pod(listeners[number], manners).run())
    os._exit(0)


def main() -> None:
    """Start the pods, tell of them, and end them all, and this process, when nobody listens any more.

    The dead are not reaped before that: a process id that was told stays that pod's.
    """
    manners = Manners(**json.loads(sys.argv[1]))
    os.setsid()
    listeners = [_listen(manners.prefix, number) for number in range(manners.pods)]
    addresses = [listener.getsockname() for listener in listeners]
    pids = [_fork(number, listeners, manners) for number in range(manners.pods)]
    for listener in listeners:
        listener.close()
    sys.stdout.write(json.dumps(list(zip(pids, addresses, strict=True))) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()

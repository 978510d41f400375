"""Addresses behind a route, which can be dropped: who sends to one then hears nothing at all.

The real thing: a VPC, where the address of a machine that is gone answers nothing.
What this is: two network namespaces and a cable between them. The load balancer and its clients are in one, the pods in
the other, where each has an address of its own. A dropped address is routed there as before; nobody has it any more,
and the kernel discards what comes. Both namespaces end with the processes in them.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE_NEWNET = 0x40000000
PREFIX = "198.19.0"
GATEWAY = "198.18.0"


class NoNetworkError(Exception):
    """This machine lets nobody make a network of their own."""


@dataclass(frozen=True)
class Network:
    """The pods' side: `enter` is the command that runs another one there."""

    enter: tuple[str, ...]
    _commands: IO[str]

    def drop(self, host: str) -> None:
        """Let an address answer nothing from now on, and what is in flight to it stay without an answer."""
        self._commands.write(f"address del {host}/32 dev lo\n")
        self._commands.flush()


@contextmanager
def network(pods: int) -> Iterator[Network]:
    """Take this thread, and what it starts, into a network beside the pods' own, where each pod has an address.

    Raises `NoNetworkError` where that is not allowed, or iproute2 is not installed.
    """
    if any(shutil.which(program) is None for program in ("ip", "nsenter", "unshare")):
        raise NoNetworkError("a route can be dropped with iproute2 and util-linux only")
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _call("unshare", CLONE_NEWNET)
        try:
            with _pods_side(pods) as side:
                yield side
        finally:
            _call("setns", home, CLONE_NEWNET)
    finally:
        os.close(home)


@contextmanager
def _pods_side(pods: int) -> Iterator[Network]:
    inside = ["unshare", "--net", "sh", "-c", "echo ready; exec sleep 120"]
    with subprocess.Popen(inside, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            holder.stdout.readline()
            enter = ("nsenter", f"--net=/proc/{holder.pid}/ns/net")
            _ip(
                "link set lo up",
                f"link add cable type veth peer name cable netns {holder.pid}",
                f"address add {GATEWAY}.1/30 dev cable",
                "link set cable up",
                f"route add {PREFIX}.0/24 via {GATEWAY}.2",
            )
            _ip(
                "link set lo up",
                f"address add {GATEWAY}.2/30 dev cable",
                "link set cable up",
                f"route add default via {GATEWAY}.1",
                *(f"address add {PREFIX}.{number}/32 dev lo" for number in range(1, pods + 1)),
                enter=enter,
            )
            with subprocess.Popen([*enter, "ip", "-batch", "-"], stdin=subprocess.PIPE, text=True) as told:
                assert told.stdin is not None
                yield Network(enter, told.stdin)
        finally:
            holder.kill()


def _ip(*commands: str, enter: tuple[str, ...] = ()) -> None:
    subprocess.run([*enter, "ip", "-batch", "-"], input="\n".join(commands), text=True, check=True)


def _call(function: str, *arguments: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, function)(*arguments):
        raise NoNetworkError(f"{function}: {os.strerror(ctypes.get_errno())}; run this as root to drop a route")

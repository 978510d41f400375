"""Servers: what each does with its stop signal, how long it keeps an idle connection, how long its shutdown may last.

Modelled (docs/facts/manifests.md §4): PID 1 of a container ignores a signal for which it has no handler.

Sources: named in each row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sim.scenario.problems import Problem, ScenarioError, did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

OnSigterm = Literal["exit", "drain", "ignore"]
SIGTERM = "SIGTERM"


@dataclass(frozen=True, slots=True)
class Server:
    """A server: what it does at which signal, how long it keeps an idle connection, how long its shutdown may last.

    `signals` are those that it handles; `stop_signal` is the STOPSIGNAL of its official image.
    """

    signals: Mapping[str, OnSigterm]
    source: str
    keep_alive_s: float | None = None
    shutdown_s: float | None = None
    stop_signal: str = SIGTERM
    is_proxy: bool = False
    needs_init: bool = False
    """Whether the server has no handler of its own, and so ignores the signal as PID 1."""

    @property
    def on_sigterm(self) -> OnSigterm:
        """What the server does at the stop signal of its official image."""
        return self.signals[self.stop_signal]

    def at(self, signal: str | None) -> tuple[OnSigterm, str]:
        """Return what the server does at the container's stop signal, None for the image's, and why."""
        if signal is None or signal == self.stop_signal:
            return self.on_sigterm, self.source
        if signal in self.signals:
            return self.signals[signal], f"lifecycle.stopSignal is {signal}"
        if self.needs_init:
            return "exit", f"{self.source}, nor for {signal}"
        return "ignore", f"lifecycle.stopSignal is {signal}, for which it has no handler: it serves until SIGKILL"


_NGINX: dict[str, OnSigterm] = {"SIGQUIT": "drain", "SIGTERM": "exit", "SIGINT": "exit"}
_APACHE: dict[str, OnSigterm] = {"SIGWINCH": "drain", "SIGTERM": "exit"}
_BOTH: dict[str, OnSigterm] = {"SIGTERM": "drain", "SIGINT": "drain"}
_NONE: dict[str, OnSigterm] = {"SIGTERM": "exit"}
SERVERS = {
    "nginx": Server(
        _NGINX,
        "the official image stops with SIGQUIT from 1.19.5 on (docker-nginx)",
        75,
        stop_signal="SIGQUIT",
        is_proxy=True,
    ),
    "apache": Server(
        _APACHE, "SIGWINCH is a graceful stop (docker-library/httpd)", 5, stop_signal="SIGWINCH", is_proxy=True
    ),
    "php-fpm": Server(
        {"SIGQUIT": "exit", "SIGTERM": "exit", "SIGINT": "exit"},
        "process_control_timeout is 0 by default (docker-library/php)",
        stop_signal="SIGQUIT",
    ),
    "haproxy": Server(
        {"SIGUSR1": "drain", "SIGTERM": "exit", "SIGINT": "exit"},
        "SIGUSR1 is a soft stop (docker-library/haproxy)",
        10,
        stop_signal="SIGUSR1",
        is_proxy=True,
    ),
    "gunicorn": Server(
        {"SIGTERM": "drain", "SIGQUIT": "exit", "SIGINT": "exit"},
        "SIGTERM waits for graceful_timeout, 30 s by default (gunicorn config.py)",
        2,
        30,
    ),
    "uvicorn": Server(_BOTH, "SIGTERM finishes what is in flight (uvicorn server.py)", 5),
    "uwsgi": Server(
        {"SIGTERM": "ignore", "SIGHUP": "ignore", "SIGINT": "exit", "SIGQUIT": "exit"},
        "SIGTERM reloads unless die-on-term is set (uwsgi-docs Management.rst)",
    ),
    "puma": Server(_BOTH, "SIGTERM finishes what is in flight (puma docs/signals.md)", 65),
    "spring-boot": Server(
        {"SIGTERM": "exit", "SIGINT": "exit", "SIGHUP": "exit"},
        "graceful by default only from 3.4 on (Spring Boot, Graceful Shutdown)",
        60,
        30,
    ),
    "node": Server(_NONE, "no handler of its own (docker-node BestPractices.md)", 5, needs_init=True),
    "python": Server(_NONE, "a script has no handler of its own", needs_init=True),
    "go": Server(_NONE | {"SIGINT": "exit", "SIGQUIT": "exit"}, "net/http has no handler; the runtime ends it"),
    "dotnet": Server(
        _BOTH | {"SIGQUIT": "drain"}, "HostOptions.ShutdownTimeout, 30 s (ASP.NET Core ConsoleLifetime)", 130, 30
    ),
    "envoy": Server(_NONE | {"SIGINT": "exit"}, "SIGTERM ends it without draining", 3600, is_proxy=True),
    "ingress-nginx": Server(
        _NONE | {"SIGTERM": "drain"},
        "nginx -s quit, worker-shutdown-timeout 240 s (ingress-nginx nginx.go)",
        75,
        240,
        is_proxy=True,
    ),
    "traefik": Server(_BOTH, "graceTimeOut, 10 s by default", None, 10, is_proxy=True),
    "caddy": Server(_BOTH | {"SIGQUIT": "exit"}, "waits for requests without a limit", None, is_proxy=True),
}
"""The signals are those of nginx.org's control.html, httpd's stopping.html, HAProxy's management guide, php-fpm(8), and
of the sources named. A JVM runs its shutdown hooks at SIGTERM, SIGINT and SIGHUP."""


def known_server(name: str) -> None:
    """Raise ScenarioError if a name is given that the table does not have."""
    if name and name not in SERVERS:
        expected, hint = f"one of {', '.join(SERVERS)}", did_you_mean(name, SERVERS)
        raise ScenarioError([Problem(file="--server", expected=expected, found=shown(name), hint=hint)])

"""What a container's server does with its stop signal, which no manifest says: a table, and a guess.

The guess is from command, image and probes, in this order.

Modelled: docs/facts/manifests.md §4. A process without a handler for the signal ignores it as PID 1 of its container,
and ends at once where an init process (`tini`, a shared process namespace) stands above it.
Sources: named in each row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

from sim.scenario.problems import Problem, ScenarioError, did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.manifests.models import Container, PodSpec

OnSigterm = Literal["exit", "drain", "ignore"]

_NGINX_SIGQUIT_SINCE = (1, 19, 5)
_INITS = {"tini", "dumb-init", "docker-init", "s6-svscan"}
_RUNNERS = {"exec", "poetry", "pipenv", "uv", "run", "bundle", "npx", "env", "-m", "--"}
_SHELLS = {"sh", "bash", "ash", "dash"}


@dataclass(frozen=True, slots=True)
class Server:
    """A server: what it does, how long it keeps an idle connection, and how long its own shutdown may last."""

    on_sigterm: OnSigterm
    source: str
    keep_alive_s: float | None = None
    shutdown_s: float | None = None
    is_proxy: bool = False
    needs_init: bool = False
    """Whether it has no handler of its own: ignores the signal as PID 1."""


SERVERS = {
    "nginx": Server("drain", "the official image stops with SIGQUIT from 1.19.5 on (docker-nginx)", 75, is_proxy=True),
    "apache": Server("drain", "SIGWINCH is a graceful stop (docker-library/httpd)", 5, is_proxy=True),
    "php-fpm": Server("exit", "process_control_timeout is 0 by default (docker-library/php)"),
    "haproxy": Server("drain", "SIGUSR1 is a soft stop (docker-library/haproxy)", 10, is_proxy=True),
    "gunicorn": Server("drain", "SIGTERM waits for graceful_timeout, 30 s (gunicorn config.py)", 2, 30),
    "uvicorn": Server("drain", "SIGTERM finishes what is in flight (uvicorn server.py)", 5),
    "uwsgi": Server("ignore", "SIGTERM reloads unless die-on-term is set (uwsgi-docs Management.rst)"),
    "puma": Server("drain", "SIGTERM finishes what is in flight (puma docs/signals.md)", 65),
    "spring-boot": Server("exit", "graceful by default only from 3.4 on (Spring Boot, Graceful Shutdown)", 60, 30),
    "node": Server("exit", "no handler of its own (docker-node BestPractices.md)", 5, needs_init=True),
    "python": Server("exit", "a script has no handler of its own", needs_init=True),
    "go": Server("exit", "net/http has no handler; the runtime ends the process"),
    "dotnet": Server("drain", "HostOptions.ShutdownTimeout, 30 s (ASP.NET Core)", 130, 30),
    "envoy": Server("exit", "SIGTERM ends it without draining", 3600, is_proxy=True),
    "traefik": Server("drain", "graceTimeOut, 10 s", None, 10, is_proxy=True),
    "caddy": Server("drain", "waits for requests without a limit", None, is_proxy=True),
}

_BY_WORD = {
    "gunicorn": "gunicorn",
    "uvicorn": "uvicorn",
    "uwsgi": "uwsgi",
    "puma": "puma",
    "rails": "puma",
    "nginx": "nginx",
    "httpd": "apache",
    "httpd-foreground": "apache",
    "apache2-foreground": "apache",
    "php-fpm": "php-fpm",
    "haproxy": "haproxy",
    "envoy": "envoy",
    "traefik": "traefik",
    "caddy": "caddy",
    "dotnet": "dotnet",
    "node": "node",
    "next": "node",
    "npm": "node",
    "yarn": "node",
    "pnpm": "node",
    "python": "python",
    "python3": "python",
}
_BY_IMAGE = {
    "nginx": "nginx",
    "nginx-unprivileged": "nginx",
    "openresty": "nginx",
    "httpd": "apache",
    "haproxy": "haproxy",
    "envoy": "envoy",
    "traefik": "traefik",
    "caddy": "caddy",
    "node": "node",
}


def known_server(name: str) -> None:
    """Raise ScenarioError if there is a name and the table has none like it."""
    if name and name not in SERVERS:
        expected, hint = f"one of {', '.join(SERVERS)}", did_you_mean(name, SERVERS)
        raise ScenarioError([Problem(file="--server", expected=expected, found=shown(name), hint=hint)])


class Guess(NamedTuple):
    """A server that a container seems to run, what it does with the stop signal, and why."""

    name: str
    on_sigterm: OnSigterm
    why: str

    @property
    def server(self) -> Server:
        """The table's row."""
        return SERVERS[self.name]


def guess(container: Container, pod: PodSpec) -> Guess | None:
    """Return the server of a container, from its command, its image or its probes; None if nothing tells."""
    words = [*container.command, *container.args]
    name = _named_by(_program(words)) or ("" if container.command else _named_by_image(container.image))
    if not name and _is_spring_boot(container):
        return Guess("spring-boot", "exit", "its probes are Spring Boot's; " + SERVERS["spring-boot"].source)
    if not name:
        return None
    server = SERVERS[name]
    on_sigterm, why = server.on_sigterm, server.source
    if name == "nginx" and not container.lifecycle.stop_signal:
        on_sigterm, why = _nginx(container.image)
    if name == "uwsgi" and "die-on-term" in " ".join(words):
        on_sigterm, why = "exit", "SIGTERM ends it with die-on-term"
    if _base(_program(words)) in {"npm", "yarn", "pnpm"}:
        on_sigterm, why = (
            "ignore",
            f"{_base(_program(words))} start does not pass signals on, so it may serve until SIGKILL",
        )
    elif server.needs_init and not _has_init(words, pod):
        on_sigterm, why = "ignore", "PID 1 without a handler for the signal serves until SIGKILL"
    if _is_behind_a_shell(words):
        on_sigterm, why = "ignore", "a shell with several commands is PID 1 and passes no signal on"
    return Guess(name, on_sigterm, why)


def _program(words: Sequence[str]) -> str:
    """Return the word that names what runs, behind shells, init processes and runners."""
    flat = [part for word in words for part in (re.split(r"[\s;&|]+", word) if " " in word else [word])]
    for word in flat:
        base = _base(word)
        if base in _SHELLS | _INITS | _RUNNERS or not base or word.startswith("-") or "=" in word:
            continue
        if base in _BY_WORD and not (base.startswith("python") and _module(flat)):
            return word
        if base.startswith("python"):
            return _module(flat)
        return next((other for other in flat if _base(other) in _BY_WORD), word) if len(flat) != len(words) else word
    return ""


def _module(words: Sequence[str]) -> str:
    """Return the module of `python -m gunicorn`, if it is a server."""
    after = [after for before, after in pairwise(words) if before == "-m"]
    return next((word for word in after if word in _BY_WORD), "")


def _named_by(program: str) -> str:
    return _BY_WORD.get(_base(program), "")


def _named_by_image(image: str) -> str:
    name, tag = split_image(image)
    if _base(name) == "php":
        return "php-fpm" if "fpm" in tag else "apache" if "apache" in tag else ""
    return _BY_IMAGE.get(_base(name), "")


def split_image(image: str) -> tuple[str, str]:
    """Return an image's repository and tag; the tag is empty where there is none."""
    name = image.partition("@")[0]
    repository, colon, tag = name.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (name, "")


def _nginx(image: str) -> tuple[OnSigterm, str]:
    tag = split_image(image)[1]
    found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", tag)
    if found is None:
        return "drain", SERVERS["nginx"].source
    version = int(found[1]), int(found[2]), int(found[3] or 0)
    if version >= _NGINX_SIGQUIT_SINCE:
        return "drain", SERVERS["nginx"].source
    return (
        "exit",
        f"nginx {tag} may stop fast at SIGTERM: the official image has SIGQUIT only since November 2020 (1.19.5)",
    )


def _is_spring_boot(container: Container) -> bool:
    probes = (container.readiness_probe, container.liveness_probe, container.startup_probe)
    return any("/actuator/" in str((probe.http_get or {}).get("path", "")) for probe in probes if probe)


def _has_init(words: Sequence[str], pod: PodSpec) -> bool:
    return pod.share_process_namespace or any(_base(word) in _INITS for word in words[:1])


def _is_behind_a_shell(words: Sequence[str]) -> bool:
    if not words or _base(words[0]) not in _SHELLS or len(words) < 3:  # noqa: PLR2004 - sh -c SCRIPT
        return False
    *_, last = re.split(r"&&|\|\||;|\n", words[2].strip().rstrip(";"))
    return last.strip() != words[2].strip().rstrip(";") and not last.strip().startswith("exec ")


def _base(program: str) -> str:
    return program.rsplit("/", 1)[-1]

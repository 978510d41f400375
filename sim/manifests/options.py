"""Workers, threads and times that the commands and the environment of known servers give.

Modelled:
- the options of gunicorn, uvicorn, uWSGI and puma, of ingress-nginx and Traefik, and those of `spring`;
- WEB_CONCURRENCY and GUNICORN_CMD_ARGS;
- Debian's Apache with the prefork module, which the images of PHP have.

Sources: gunicorn/config.py; uvicorn/main.py; uwsgi-docs Options.rst; puma lib/puma/cli.rb and dsl.rb; Debian's apache2,
mods-available/mpm_prefork.conf (MaxRequestWorkers 150); ingress-nginx pkg/flags/flags.go; doc.traefik.io, EntryPoints
(Life Cycle).
"""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from sim.manifests.guessing import split_image
from sim.manifests.quantities import seconds_or_duration_s
from sim.manifests.servers import SERVERS
from sim.manifests.spring import is_graceful
from sim.manifests.spring import shutdown_s as spring_shutdown_s

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.manifests.models import Container

_PREFORK_OF_DEBIAN = 150
_KEEP_ALIVE = {"gunicorn": "--keep-alive", "uvicorn": "--timeout-keep-alive"}
_SHUTDOWN = {"gunicorn": "--graceful-timeout", "uvicorn": "--timeout-graceful-shutdown"}
_PUMA_THREADS = {"-t", "--threads"}


class Workers(NamedTuple):
    """How many requests are served at once, whether each worker accepts for itself, and what says so."""

    requests: int
    are_preforked: bool
    source: str


def keep_alive_s(name: str, container: Container) -> tuple[float | None, str]:
    """Return how long a server keeps an idle connection, and what says so. None if it keeps none, or for ever."""
    words, option = _words(container), _KEEP_ALIVE.get(name, "")
    if name == "gunicorn" and _worker_class(words) == "sync":
        return None, "sync workers keep none"
    seconds = _option(words, option)
    return (SERVERS[name].keep_alive_s, "its default") if seconds is None else (seconds, option)


def shutdown_s(name: str, container: Container) -> float | None:
    """Return how long a server's own shutdown may take."""
    if name == "spring-boot" and is_graceful(container) is False:
        return None
    own_s = {"spring-boot": spring_shutdown_s, "traefik": _traefik_grace_s}.get(name, lambda _: None)(container)
    if own_s is not None:
        return own_s
    seconds = _option(_words(container), _SHUTDOWN.get(name, ""))
    return SERVERS[name].shutdown_s if seconds is None else seconds


def serves_on_s(name: str, container: Container) -> float | None:
    """Return how long a server goes on accepting after its stop signal, None if nothing says so."""
    if name == "ingress-nginx":
        return _option(_words(container), "--shutdown-grace-period")
    return _traefik(container, "requestacceptgracetimeout") if name == "traefik" else None


def _traefik_grace_s(container: Container) -> float | None:
    return _traefik(container, "gracetimeout")


def _traefik(container: Container, option: str) -> float | None:
    """Return the shortest time that an entry point of Traefik is given: seconds, or a Go duration."""
    asked = re.compile(rf"--entrypoints\.[^.]+\.transport\.lifecycle\.{option}=(\w+)", re.IGNORECASE)
    times_s = [
        seconds_or_duration_s(found[1]) for word in container.words for found in [asked.fullmatch(word)] if found
    ]
    return min((one for one in times_s if one is not None), default=None)


def workers_of(name: str, container: Container) -> Workers | None:
    """Return a server's workers. None if nothing says how many, or if they limit nothing."""
    words = _words(container)
    if name == "gunicorn":
        return _gunicorn(words, container)
    if name == "puma":
        return _puma(words, container)
    if name == "uwsgi":
        processes, threads = _option(words, "-p", "--processes", "--workers"), _option(words, "--threads")
        return (
            Workers(processes * (threads or 1), are_preforked=True, source="processes and threads")
            if processes
            else None
        )
    image, tag = split_image(container.image)
    if name == "apache" and image.rsplit("/", 1)[-1] == "php" and "apache" in tag:
        return Workers(_PREFORK_OF_DEBIAN, are_preforked=True, source="MaxRequestWorkers of Debian's prefork module")
    return None


def _gunicorn(words: Sequence[str], container: Container) -> Workers | None:
    workers, threads = _option(words, "-w", "--workers") or _concurrency(container), _option(words, "--threads")
    kind = _worker_class(words)
    if workers is None or kind not in {"sync", "gthread"}:
        return None
    are_sync = not threads and kind == "sync"
    return Workers(workers * (threads or 1), are_preforked=are_sync, source="workers and threads")


def _puma(words: Sequence[str], container: Container) -> Workers | None:
    """Return the workers of puma, which has `-t MIN:MAX` threads in each of `-w` workers."""
    found = [re.fullmatch(r"\d{1,4}:(\d{1,4})", after) for before, after in pairwise(words) if before in _PUMA_THREADS]
    if not found or found[-1] is None:
        return None
    workers = _option(words, "-w", "--workers") or _concurrency(container) or 1
    return Workers(max(1, int(found[-1][1])) * workers, are_preforked=False, source="threads and workers")


def _concurrency(container: Container) -> int | None:
    return _whole(container.texts.get("WEB_CONCURRENCY", ""))


def _worker_class(words: Sequence[str]) -> str:
    found = [after for before, after in pairwise(words) if before in {"-k", "--worker-class"}]
    return found[-1] if found else "sync" if _option(words, "--threads") in {None, 1} else "gthread"


def _words(container: Container) -> list[str]:
    """Return command, arguments and what the environment adds to them, `--k=v` as two words."""
    words = [*container.words, container.texts.get("GUNICORN_CMD_ARGS", "")]
    return [part for word in words for part in _split(word)]


def _split(word: str) -> list[str]:
    try:
        parts = shlex.split(word) if " " in word else [word]
    except ValueError:
        parts = word.split()
    return [piece for part in parts for piece in (part.split("=", 1) if part.startswith("-") else [part])]


def _option(words: Sequence[str], *names: str) -> int | None:
    found = [after for before, after in pairwise(words) if before in names]
    return _whole(found[-1]) if found else None


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,3}", text) else None

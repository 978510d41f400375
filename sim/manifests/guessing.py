"""Which server a container runs: a guess from command, image and probes, in this order.

Modelled (docs/facts/manifests.md §4), for a process without a handler for the signal:
- As PID 1 of its container it ignores the signal.
- Below an init process (`tini`, a shared process namespace) it ends at once.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from sim.manifests.servers import SERVERS, SIGTERM
from sim.manifests.spring import is_graceful

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.manifests.models import Container, PodSpec
    from sim.manifests.servers import OnSigterm, Server

_NGINX_SIGQUIT_SINCE = (1, 19, 5)
_INITS = {"tini", "dumb-init", "docker-init", "s6-svscan"}
_RUNNERS = {"exec", "poetry", "pipenv", "uv", "run", "bundle", "npx", "env", "-m", "--"}
_BITNAMI = re.compile(r"(^|/)bitnami\w*/")
_SHELLS = {"sh", "bash", "ash", "dash"}
_PACKAGE_MANAGERS = {"npm", "yarn", "pnpm"}
_BY_WORD = {
    "gunicorn": "gunicorn",
    "uvicorn": "uvicorn",
    "uwsgi": "uwsgi",
    "puma": "puma",
    "rails": "puma",
    "nginx": "nginx",
    "nginx-ingress-controller": "ingress-nginx",
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
    "nginx-ingress-controller": "ingress-nginx",
    "httpd": "apache",
    "apache": "apache",
    "haproxy": "haproxy",
    "envoy": "envoy",
    "traefik": "traefik",
    "caddy": "caddy",
    "node": "node",
}


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
    words = container.words
    name = _named_by(_program(words)) or ("" if container.command else _named_by_image(container.image))
    if not name and _is_spring_boot(container):
        on_sigterm, why = _spring_boot(container)
        return Guess("spring-boot", on_sigterm, f"its probes are Spring Boot's; {why}")
    return Guess(name, *_at_its_signal(name, container, pod)) if name else None


def _at_its_signal(name: str, container: Container, pod: PodSpec) -> tuple[OnSigterm, str]:
    """Return what a server does when its container is stopped, and why."""
    words, signal = container.words, container.lifecycle.stop_signal
    program = _base(_program(words))
    if _is_behind_a_shell(words):
        return "ignore", "a shell with several commands is PID 1 and passes no signal on"
    if program in _PACKAGE_MANAGERS:
        return "ignore", f"{program} start does not pass signals on, so it may serve until SIGKILL"
    if signal is None and SERVERS[name].stop_signal != SIGTERM and _BITNAMI.search(container.image):
        return SERVERS[name].signals[SIGTERM], "Bitnami's images have no STOPSIGNAL: SIGTERM comes, which it obeys fast"
    if SERVERS[name].needs_init and not _has_init(words, pod):
        return "ignore", "PID 1 without a handler for the signal serves until SIGKILL"
    if name == "uwsgi" and signal in {None, SIGTERM} and "die-on-term" in " ".join(words):
        return "exit", "SIGTERM ends it with die-on-term"
    return _nginx(container.image) if name == "nginx" and signal is None else SERVERS[name].at(signal)


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
    if name.endswith("ingress-nginx/controller"):
        return "ingress-nginx"
    if _base(name) == "php":
        return "php-fpm" if "fpm" in tag else "apache" if "apache" in tag else ""
    return _BY_IMAGE.get(_base(name), "")


def split_image(image: str) -> tuple[str, str]:
    """Return an image's repository and tag. The tag is empty if the image has none."""
    name = image.partition("@")[0]
    repository, colon, tag = name.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (name, "")


def _spring_boot(container: Container) -> tuple[OnSigterm, str]:
    graceful, signal = is_graceful(container), container.lifecycle.stop_signal
    on_sigterm, why = SERVERS["spring-boot"].at(signal)
    if graceful is None or on_sigterm == "ignore":
        return on_sigterm, why
    return ("drain", "server.shutdown is graceful") if graceful else ("exit", "server.shutdown is immediate")


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

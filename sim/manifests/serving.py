"""What a container's server does with its stop signal, and how many requests it serves at once.

Modelled (docs/facts/manifests.md §4):
- Kubernetes sends the container's `lifecycle.stopSignal`, else the image's STOPSIGNAL, else SIGTERM.
- The command's options, and variables that the server reads, give workers and times.

Left out: configuration files, which are not in a manifest.

Sources: `servers` names those of each server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sim.manifests.containers import PATH
from sim.manifests.options import keep_alive_s, serves_on_s, shutdown_s, workers_of
from sim.manifests.pod_end import GRACE, whole
from sim.manifests.servers import SERVERS
from sim.scenario.problems import plain

if TYPE_CHECKING:
    from sim.manifests.containers import Part
    from sim.manifests.draft import Draft
    from sim.manifests.objects import Object

_ON_SIGTERM = "pod.on_sigterm"
_KEEP_ALIVE = "pod.keep_alive_timeout_s"
_IDLE = "target_group.idle_timeout_s"
_DEFAULT_IDLE_S = 60
_MOST_REQUESTS = 10_000


class Said(NamedTuple):
    """What the user says of the server: its name, what it does, and whether connections are pooled."""

    server: str = ""
    on_sigterm: str = ""
    connection_reuse: bool = False


def put_server(draft: Draft, first: Part, serving: Part, said: Said, grace_s: int, holder: Object) -> None:
    """Write what the server does. `first` is the container that ends first, `serving` has the ALB's connections."""
    _put_on_sigterm(draft, first if first.guess else serving, said, holder)
    name = said.server or (serving.guess.name if serving.guess else "")
    if name:
        _warn_of_shutdown(draft, serving, name, grace_s, holder)
        _put_keep_alive(draft, serving, name, holder, is_pooled=said.connection_reuse)
        _put_workers(draft, serving, name, holder)
        seconds = serves_on_s(name, serving.container)
        if seconds and not serving.held.stops:
            place = holder.place(*serving.path, "args")
            draft.put("pod.serve_after_sigterm_s", whole(seconds), place, "guessed", f"{name}: it goes on accepting")


def _put_on_sigterm(draft: Draft, part: Part, said: Said, holder: Object) -> None:
    place = holder.place(*part.path, "image" if part.container.image else "name")
    signal = part.container.lifecycle.stop_signal
    if signal:
        place = holder.place(*part.path, "lifecycle", "stopSignal")
    if said.on_sigterm:
        draft.put(_ON_SIGTERM, said.on_sigterm, place, "read", f"--on-sigterm {said.on_sigterm}")
    elif said.server:
        on_sigterm, why = SERVERS[said.server].at(signal)
        draft.put(_ON_SIGTERM, on_sigterm, place, "read", f"--server {said.server}: {why}")
    elif part.guess is not None:
        found = part.guess
        draft.put(_ON_SIGTERM, found.on_sigterm, place, "guessed", f"{found.name}: {found.why}")
        text = f"a guess from image and command, {found.name}: {found.why}"
        draft.warn("on-sigterm-guessed", _ON_SIGTERM, text, place)
    elif part.held.stops and part.held.gracefully:
        draft.put(_ON_SIGTERM, "drain", part.hook_place(holder), "guessed", "the hook stops it gracefully")
        draft.warn("on-sigterm-guessed", _ON_SIGTERM, "the hook stops it gracefully", place)
    else:
        text = (
            f"image and command do not tell what the server does at {signal or 'SIGTERM'}; 'exit' stands in, --server "
            "or --on-sigterm tells"
        )
        draft.warn("on-sigterm-unknown", _ON_SIGTERM, text, place)


def _warn_of_shutdown(draft: Draft, serving: Part, name: str, grace_s: int, holder: Object) -> None:
    needs_s = draft.shutdown_s = shutdown_s(name, serving.container) or 0.0
    seconds = min(serving.held.seconds, grace_s)
    if needs_s and seconds + needs_s > grace_s:
        text = (
            f"preStop, {plain(seconds)} s, and {name}'s own shutdown, up to {plain(needs_s)} s, outlast the grace "
            f"period, {grace_s} s"
        )
        place = holder.place(*PATH, "terminationGracePeriodSeconds")
        draft.warn("server-timeout-over-grace", GRACE, text, place)
    if name == "gunicorn" and {"-c", "--config"} & set(serving.container.words):
        text = "gunicorn's configuration file is not in the input: keep-alive, graceful timeout and workers are unknown"
        draft.warn("configuration-not-given", _KEEP_ALIVE, text, holder.place(*serving.path, "command"))


def _put_keep_alive(draft: Draft, serving: Part, name: str, holder: Object, *, is_pooled: bool) -> None:
    """Write how long an idle connection is kept, if that has an effect. Warn if the ALB keeps it longer."""
    seconds, source = keep_alive_s(name, serving.container)
    if seconds is None:
        return
    place = holder.place(*serving.path)
    if is_pooled:
        draft.put(_KEEP_ALIVE, whole(seconds), place, "guessed", f"{name}: {source}")
    idle_s = draft.values.get(_IDLE, _DEFAULT_IDLE_S)
    if isinstance(idle_s, int) and seconds <= idle_s:
        text = (
            f"{name} closes an idle connection after {plain(seconds)} s ({source}), the ALB only after {idle_s} s. "
            "The ALB may send a request on a connection that closes, a 502 at any time; simulated with "
            "--set target_group.connection_reuse=true"
        )
        draft.warn("keep-alive-below-idle-timeout", _KEEP_ALIVE, text, place)


def _put_workers(draft: Draft, serving: Part, name: str, holder: Object) -> None:
    """Write how many requests the server's workers serve at once, and where others wait."""
    workers = workers_of(name, serving.container)
    if workers is None or workers.requests > _MOST_REQUESTS:
        return
    container = serving.container
    field = "command" if container.command else "args" if container.args else "env" if container.env else "image"
    place = holder.place(*serving.path, field)
    draft.put("pod.concurrency", workers.requests, place, "guessed", f"{name}: {workers.source}")
    if workers.are_preforked:
        draft.put("pod.accept", "prefork", place, "guessed", f"{name}: each worker accepts for itself")

"""A pod template as the keys of `pod`: its end above all.

Modelled: docs/facts/manifests.md §1.1 and §2. The serving container is that with the Service's target port. Requests
that pass a proxy in front of an application end with the first of the two; the pod's address lives until its last
container has ended.
Left out: what a container that is injected at run time does (istio-proxy): a template does not hold it.
Source: Kubernetes pkg/kubelet/kuberuntime, killContainer and KillPod.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from sim.manifests.draft import Hooked
from sim.manifests.servers import SERVERS, guess
from sim.manifests.shell import Held, held_by
from sim.scenario.problems import plain, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.manifests.draft import Draft
    from sim.manifests.models import Container, Hook, PodSpec, Template
    from sim.manifests.objects import Object, Place
    from sim.manifests.servers import Guess

PRE_STOP = "pod.pre_stop_sleep_s"
GRACE = "pod.termination_grace_period_s"
ON_SIGTERM = "pod.on_sigterm"
STARTUP = "pod.startup_s"
_DEFAULT_GRACE_S = 30
_DEFAULT_TEARDOWN_S = 1
_ASSUMED_STARTUP_S = 20
_START_S = 5
"""Of a container's start, before its probes begin."""
_PATH = ("spec", "template", "spec")


@dataclass(frozen=True, slots=True)
class _Part:
    """A container, where it stands, how long its hook holds it, and what it seems to run."""

    container: Container
    path: tuple[str | int, ...]
    held: Held
    guess: Guess | None

    @property
    def hook(self) -> Hook | None:
        return self.container.lifecycle.pre_stop


def put_pod(
    draft: Draft, holder: Object, template: Template, target_port: int | str, server: str, on_sigterm: str
) -> None:
    """Write the keys of `pod`; `server` and `on_sigterm` are what the user says of the server."""
    pod = template.spec
    grace = pod.termination_grace_period_seconds
    if grace is not None:
        draft.put(GRACE, grace, holder.place(*_PATH, "terminationGracePeriodSeconds"))
    grace_s = _DEFAULT_GRACE_S if grace is None else grace
    parts = [_part(pod, "containers", number) for number in range(len(pod.containers))]
    sidecars = [
        _part(pod, "initContainers", number)
        for number, one in enumerate(pod.init_containers)
        if one.restart_policy == "Always"
    ]
    serving = _serving(draft, parts, target_port, holder)
    way = _way(serving, parts)
    draft.way = tuple(Hooked(one.container.name, one.hook, one.held.seconds, one.held.known) for one in way)
    first = min(way, key=lambda part: part.held.seconds)
    _put_pre_stop(draft, first, serving, grace_s, holder)
    _put_on_sigterm(draft, serving, server, on_sigterm, holder)
    _put_teardown(draft, [*parts, *sidecars], first, grace_s, holder)
    _put_startup(draft, parts, serving, holder)
    _warn_of_the_server(draft, serving, server, grace_s, holder)
    _put_workers(draft, serving, holder)


def _part(pod: PodSpec, name: str, number: int) -> _Part:
    container = (pod.containers if name == "containers" else pod.init_containers)[number]
    env = {one.name: str(one.value) for one in container.env if one.value is not None}
    hook = container.lifecycle.pre_stop
    held = _held(hook, env) if hook else Held()
    return _Part(container, (*_PATH, name, number), held, guess(container, pod))


def _held(hook: Hook, env: dict[str, str]) -> Held:
    if hook.sleep:
        return Held(float(min(hook.sleep.seconds, 10**9)))
    if hook.exec_:
        return held_by(hook.exec_.command, env)
    if hook.http_get is not None:
        return Held(known=False, remark="an httpGet hook lasts as long as the application takes to answer it")
    if hook.tcp_socket is not None:
        return Held(fails="tcpSocket is no hook that Kubernetes runs")
    return Held(fails="the hook is empty")


def _serving(draft: Draft, parts: Sequence[_Part], target_port: int | str, holder: Object) -> _Part:
    """Return the container that has the Service's target port, else the only or the first one."""
    for part in parts:
        if any(target_port in (port.container_port, port.name) for port in part.container.ports):
            return part
    if len(parts) > 1:
        text = (
            f"no container names the port {target_port}; '{parts[0].container.name}', the first, is taken to serve it"
        )
        draft.warn("serving-container-guessed", PRE_STOP, text, holder.place(*_PATH, "containers"))
    return parts[0]


def _way(serving: _Part, parts: Sequence[_Part]) -> list[_Part]:
    """Return the containers that a request passes: the serving one, and what stands behind it if it is a proxy."""
    if serving.guess is None or not serving.guess.server.is_proxy:
        return [serving]
    return [part for part in parts if part is serving or part.container.ports or part.guess]


def _hook_place(part: _Part, holder: Object) -> Place:
    hook = part.hook
    if hook is None:
        return holder.place(*part.path)
    kinds = (("sleep", hook.sleep), ("exec", hook.exec_), ("httpGet", hook.http_get), ("tcpSocket", hook.tcp_socket))
    kind = next((name for name, value in kinds if value is not None), None)
    return holder.place(*part.path, "lifecycle", "preStop", *((kind,) if kind else ()))


def _put_pre_stop(draft: Draft, first: _Part, serving: _Part, grace_s: int, holder: Object) -> None:
    held, place = first.held, _hook_place(first, holder)
    if first is not serving:
        text = f"requests pass '{serving.container.name}' and '{first.container.name}', which ends first"
        draft.warn("path-ends-early", PRE_STOP, text, place)
    if first.hook is None:
        text = "no preStop hook: the server is told to stop at the pod's deletion, while the ALB still sends requests"
        draft.warn("no-pre-stop", PRE_STOP, text, place)
        return
    seconds = float(grace_s) if math.isinf(held.seconds) else held.seconds
    note = "" if first is serving else f"of container '{first.container.name}'"
    if held.known and seconds:
        draft.put(PRE_STOP, _whole(seconds), place, note=note)
    elif not held.known:
        draft.put(
            PRE_STOP, _whole(seconds), place, "guessed", "not understood" + (": at least that" if seconds else "")
        )
    _warn_of_the_hook(draft, first, seconds, grace_s, place)


def _warn_of_the_hook(draft: Draft, part: _Part, seconds: float, grace_s: int, place: Place) -> None:
    held = part.held
    if held.fails:
        text = f"the hook fails at once and holds nothing back: {held.fails}"
        draft.warn("pre-stop-fails", PRE_STOP, text, place)
    elif not held.known:
        text = (
            f"how long the hook takes is unknown ({_script(part)}): {held.remark}; {plain(seconds)} s stand in, "
            f"--set {PRE_STOP}= tells"
        )
        draft.warn("pre-stop-unknown", PRE_STOP, text, place)
    elif held.stops and not seconds:
        text = (
            f"the hook makes '{part.container.name}' stop listening at the pod's deletion; what it sleeps afterwards "
            "only keeps the pod"
        )
        draft.warn("pre-stop-closes-listener-first", PRE_STOP, text, place)
    elif held.remark:
        draft.warn("pre-stop-remark", PRE_STOP, held.remark, place)
    if seconds and seconds >= grace_s:
        text = f"{plain(seconds)} s is not below the grace period, {grace_s} s: SIGTERM comes when that is over"
        draft.warn("grace-below-pre-stop", PRE_STOP, text, place)
    if "distroless" in part.container.image and part.hook and part.hook.exec_ and seconds:
        text = "a distroless image has no `sleep`: the hook would fail at once; `sleep: {seconds: N}` needs no program"
        draft.warn("sleep-may-be-missing", PRE_STOP, text, place)


def _script(part: _Part) -> str:
    hook = part.hook
    return shown(" ".join(hook.exec_.command)) if hook and hook.exec_ else "httpGet"


def _put_on_sigterm(draft: Draft, serving: _Part, server: str, on_sigterm: str, holder: Object) -> None:
    place = holder.place(*serving.path, "image" if serving.container.image else "name")
    signal = serving.container.lifecycle.stop_signal
    if signal:
        draft.leave(
            holder.place(*serving.path, "lifecycle", "stopSignal"), f"{signal} is sent; on_sigterm is what it does"
        )
    if on_sigterm or server:
        source = f"--on-sigterm {on_sigterm}" if on_sigterm else f"--server {server}: {SERVERS[server].source}"
        draft.put(ON_SIGTERM, on_sigterm or SERVERS[server].on_sigterm, place, "read", source)
        return
    found = serving.guess
    if found is not None:
        draft.put(ON_SIGTERM, found.on_sigterm, place, "guessed", f"{found.name}: {found.why}")
        draft.warn(
            "on-sigterm-guessed", ON_SIGTERM, f"a guess from image and command, {found.name}: {found.why}", place
        )
    elif serving.held.stops and serving.held.gracefully:
        draft.put(ON_SIGTERM, "drain", _hook_place(serving, holder), "guessed", "the hook stops it gracefully")
        draft.warn("on-sigterm-guessed", ON_SIGTERM, "the hook stops it gracefully", place)
    else:
        text = (
            "image and command do not tell what the server does at SIGTERM; 'exit' stands in, --server or --on-sigterm "
            "tells"
        )
        draft.warn("on-sigterm-unknown", ON_SIGTERM, text, place)


def _put_teardown(draft: Draft, parts: Sequence[_Part], first: _Part, grace_s: int, holder: Object) -> None:
    """Write how long the pod's address stays after its server: until the last container has ended."""
    last = max(parts, key=lambda part: part.held.seconds)
    stays_s = min(last.held.seconds, grace_s) - min(first.held.seconds, grace_s)
    if last is first or stays_s <= _DEFAULT_TEARDOWN_S:
        return
    key, place = "pod.sandbox_teardown_s", _hook_place(last, holder)
    text = (
        f"container '{last.container.name}' keeps the pod for {plain(stays_s)} s after '{first.container.name}' has "
        "ended: its port refuses connections until then"
    )
    draft.put(key, _whole(stays_s + _DEFAULT_TEARDOWN_S), place, "guessed", f"'{last.container.name}' keeps the pod")
    draft.warn("pod-outlives-server", key, text, place)


def _put_startup(draft: Draft, parts: Sequence[_Part], serving: _Part, holder: Object) -> None:
    floors = [(_floor_s(part.container), part) for part in parts]
    floor_s, slowest = max(floors, key=lambda item: item[0])
    if serving.container.readiness_probe is None:
        text = "no readinessProbe: a pod is Ready, and a target, as soon as its container runs"
        draft.warn("no-readiness-probe", STARTUP, text, holder.place(*serving.path))
    if floor_s + _START_S <= _ASSUMED_STARTUP_S:
        return
    probe = slowest.container.readiness_probe or slowest.container.startup_probe
    period_s = probe.period_seconds if probe else 0
    law = {"dist": "uniform", "low": floor_s + _START_S, "high": floor_s + _START_S + period_s}
    place = holder.place(*slowest.path, "readinessProbe" if slowest.container.readiness_probe else "startupProbe")
    draft.put(STARTUP, law, place, "guessed", "the probes' least; pulling and starting the image are not in a manifest")
    draft.warn("startup-at-least", STARTUP, f"the probes take at least {floor_s} s; the start itself is unknown", place)


def _floor_s(container: Container) -> int:
    probes = [probe for probe in (container.startup_probe, container.readiness_probe) if probe]
    delay_s = max((probe.initial_delay_seconds for probe in probes), default=0)
    ready = container.readiness_probe
    return delay_s + ((ready.success_threshold - 1) * ready.period_seconds if ready else 0)


def _warn_of_the_server(draft: Draft, serving: _Part, server: str, grace_s: int, holder: Object) -> None:
    name = server or (serving.guess.name if serving.guess else "")
    if not name:
        return
    needs_s = SERVERS[name].shutdown_s
    place = holder.place(*serving.path)
    seconds = min(serving.held.seconds, grace_s)
    if needs_s and seconds + needs_s > grace_s:
        text = (
            f"preStop, {plain(seconds)} s, and {name}'s own shutdown, up to {plain(needs_s)} s, outlast the grace "
            f"period, {grace_s} s"
        )
        draft.warn("server-timeout-over-grace", GRACE, text, place)
    words = [*serving.container.command, *serving.container.args]
    if name == "gunicorn" and {"-c", "--config"} & set(words):
        text = "gunicorn's configuration file is not in the input: keep-alive, graceful timeout and workers are unknown"
        draft.warn("configuration-not-given", "pod.keep_alive_timeout_s", text, holder.place(*serving.path, "command"))


def _put_workers(draft: Draft, serving: _Part, holder: Object) -> None:
    """Write how many requests gunicorn's sync workers serve at once."""
    if not serving.guess or serving.guess.name != "gunicorn":
        return
    words = [
        part
        for word in (*serving.container.command, *serving.container.args)
        for part in word.replace("=", " ").split()
    ]
    workers, threads = _option(words, "-w", "--workers"), _option(words, "--threads")
    kind = next((after for before, after in pairwise(words) if before in {"-k", "--worker-class"}), "sync")
    if workers is None or kind not in {"sync", "gthread"}:
        return
    place = holder.place(*serving.path, "command" if serving.container.command else "args")
    draft.put("pod.concurrency", workers * (threads or 1), place, "guessed", "gunicorn's workers and threads")
    if not threads and kind == "sync":
        draft.put("pod.accept", "prefork", place, "guessed", "gunicorn's sync workers")


def _option(words: Sequence[str], *names: str) -> int | None:
    found = [after for before, after in pairwise(words) if before in names]
    return int(found[-1]) if found and found[-1].isdecimal() and len(found[-1]) < 5 and int(found[-1]) else None  # noqa: PLR2004


def _whole(seconds: float) -> int | float:
    return int(seconds) if seconds == int(seconds) else seconds

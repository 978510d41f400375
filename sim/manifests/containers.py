"""A pod's containers: what each seems to run, how long its hook holds it, and which of them requests pass.

Modelled (docs/facts/manifests.md §2.3):
- The serving container is the one with the Service's target port.
- If the serving container is a proxy, whatever else in the pod listens stands behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.manifests.guessing import guess
from sim.manifests.options import serves_on_s
from sim.manifests.shell import Held, held_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.manifests.draft import Draft
    from sim.manifests.guessing import Guess
    from sim.manifests.models import Container, Hook, PodSpec
    from sim.manifests.objects import Object, Place

PRE_STOP = "pod.pre_stop_sleep_s"
PATH = ("spec", "template", "spec")


@dataclass(frozen=True, slots=True)
class Part:
    """A container, where it stands, how long its hook holds it, and what it seems to run."""

    container: Container
    path: tuple[str | int, ...]
    held: Held
    guess: Guess | None

    @property
    def hook(self) -> Hook | None:
        """Its preStop hook."""
        return self.container.lifecycle.pre_stop

    def hook_place(self, holder: Object) -> Place:
        """Return where the hook stands, or the container if it has none."""
        hook = self.hook
        if hook is None:
            return holder.place(*self.path)
        return holder.place(*self.path, "lifecycle", "preStop", *list(hook.kinds)[:1])


def parts_of(pod: PodSpec) -> list[Part]:
    """Return the containers that end together."""
    return [_part(pod, "containers", number) for number in range(len(pod.containers))]


def sidecars_of(pod: PodSpec) -> list[Part]:
    """Return the native sidecars, which end after the other containers."""
    return [
        _part(pod, "initContainers", number)
        for number, one in enumerate(pod.init_containers)
        if one.restart_policy == "Always"
    ]


def _part(pod: PodSpec, name: str, number: int) -> Part:
    container = (pod.containers if name == "containers" else pod.init_containers)[number]
    hook = container.lifecycle.pre_stop
    held = _held(hook, container.texts) if hook else Held()
    found = guess(container, pod)
    serves_s = serves_on_s(found.name, container) if found and held.stops and not held.seconds else None
    if serves_s:
        held = held._replace(seconds=serves_s, remark="the server goes on accepting for its own grace period")
    return Part(container, (*PATH, name, number), held, found)


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


def serving_part(
    draft: Draft, parts: Sequence[Part], sidecars: Sequence[Part], port: int | str, holder: Object
) -> Part:
    """Return the container that has the Service's target port, else the only or the first one."""
    for part in (*parts, *sidecars):
        if any(port in (one.container_port, one.name) for one in part.container.ports):
            return part
    if len(parts) > 1:
        text = f"no container names the port {port}; '{parts[0].container.name}', the first, is taken to serve it"
        draft.warn("serving-container-guessed", PRE_STOP, text, holder.place(*PATH, "containers"))
    return parts[0]


def way_of(serving: Part, parts: Sequence[Part]) -> list[Part]:
    """Return the containers without which no request reaches the application, the serving one first.

    Containers behind a proxy are among them. A native sidecar that serves is not: it ends after them.
    """
    is_sidecar = serving not in parts
    if not is_sidecar and (serving.guess is None or not serving.guess.server.is_proxy):
        return [serving]
    behind = [part for part in parts if part is not serving and (part.container.ports or part.guess)]
    return behind or list(parts) if is_sidecar else [serving, *behind]

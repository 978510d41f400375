"""A pod template as the keys of `pod`.

Modelled (docs/facts/manifests.md §1.1, §2):
- If requests pass a proxy in front of an application, the first of the two to end ends them.
- Of a pod's start a manifest tells only the least time that the probes take.

Left out: containers that are injected at run time (istio-proxy). A template does not hold them.

Source: Kubernetes pkg/kubelet/kuberuntime, killContainer and KillPod.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.manifests.containers import PATH, parts_of, serving_part, sidecars_of, way_of
from sim.manifests.draft import Hooked
from sim.manifests.other_disruptions import keep_liveness
from sim.manifests.pod_end import DEFAULT_GRACE_S, GRACE, put_pre_stop, put_teardown
from sim.manifests.serving import Said, put_server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.manifests.containers import Part
    from sim.manifests.draft import Draft
    from sim.manifests.models import Container, Template
    from sim.manifests.objects import Object

_STARTUP = "pod.startup_s"
_ASSUMED_STARTUP_S = 20
_START_S = 5
"""How long a container takes to start, before its probes begin."""


def put_pod(draft: Draft, holder: Object, template: Template, target_port: int | str, said: Said) -> list[Part]:
    """Write the keys of `pod`, and return the containers that requests pass. `said` is what the user says."""
    pod = template.spec
    grace_s = pod.termination_grace_period_seconds
    if grace_s is not None:
        draft.put(GRACE, grace_s, holder.place(*PATH, "terminationGracePeriodSeconds"))
    grace_s = DEFAULT_GRACE_S if grace_s is None else grace_s
    parts, sidecars = parts_of(pod), sidecars_of(pod)
    serving = serving_part(draft, parts, sidecars, target_port, holder)
    way = way_of(serving, parts)
    draft.way = tuple(Hooked(one.container.name, one.hook, one.held.seconds, one.held.known) for one in way)
    first = min(way, key=lambda part: part.held.seconds)
    put_pre_stop(draft, first, serving, grace_s, holder)
    put_server(draft, first, serving, said, grace_s, holder)
    put_teardown(draft, [*parts, *sidecars], first, grace_s, holder)
    _put_startup(draft, parts, serving, holder)
    keep_liveness(draft, serving, holder)
    return way if serving in way else [serving, *way]


def _put_startup(draft: Draft, parts: Sequence[Part], serving: Part, holder: Object) -> None:
    floor_s, slowest = max(((_floor_s(part.container), part) for part in parts), key=lambda item: item[0])
    if serving.container.readiness_probe is None:
        text = "no readinessProbe: a pod is Ready, and a target, as soon as its container runs"
        draft.warn("no-readiness-probe", _STARTUP, text, holder.place(*serving.path))
    if floor_s + _START_S <= _ASSUMED_STARTUP_S:
        return
    probe = slowest.container.readiness_probe or slowest.container.startup_probe
    period_s = probe.period_seconds if probe else 0
    law = {"dist": "uniform", "low": floor_s + _START_S, "high": floor_s + _START_S + period_s}
    place = holder.place(*slowest.path, "readinessProbe" if slowest.container.readiness_probe else "startupProbe")
    note = "the probes' least; pulling and starting the image are not in a manifest"
    draft.put(_STARTUP, law, place, "guessed", note)
    text = f"the probes take at least {floor_s} s; the start itself is unknown"
    draft.warn("startup-at-least", _STARTUP, text, place)


def _floor_s(container: Container) -> int:
    probes = [probe for probe in (container.startup_probe, container.readiness_probe) if probe]
    delay_s = max((probe.initial_delay_seconds for probe in probes), default=0)
    ready = container.readiness_probe
    return delay_s + ((ready.success_threshold - 1) * ready.period_seconds if ready else 0)

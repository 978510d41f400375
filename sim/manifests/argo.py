"""What Argo Rollouts does beside a Rollout: the Services to which it sends an Ingress's requests, and whether it looks.

Modelled:
- In a repository the Ingress has a path to the port `use-annotation`, and no annotation. Argo writes that, with the
  canary's Service and the stable one, or the two that take turns (`pingPong`).
- `--aws-verify-target-group` of its controller, and the flag's older name.

Source: argo-rollouts@9f8d111d8 rollout/trafficrouting/alb/alb.go (getForwardActionString), utils/ingress/ingress.go,
cmd/rollouts-controller/main.go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.manifests.guessing import split_image
from sim.manifests.models import Workload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.manifests.models import Canary
    from sim.manifests.objects import Cluster, Place

    Forwards = dict["Action", list[tuple[str, str]]]

_IMAGE = "argo-rollouts"
_VERIFY = re.compile(r"--(aws-verify-target-group|alb-verify-weight)(=true)?")


class Action(NamedTuple):
    """An action of an Ingress: `actions.NAME`."""

    namespace: str
    ingress: str
    name: str


def forwards_of_rollouts(cluster: Cluster) -> Forwards:
    """Return the Services, each with its port, to which each action will forward."""
    found: Forwards = {}
    for rollout in cluster.of("Rollout"):
        canary = rollout.parsed(Workload).spec.strategy.canary
        routing = (canary.traffic_routing or {}).get("alb") if canary else None
        if canary and isinstance(routing, dict):
            services = [name for name in _services(canary) if name]
            action = str(routing.get("rootService") or canary.stable_service)
            for ingress in _ingresses(routing):
                port = str(routing.get("servicePort", ""))
                found[Action(rollout.namespace, ingress, action)] = [(name, port) for name in services]
    return found


def _services(canary: Canary) -> tuple[str, str]:
    turns = canary.ping_pong
    if turns is not None:
        return str(turns.get("pingService") or ""), str(turns.get("pongService") or "")
    return canary.stable_service, canary.canary_service


def _ingresses(routing: dict[str, Any]) -> Iterator[str]:
    several = routing.get("ingresses")
    yield from (str(one) for one in (several if isinstance(several, list) else ()))
    if routing.get("ingress"):
        yield str(routing["ingress"])


def verifies(cluster: Cluster) -> Place | None:
    """Return where Argo's controller is told to look at target groups, None if it is not or is not in the input."""
    for workload in cluster.of("Deployment", "StatefulSet"):
        if _IMAGE not in str(workload.body.get("spec")):
            continue
        template = workload.parsed(Workload).spec.template
        for number, container in enumerate(template.spec.containers if template else ()):
            if split_image(container.image)[0].endswith(f"/{_IMAGE}") and any(map(_VERIFY.fullmatch, container.words)):
                return workload.place("spec", "template", "spec", "containers", number, "args")
    return None

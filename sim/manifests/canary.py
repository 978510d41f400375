"""A Rollout of Argo whose canary moves the traffic by the weights of an ALB's rule: the block `canary`.

Modelled:
- `setWeight`, and pauses, which add up until the next weight. A pause that lasts until somebody promotes is five
  minutes.
- `pingPong`, `scaleDownDelaySeconds` and `dynamicStableScale`, and whether Argo's controller verifies target groups.

Left out: analyses and experiments, `setCanaryScale`, header routes. Each left-out step is named.

Sources: argo-rollouts docs/features/specification.md, pkg/apis/rollouts/v1alpha1/types.go (DurationSeconds).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.manifests.argo import verifies
from sim.manifests.models import Workload
from sim.manifests.pod_end import whole
from sim.manifests.quantities import seconds_or_duration_s
from sim.scenario.canary import CanarySpec
from sim.scenario.controller import ControllerSpec
from sim.scenario.problems import shown

if TYPE_CHECKING:
    from sim.manifests.draft import Draft
    from sim.manifests.models import Canary
    from sim.manifests.objects import Cluster

_PATH = ("spec", "strategy", "canary")
_STEPS = (*_PATH, "steps")
_KEY = "canary.steps"
_UNTIL_PROMOTED_S = 300
"""How long a pause without end is taken to last: the controller and the ALB are done with the weight before it."""


def put_canary(draft: Draft, cluster: Cluster) -> None:
    """Write the steps of a canary with traffic routing, or say why a rolling update stands in."""
    canary = draft.workload.parsed(Workload).spec.strategy.canary if draft.workload.kind == "Rollout" else None
    if canary is None or canary.traffic_routing is None:
        return
    obstacle = _obstacle(draft, canary.traffic_routing)
    if obstacle:
        text = (
            "canary with traffic routing: the old pods stay until the last step, then all are deleted after "
            f"scaleDownDelaySeconds (30); {obstacle}, so a rolling update is simulated"
        )
        draft.warn("canary-traffic-routing", "", text, draft.workload.place(*_PATH))
        return
    place = draft.workload.place(*_PATH, "trafficRouting")
    draft.put("disruption", CanarySpec.kind, place)
    _put_steps(draft, canary)
    if canary.ping_pong is not None:
        draft.put("canary.ping_pong", True, draft.workload.place(*_PATH, "pingPong"))
    if canary.scale_down_delay_seconds is not None:
        delay = draft.workload.place(*_PATH, "scaleDownDelaySeconds")
        draft.put("canary.scale_down_delay_s", canary.scale_down_delay_seconds, delay)
    if canary.dynamic_stable_scale:
        draft.put("canary.dynamic_stable_scale", True, draft.workload.place(*_PATH, "dynamicStableScale"))
    looks = verifies(cluster)
    if looks is not None:
        draft.put("canary.verifies", True, looks)


def _obstacle(draft: Draft, routing: dict[str, Any]) -> str:
    """Return why the weights cannot be simulated, empty if they can."""
    version = str(draft.values["controller.version"])
    if "alb" not in routing:
        return f"{', '.join(routing) or 'nothing'} routes it, no ALB"
    if draft.values["target_group.target_type"] != "ip":
        return "weights are not simulated with targets of type instance"
    if not ControllerSpec.model_validate({"version": version}).forwards_by_weight:
        return f"{version} knows no weights"
    return ""


def _put_steps(draft: Draft, canary: Canary) -> None:
    """Write each weight with how long it stays, and say which pauses nobody can know."""
    weights: list[object] = []
    waited_s: list[float] = []
    endless: list[object] = []
    for number, step in enumerate(canary.steps):
        kind, given = next(iter(step.items())) if isinstance(step, dict) and step else ("", None)
        place = draft.workload.place(*_STEPS, number)
        if kind == "setWeight":
            weights.append(given)
            waited_s.append(0.0)
        elif kind != "pause":
            draft.leave(place, f"{kind or 'the step'} is not simulated")
        elif not weights:
            draft.leave(place, "a pause before the first weight changes nothing")
        else:
            pause_s = _seconds(given)
            waited_s[-1] += _UNTIL_PROMOTED_S if pause_s is None else pause_s
            if pause_s is None:
                endless.append(weights[-1])
                text = f"this pause lasts until somebody promotes; {_UNTIL_PROMOTED_S} s stand in, {_KEY} tells"
                draft.warn("pause-without-end", "", text, place)
    steps = [
        {"weight": weight} | ({"pause_s": whole(pause_s)} if pause_s else {})
        for weight, pause_s in zip(weights, waited_s, strict=True)
    ]
    note = f"until somebody promotes weight {', '.join(map(shown, endless))}: {_UNTIL_PROMOTED_S} s, put your own here"
    draft.put(_KEY, steps, draft.workload.place(*_STEPS), *(("assumed", note) if endless else ()))


def _seconds(pause: object) -> float | None:
    """Return how long a pause is: whole seconds, or a Go duration. None if it has no end."""
    duration = pause.get("duration") if isinstance(pause, dict) else None
    return None if duration is None else seconds_or_duration_s(str(duration))

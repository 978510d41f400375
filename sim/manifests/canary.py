"""A Rollout of Argo whose canary moves the traffic by the weights of an ALB's rule: the block `canary`.

Modelled:
- `setWeight`, and pauses with a duration, which add up until the next weight.
- `pingPong` and `scaleDownDelaySeconds`.

Left out: analyses and experiments, `setCanaryScale`, header routes, and the pods that `dynamicStableScale` takes away
before the promotion. Each is named. A pause without end is taken as none.

Sources: argo-rollouts docs/features/specification.md, pkg/apis/rollouts/v1alpha1/types.go (DurationSeconds).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import durationpy

from sim.manifests.models import Workload
from sim.scenario.canary import CanarySpec
from sim.scenario.controller import ControllerSpec

if TYPE_CHECKING:
    from sim.manifests.draft import Draft
    from sim.manifests.models import Canary

_PATH = ("spec", "strategy", "canary")
_STEPS = (*_PATH, "steps")


def put_canary(draft: Draft) -> None:
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
    draft.put("canary.steps", _steps(draft, canary), draft.workload.place(*_STEPS))
    if canary.ping_pong is not None:
        draft.put("canary.ping_pong", True, draft.workload.place(*_PATH, "pingPong"))
    if canary.scale_down_delay_seconds is not None:
        delay = draft.workload.place(*_PATH, "scaleDownDelaySeconds")
        draft.put("canary.scale_down_delay_s", canary.scale_down_delay_seconds, delay)
    if canary.dynamic_stable_scale:
        reason = "old pods that go before the promotion are not simulated"
        draft.leave(draft.workload.place(*_PATH, "dynamicStableScale"), reason)


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


def _steps(draft: Draft, canary: Canary) -> list[dict[str, object]]:
    steps: list[dict[str, object]] = []
    waited_s: list[float] = []
    for number, step in enumerate(canary.steps):
        kind, given = next(iter(step.items())) if isinstance(step, dict) and step else ("", None)
        place = draft.workload.place(*_STEPS, number)
        if kind == "setWeight":
            steps.append({"weight": given})
            waited_s.append(0.0)
            continue
        pause_s = _seconds(given) if kind == "pause" else None
        if pause_s is None and kind == "pause":
            text = "a pause without end is taken as none: canary.steps says how long each weight stays"
            draft.warn("pause-without-end", "", text, place)
        elif pause_s is None:
            draft.leave(place, f"{kind or 'the step'} is not simulated")
        elif not steps:
            draft.leave(place, "a pause before the first weight changes nothing")
        else:
            waited_s[-1] += pause_s
    return [step | ({"pause_s": pause_s} if pause_s else {}) for step, pause_s in zip(steps, waited_s, strict=True)]


def _seconds(pause: object) -> float | None:
    """Return how long a pause is: whole seconds, or a Go duration. None if it has no end."""
    duration = pause.get("duration") if isinstance(pause, dict) else None
    text = str(duration)
    if duration is None:
        return None
    try:
        return float(text) if text.isdecimal() else float(durationpy.from_str(text).total_seconds())
    except (durationpy.DurationError, ValueError, OverflowError):
        return None

"""What the manifests say of disruptions other than a rollout: written only if one of these is asked for.

Modelled:
- A PodDisruptionBudget: for a drain of nodes and for their termination.
- A HorizontalPodAutoscaler's policies for scaling down and up, its window downwards, and in a live object its minimum:
  for a scale-in, which may rise again. KEDA's ScaledObject says the same of the autoscaler that KEDA makes.
- The serving container's livenessProbe: for a failure of that.

Sources: Kubernetes policy/v1, autoscaling/v2 (HPAScalingRules), core/v1 (Probe); KEDA, "ScaledObject specification".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.manifests.companion_models import Autoscaler
from sim.manifests.containers import PATH
from sim.scenario.node_drain import NodeDrainSpec, NodeTerminationSpec
from sim.scenario.scale_in import ScaleInSpec
from sim.scenario.unplanned import LivenessFailureSpec

if TYPE_CHECKING:
    from sim.manifests.companion_models import Budget, ScalingRules
    from sim.manifests.containers import Part
    from sim.manifests.draft import Draft
    from sim.manifests.objects import Object

_REPLICAS = "deployment.replicas"
_OF_KEDA = ("spec", "advanced", "horizontalPodAutoscalerConfig")


def keep_budget(draft: Draft, one: Object, budget: Budget) -> None:
    """Keep what a budget says, for a drain and for a termination of nodes."""
    spec = budget.spec
    for name, key, value in (
        ("minAvailable", "min_available", spec.min_available),
        ("maxUnavailable", "max_unavailable", spec.max_unavailable),
    ):
        for kind in (NodeDrainSpec.kind, NodeTerminationSpec.kind) if value is not None else ():
            draft.for_disruption[f"{kind}.{key}"] = (value, one.place("spec", name))


def keep_autoscaler(draft: Draft, one: Object) -> None:
    """Keep in which steps an autoscaler scales down and up, and how far down."""
    spec, kind = one.parsed(Autoscaler).spec, ScaleInSpec.kind
    above: tuple[str, ...] = ("spec",)
    least, field, behavior = spec.min_replicas, "minReplicas", spec.behavior
    if one.kind == "ScaledObject":
        least, field = spec.min_replica_count, "minReplicaCount"
        behavior, above = spec.advanced.horizontal_pod_autoscaler_config.behavior, _OF_KEDA
    replicas = draft.values[_REPLICAS]
    if least and isinstance(replicas, int) and least < replicas:
        draft.for_disruption[f"{kind}.to_replicas"] = (least, one.place("spec", field))
    _keep_rules_down(draft, one, behavior.scale_down, (*above, "behavior", "scaleDown"))
    _keep_rules_up(draft, one, behavior.scale_up, (*above, "behavior", "scaleUp"))


def _keep_rules_down(draft: Draft, one: Object, rules: ScalingRules, path: tuple[str, ...]) -> None:
    kind, window_s = ScaleInSpec.kind, rules.stabilization_window_seconds
    if rules.policies:
        draft.for_disruption[f"{kind}.policies"] = (_policies(rules), one.place(*path, "policies"))
    if rules.select_policy in {"Max", "Min"}:
        draft.for_disruption[f"{kind}.select_policy"] = (rules.select_policy, one.place(*path, "selectPolicy"))
    if window_s is not None:
        place = one.place(*path, "stabilizationWindowSeconds")
        draft.for_disruption[f"{kind}.stabilization_window_s"] = (window_s, place)


def _keep_rules_up(draft: Draft, one: Object, rules: ScalingRules, path: tuple[str, ...]) -> None:
    if rules.select_policy == "Disabled" or (rules.select_policy == "Min" and len(rules.policies) > 1):
        reason = "of policies upwards the one counts that lets most pods come, of Kubernetes' own if none is read"
        draft.leave(one.place(*path, "selectPolicy"), reason)
    elif rules.policies:
        draft.for_disruption[f"{ScaleInSpec.kind}.up_policies"] = (_policies(rules), one.place(*path, "policies"))


def _policies(rules: ScalingRules) -> list[dict[str, object]]:
    return [{"type": rule.type, "value": rule.value, "period_s": rule.period_seconds} for rule in rules.policies]


def keep_liveness(draft: Draft, serving: Part, holder: Object) -> None:
    """Keep how soon the serving container's livenessProbe fails."""
    probe = serving.container.liveness_probe
    for name, key, value in (
        ("periodSeconds", "period_s", probe.period_seconds if probe else None),
        ("timeoutSeconds", "timeout_s", probe.timeout_seconds if probe else None),
        ("failureThreshold", "failure_threshold", probe.failure_threshold if probe else None),
    ):
        if probe and name in probe.given:
            place = holder.place(*PATH, *serving.path[len(PATH) :], "livenessProbe", name)
            draft.for_disruption[f"{LivenessFailureSpec.kind}.{key}"] = (value, place)


def put_for(draft: Draft, kinds: frozenset[str]) -> None:
    """Write what is kept for these disruptions."""
    for key, (value, place) in draft.for_disruption.items():
        if key.partition(".")[0] in kinds:
            draft.put(key, value, place)

"""A workload's own fields as the keys of `deployment`: how many pods, and how they are replaced.

Modelled (docs/facts/manifests.md §1.1):
- Recreate, a StatefulSet and a DaemonSet are taken as they are; the Nodes of the input say how many pods the last has.
- A Rollout's blue/green switch is `blue_green`.
- A Rollout with steps is taken as the nearest rolling update, and a warning says how it differs. A Rollout with traffic
  routing is for `canary`.
- What comes near to none is refused.

Sources: Kubernetes apps/v1, autoscaling/v2; argo-rollouts docs/features/specification.md, utils/defaults/defaults.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.manifests.companion_models import Autoscaler
from sim.manifests.models import Workload
from sim.manifests.other_disruptions import keep_autoscaler, keep_budget
from sim.scenario.blue_green import BlueGreenSpec
from sim.scenario.fields import MOST_PODS, hundredths
from sim.scenario.problems import Problem, ScenarioError

if TYPE_CHECKING:
    from sim.manifests.companions import Companions
    from sim.manifests.draft import Draft
    from sim.manifests.models import RollingUpdate, Strategy, Template, WorkloadSpec
    from sim.manifests.objects import Cluster, Object

REPLICAS = "deployment.replicas"
_SURGE = "deployment.max_surge"
_UNAVAILABLE = "deployment.max_unavailable"


def template_of(workload: Object, cluster: Cluster) -> tuple[Object, Template]:
    """Return a workload's pod template and the object that holds it. A Rollout may take a Deployment's."""
    spec = workload.parsed(Workload).spec
    if spec.template:
        return workload, spec.template
    reference = spec.workload_ref
    target = cluster.get(reference.kind, reference.name, workload.namespace) if reference else None
    template = target.parsed(Workload).spec.template if target else None
    if target is None or template is None:
        raise refused(workload, ("spec",), "a pod template", "none")
    return target, template


def refused(workload: Object, path: tuple[str, ...], expected: str, found: str, hint: str = "") -> ScenarioError:
    """Return the error for a workload that has no scenario."""
    place = workload.place(*path)
    key = f"{workload.ref} {place.field}".strip()
    return ScenarioError(
        [Problem(file=place.source, line=place.line, key=key, expected=expected, found=found, hint=hint)]
    )


def put_workload(draft: Draft, companions: Companions, labels: dict[str, str]) -> None:
    """Write the keys of `deployment`."""
    workload = draft.workload
    spec = workload.parsed(Workload).spec
    if workload.kind == "DaemonSet":
        _put_daemons(draft, spec, companions)
    else:
        _put_replicas(draft, spec, companions)
    if workload.kind == "Rollout":
        _put_rollout(draft, spec.strategy)
    elif workload.kind == "Deployment":
        _put_deployment(draft, spec.strategy)
    else:
        _put_in_place(draft, spec.update_strategy)
    if spec.min_ready_seconds is not None:
        draft.put("deployment.min_ready_s", spec.min_ready_seconds, workload.place("spec", "minReadySeconds"))
    if spec.pod_replacement_policy is not None:
        place = workload.place("spec", "podReplacementPolicy")
        draft.put("deployment.pod_replacement_policy", spec.pod_replacement_policy, place)
    if spec.paused:
        draft.warn(
            "paused",
            "",
            "spec.paused: the workload does not roll until it is resumed",
            workload.place("spec", "paused"),
        )
    _put_budget(draft, companions, labels)


def _put_replicas(draft: Draft, spec: WorkloadSpec, companions: Companions) -> None:
    workload = draft.workload
    place = workload.place("spec", "replicas")
    autoscaler = companions.autoscaler_of(workload)
    if autoscaler is None or (workload.is_live and spec.replicas is not None):
        replicas = 1 if spec.replicas is None else spec.replicas
        draft.put(REPLICAS, replicas, place, note="" if spec.replicas is not None else "1 where it is absent")
    if autoscaler is not None:
        replicas = _autoscaled(draft, autoscaler, spec)
        keep_autoscaler(draft, autoscaler)
    if not replicas:
        raise refused(workload, ("spec", "replicas"), "at least one replica", "0", "there is nothing to roll")
    if replicas == 1:
        draft.warn("one-replica", REPLICAS, "one replica: while it is replaced nothing else answers", place)


def _autoscaled(draft: Draft, autoscaler: Object, spec: WorkloadSpec) -> int:
    """Write the replicas of a live object, which the autoscaler has set, else the autoscaler's minimum."""
    limits = autoscaler.parsed(Autoscaler).spec
    is_keda = autoscaler.kind == "ScaledObject"
    low = limits.min_replica_count if is_keda else limits.min_replicas
    high = limits.max_replica_count if is_keda else limits.max_replicas
    low = (0 if is_keda else 1) if low is None else low
    place = autoscaler.place("spec", "minReplicaCount" if is_keda else "minReplicas")
    said = f"an autoscaler ({low} to {'?' if high is None else high}) sets the number"
    if draft.workload.is_live and spec.replicas is not None:
        text = f"{said}; {spec.replicas} at the time of the dump"
        draft.warn("replicas-from-hpa", REPLICAS, text, place)
        return spec.replicas
    same = spec.replicas == low
    if low == 0 and spec.replicas:
        low = spec.replicas
    draft.put(REPLICAS, low, place, note="the autoscaler's minimum")
    beside = "which the workload says too" if same else f"not spec.replicas, {spec.replicas or 'which is absent'}"
    draft.warn("replicas-from-hpa", REPLICAS, f"{said}; taken is its minimum, {beside}", place)
    return low


def _put_deployment(draft: Draft, strategy: Strategy) -> None:
    path = ("spec", "strategy")
    if strategy.type == "Recreate":
        place = draft.workload.place(*path, "type")
        draft.put("deployment.strategy", "Recreate", place)
        draft.warn("recreate", _UNAVAILABLE, "Recreate: all old pods end before a new one starts", place)
    else:
        _put_rolling(draft, strategy.rolling_update, (*path, "rollingUpdate"))


def _put_rolling(draft: Draft, rolling: RollingUpdate, path: tuple[str, ...]) -> None:
    for key, name, value in (
        (_SURGE, "maxSurge", rolling.max_surge),
        (_UNAVAILABLE, "maxUnavailable", rolling.max_unavailable),
        ("deployment.partition", "partition", rolling.partition),
    ):
        if value is not None:
            draft.put(key, value, draft.workload.place(*path, name))


def _put_rollout(draft: Draft, strategy: Strategy) -> None:
    path = ("spec", "strategy")
    if strategy.blue_green is not None:
        draft.put("disruption", BlueGreenSpec.kind, draft.workload.place(*path, "blueGreen"))
        delay_s = strategy.blue_green.scale_down_delay_seconds
        if delay_s is not None:
            place = draft.workload.place(*path, "blueGreen", "scaleDownDelaySeconds")
            draft.put("blue_green.scale_down_delay_s", delay_s, place)
        return
    canary = strategy.canary
    if canary is None:
        return
    _put_rolling(draft, canary, (*path, "canary"))
    if canary.steps and canary.traffic_routing is None:
        place = draft.workload.place(*path, "canary")
        draft.warn("canary-steps", "", "the canary's steps and pauses are not simulated, a rolling update is", place)


def _put_daemons(draft: Draft, spec: WorkloadSpec, companions: Companions) -> None:
    """Write a DaemonSet's pods: one on each Node of the input."""
    nodes = companions.nodes_of(spec.template.spec) if spec.template else []
    if not nodes:
        hint = "with the Nodes: kubectl get node,… -o yaml"
        raise refused(draft.workload, ("spec",), "a number of pods", "a DaemonSet, one on each Node", hint)
    note = "a pod on each Node that is Ready and has the nodeSelector's labels; taints and affinity are not looked at"
    draft.put(REPLICAS, len(nodes), nodes[0].place(), "guessed", note)


def _put_in_place(draft: Draft, strategy: Strategy) -> None:
    """Write how a StatefulSet or a DaemonSet replaces its pods."""
    path = ("spec", "updateStrategy")
    if strategy.type == "OnDelete":
        raise refused(draft.workload, (*path, "type"), "RollingUpdate", "OnDelete", "nothing rolls by itself")
    draft.put("deployment.kind", draft.workload.kind, draft.workload.place("kind"))
    _put_rolling(draft, strategy.rolling_update, (*path, "rollingUpdate"))


def _put_budget(draft: Draft, companions: Companions, labels: dict[str, str]) -> None:
    """Keep the budget for a drain of nodes, and warn if it admits no eviction."""
    for one, budget in companions.budgets_of(draft.workload, labels):
        keep_budget(draft, one, budget)
        least, most = budget.spec.min_available, budget.spec.max_unavailable
        replicas = draft.values[REPLICAS]
        if isinstance(replicas, int) and replicas <= MOST_PODS and _blocks(least, most, replicas):
            name = "minAvailable" if least is not None else "maxUnavailable"
            pods = "one replica" if replicas == 1 else f"{replicas} replicas"
            text = f"with {pods} the budget admits no eviction: a drained node waits for ever"
            draft.warn("pdb-blocks-drain", "", text, one.place("spec", name))


def _blocks(least: int | str | None, most: int | str | None, replicas: int) -> bool:
    value = least if least is not None else most
    if value is None or (isinstance(value, str) and not value.removesuffix("%").isdecimal()):
        return False
    pods = -(-hundredths(value, replicas) // 100)
    return pods >= replicas if least is not None else pods == 0

"""What is said of a target group: the annotations of Services and Ingresses as the keys of `target_group`.

Modelled (docs/facts/manifests.md §1.2):
- The Service's annotation replaces the Ingress's, key by key.
- In v1 a Service's value that is the built-in default replaces nothing.
- The class's parameters may set the target type.

Sources: LBC pkg/ingress/model_build_target_group.go@v3.5.0; internal/ingress/annotations/parser/main.go@v1.1.9;
docs.aws.amazon.com, ELB API Reference, TargetGroupAttribute.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sim.manifests.ingresses import Setting, setting_of
from sim.scenario.releases import LoadBalancerControllerRelease, release_of

if TYPE_CHECKING:
    from sim.manifests.controller import Controller
    from sim.manifests.draft import Draft
    from sim.manifests.joining import TargetGroup
    from sim.manifests.objects import Object, Place

_V1_DEFAULTS = {
    "target-type": "instance",
    "healthcheck-interval-seconds": "15",
    "healthcheck-timeout-seconds": "5",
    "healthy-threshold-count": "2",
    "unhealthy-threshold-count": "2",
    "target-group-attributes": "",
    "healthcheck-path": "/",
}
_HEALTH_CHECK = {
    "healthcheck-interval-seconds": "interval_s",
    "healthcheck-timeout-seconds": "timeout_s",
    "healthy-threshold-count": "healthy_threshold",
    "unhealthy-threshold-count": "unhealthy_threshold",
}
_ROUTING = {
    "round_robin": "round_robin",
    "weighted_random": "random",
    "least_outstanding_requests": "least_outstanding_requests",
}
_DELAY = "deregistration_delay.timeout_seconds"
_SLOW_START = "slow_start.duration_seconds"
_NOT_MODELLED = ("stickiness.enabled", "target_group_health.", "load_balancing.")
_NEUTRAL = {
    "stickiness.enabled": {"false"},
    "load_balancing.cross_zone.enabled": {"use_load_balancer_configuration", "true"},
    "load_balancing.algorithm.anomaly_mitigation": {"off"},
    "target_group_health.dns_failover.minimum_healthy_targets.count": {"1"},
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": {"off"},
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": {"1"},
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": {"off"},
}
"""Values that leave out nothing: AWS's defaults, which it prints with the others."""
_ALGORITHM = "load_balancing.algorithm.type"


def put_target_group(draft: Draft, target_group: TargetGroup, controller: Controller) -> None:
    """Write what is said of a target group."""
    _put_target_type(draft, target_group, controller)
    for name, key in _HEALTH_CHECK.items():
        given = annotation(target_group, name, controller)
        if given:
            put_whole(draft, f"target_group.health_check.{key}", given)
    attributes = annotation(target_group, "target-group-attributes", controller)
    if attributes:
        _put_attributes(draft, attributes)
    multi = annotation(target_group, "multi-cluster-target-group", controller)
    if multi and multi.value == "true":
        draft.leave(multi.place, "targets of other clusters in the target group are not modelled")


def annotation(target_group: TargetGroup, name: str, controller: Controller) -> Setting | None:
    """Return the annotation that holds for a target group."""
    if target_group.ingress is None:
        return None
    of_service = setting_of(target_group.service, controller.prefix, name)
    of_ingress = target_group.ingress.setting(name)
    if controller.is_v1 and of_service and of_ingress and of_service.value == _V1_DEFAULTS.get(name):
        return of_ingress
    return of_service or of_ingress


def annotated(target_group: TargetGroup, controller: Controller) -> Object | None:
    """Return the object whose annotation says the target group's attributes, or would; None if none does."""
    if target_group.ingress is None:
        return None
    given = annotation(target_group, "target-group-attributes", controller)
    of_service = setting_of(target_group.service, controller.prefix, "target-group-attributes")
    return target_group.service if given and given == of_service else target_group.ingress.object


def target_type_of(target_group: TargetGroup, controller: Controller, version: str) -> Setting | None:
    """Return the target type and where it is said; None where nothing says it."""
    if target_group.binding is not None:
        value = target_group.binding.body["spec"].get("targetType")
        return Setting(str(value), target_group.binding.place("spec", "targetType")) if value else None
    ingress = target_group.ingress
    release = release_of(version)
    class_sets_it = isinstance(release, LoadBalancerControllerRelease) and release.lets_class_set_target_type
    if ingress and ingress.params_spec.target_type and ingress.params and class_sets_it:
        return Setting(ingress.params_spec.target_type, ingress.params.place("spec", "targetType"))
    flag = controller.flag("target-type" if controller.is_v1 else "default-target-type")
    given = annotation(target_group, "target-type", controller) or flag
    return Setting("ip" if given.value == "pod" else given.value, given.place) if given else None


def _put_target_type(draft: Draft, target_group: TargetGroup, controller: Controller) -> None:
    version = str(draft.values["controller.version"])
    key = "target_group.target_type"
    found = target_type_of(target_group, controller, version)
    if found:
        draft.put(key, found.value, found.place)
        return
    holder = target_group.binding or (target_group.ingress.object if target_group.ingress else target_group.service)
    if target_group.binding:
        draft.put(key, "ip", holder.place("spec"), "assumed", "the target group's own; describe-target-groups tells")
        draft.warn(
            "target-type-assumed", key, "the TargetGroupBinding does not say it; 'ip' stands in", holder.place("spec")
        )
        return
    draft.put(
        key, "instance", holder.place("metadata", "annotations"), note=f"default of {version} without target-type"
    )
    text = "no target-type anywhere: the controller's default, instance, in which a rollout changes kube-proxy's rules"
    draft.warn("target-type-instance", key, text, holder.place("metadata", "annotations"))


def _put_attributes(draft: Draft, given: Setting) -> None:
    values = attributes_of(given.value)
    if values is None:
        text = "an item without '=': the controller refuses the whole Ingress; it is passed over here"
        draft.warn("bad-attributes", "target_group.deregistration_delay_s", text, given.place)
        values = {}
    for name, value in values.items():
        put_attribute(draft, name, value, given.place)


def put_attribute(draft: Draft, name: str, value: str, place: Place) -> None:
    """Write a target group's attribute, by the name that AWS gives it."""
    if name == _DELAY:
        put_whole(draft, "target_group.deregistration_delay_s", Setting(value, place), note=name)
    elif name == _SLOW_START:
        put_whole(draft, "target_group.slow_start_s", Setting(value, place), note=name)
    elif name == _ALGORITHM and value in _ROUTING:
        draft.put("target_group.routing", _ROUTING[value], place, note=name)
    elif name.startswith(_NOT_MODELLED) and value not in _NEUTRAL.get(name, ()):
        draft.leave(place, f"{name} is not modelled")


def leave_slow_start(draft: Draft) -> None:
    """Leave out a slow start that AWS refuses with the routing algorithm, or that is not simulated for worker nodes."""
    key = "target_group.slow_start_s"
    if not draft.values.get(key):
        return
    routing = draft.values.get("target_group.routing", "round_robin")
    place, reason = draft.origins[key].place, ""
    if routing != "round_robin":
        reason = f"AWS refuses {_SLOW_START} with any algorithm but round_robin"
    elif draft.values["target_group.target_type"] == "instance":
        reason = f"{_SLOW_START} is not modelled where worker nodes are the targets"
    if reason:
        draft.forget((key,))
        draft.leave(place, reason, key)


def attributes_of(text: str) -> dict[str, str] | None:
    """Return `k=v,k=v` as a mapping, in which the last of two equal keys counts. None if an item has no `=`."""
    items = [item.replace("\\,", ",") for item in re.split(r"(?<!\\),", text) if item.strip()]
    if not all("=" in item for item in items):
        return None
    return {key.strip(): value.strip() for key, _, value in (item.partition("=") for item in items)}


def put_whole(draft: Draft, key: str, given: Setting, *, note: str = "") -> None:
    """Write a whole number, or note that the text is none."""
    text = given.value.strip()
    if re.fullmatch(r"\d{1,9}", text):
        draft.put(key, int(text), given.place, note=note)
    else:
        draft.leave(given.place, f"'{text}' is no whole number", key)

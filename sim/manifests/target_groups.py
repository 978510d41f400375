"""The annotations of Ingresses and Services, and the parameters of classes, as the keys of a scenario.

Modelled: docs/facts/manifests.md §1.2. For a target group the Service's annotation replaces the Ingress's, key by key;
v1 lets a Service's value that is the built-in default not do so. For a load balancer the class's parameters come first.
Listeners are merged over the members of a group.
Source: LBC pkg/ingress/model_build_target_group.go, model_build_load_balancer_attributes.go, model_builder.go@v3.5.0;
internal/ingress/annotations/parser/main.go@v1.1.9.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from sim.manifests.joining import Setting, setting_of
from sim.scenario.releases import LoadBalancerControllerRelease, release_of

if TYPE_CHECKING:
    from sim.manifests.controller import Controller
    from sim.manifests.draft import Draft
    from sim.manifests.joining import Network, OurIngress, TargetGroup
    from sim.manifests.objects import Object, Place

_V1_DEFAULTS = {
    "target-type": "instance",
    "healthcheck-interval-seconds": "15",
    "healthcheck-timeout-seconds": "5",
    "healthy-threshold-count": "2",
    "unhealthy-threshold-count": "2",
    "target-group-attributes": "",
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
_ALGORITHM = "load_balancing.algorithm.type"
_IDLE = "idle_timeout.timeout_seconds"
_FEWEST_NODES = 2


class Listeners(NamedTuple):
    """The ports on which an ALB listens; those of HTTPS among them; where the first was said."""

    ports: dict[int, bool]
    place: Place
    is_default: bool


def put_target_group(draft: Draft, target_group: TargetGroup, controller: Controller) -> None:
    """Write what is said of a target group."""
    _put_target_type(draft, target_group, controller)
    for name, key in _HEALTH_CHECK.items():
        given = annotation(target_group, name, controller)
        if given:
            _put_whole(draft, f"target_group.health_check.{key}", given)
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
        _put_whole(draft, "target_group.deregistration_delay_s", Setting(value, place), note=name)
    elif name == _ALGORITHM and value in _ROUTING:
        draft.put("target_group.routing", _ROUTING[value], place, note=name)
    elif name == "stickiness.enabled" and value == "false":
        return
    elif name.startswith(("slow_start", "stickiness", "target_group_health", "load_balancing")):
        draft.leave(place, f"{name} is not modelled")


def attributes_of(text: str) -> dict[str, str] | None:
    """Return `k=v,k=v` as a mapping, the last of two counting; None if an item has no `=`."""
    items = [item.replace("\\,", ",") for item in re.split(r"(?<!\\),", text) if item.strip()]
    if not all("=" in item for item in items):
        return None
    return {key.strip(): value.strip() for key, _, value in (item.partition("=") for item in items)}


def put_load_balancer(draft: Draft, members: list[OurIngress]) -> None:
    """Write what is said of an ALB by the Ingresses that share it."""
    for member in members:
        for attribute in member.params_spec.load_balancer_attributes:
            if attribute.key == _IDLE and member.params:
                place = member.params.place("spec", "loadBalancerAttributes")
                _put_whole(draft, "target_group.idle_timeout_s", Setting(attribute.value, place), note=_IDLE)
                break
        else:
            given = member.setting("load-balancer-attributes")
            value = (attributes_of(given.value) or {}).get(_IDLE) if given else None
            if given and value is not None:
                _put_whole(draft, "target_group.idle_timeout_s", Setting(value, given.place), note=_IDLE)
        _put_nodes(draft, member)


def _put_nodes(draft: Draft, member: OurIngress) -> None:
    given = member.setting("subnets")
    subnets = member.params_spec.subnets.ids or [
        one for one in (given.value if given else "").split(",") if one.strip()
    ]
    if len(subnets) > _FEWEST_NODES:
        holder = member.params if member.params_spec.subnets.ids and member.params else member.object
        place = given.place if given else holder.place("spec", "subnets", "ids")
        put_nodes(draft, len(subnets), place, f"{len(subnets)} subnets")


def put_nodes(draft: Draft, zones: int, place: Place, what: str) -> None:
    """Write how many nodes an ALB has at least."""
    key = "target_group.alb_nodes"
    draft.put(key, zones, place, "guessed", f"{what}: at least one node in each")
    draft.warn("alb-nodes-at-least", key, f"a floor: {what}, and a busy ALB has more nodes than one in each", place)


def put_listeners(draft: Draft, members: list[OurIngress]) -> None:
    """Write how many listeners an ALB has, over all Ingresses that share it."""
    found = [_listeners(draft, member) for member in members]
    ports: dict[int, bool] = {}
    for one in found:
        for port, is_https in one.ports.items():
            ports[port] = ports.get(port, False) or is_https
    said = next((one for one in found if not one.is_default), found[0])
    note = "one by default, without listen-ports" if said.is_default else ""
    draft.put("controller.listeners", len(ports), said.place, note=note)
    draft.put("controller.https_listeners", sum(ports.values()), said.place, note=note)


def _listeners(draft: Draft, member: OurIngress) -> Listeners:
    given = member.setting("listen-ports")
    if given:
        ports = _listen_ports(given.value)
        if ports:
            return Listeners(ports, given.place, is_default=False)
        text = 'the controller takes a JSON list such as \'[{"HTTP": 80}, {"HTTPS": 443}]\'; one listener stands in'
        draft.warn("bad-listen-ports", "controller.listeners", text, given.place)
    certificate = member.setting("certificate-arn")
    if certificate or member.params_spec.certificate_arn or member.params_spec.certificate_arns:
        place = certificate.place if certificate else member.object.place("spec")
        return Listeners({443: True}, place, is_default=True)
    return Listeners({80: False}, member.object.place("metadata", "annotations"), is_default=True)


def _listen_ports(text: str) -> dict[int, bool]:
    """Return each port with whether it is HTTPS; nothing if it is no such list."""
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    pairs = (
        [pair for item in items if isinstance(item, dict) for pair in item.items()] if isinstance(items, list) else []
    )
    return {port: protocol.upper() == "HTTPS" for protocol, port in pairs if isinstance(port, int)}


def put_counts(draft: Draft, target_group: TargetGroup, network: Network, controller: Controller) -> None:
    """Write how many target groups the rolled ALB has, and how many ALBs the input."""
    ingress = target_group.ingress
    if ingress is None:
        return
    members = network.members(ingress.alb)
    groups = {(member.object.ref, *backend) for member in members for backend in member.backends()}
    key = "controller.target_groups"
    draft.put(
        key, max(1, len(groups)), ingress.object.place("spec"), note="distinct Ingress, Service and port of this ALB"
    )
    if ingress.group:
        text = f"group '{ingress.group}' may have further Ingresses, which were not given"
        draft.warn("group-may-be-incomplete", key, text, ingress.object.place("metadata", "annotations"))
    elif controller.is_v1 and ingress.setting("group.name"):
        text = f"group.name has no effect with {controller.version}: each Ingress has an ALB of its own"
        given = ingress.setting("group.name")
        draft.warn("group-without-effect", "", text, given.place if given else None)
    albs = network.albs()
    if len(albs) > 1:
        draft.put("controller.ingresses", len(albs), ingress.object.place(), note="ALBs in the input")


def _put_whole(draft: Draft, key: str, given: Setting, *, note: str = "") -> None:
    text = given.value.strip()
    if re.fullmatch(r"\d{1,9}", text):
        draft.put(key, int(text), given.place, note=note)
    else:
        draft.leave(given.place, f"'{text}' is no whole number")

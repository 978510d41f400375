"""What the Ingresses that share an ALB say of it: idle timeout, nodes, listeners, how many target groups.

Modelled (docs/facts/manifests.md §1.2):
- The parameters of a class come before annotations.
- Listeners are merged over the members of a group.

Sources: LBC pkg/ingress/model_build_load_balancer_attributes.go, model_builder.go@v3.5.0.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from sim.manifests.ingresses import Setting
from sim.manifests.target_groups import attributes_of, put_whole

if TYPE_CHECKING:
    from sim.manifests.controller import Controller
    from sim.manifests.draft import Draft
    from sim.manifests.ingresses import OurIngress
    from sim.manifests.joining import Network, TargetGroup
    from sim.manifests.objects import Place

_IDLE = "idle_timeout.timeout_seconds"
_FEWEST_NODES = 2
_PROTOCOLS = {"HTTP", "HTTPS"}
_LAST_PORT = 65_535


class Listeners(NamedTuple):
    """The ports on which an ALB listens, each with whether it is HTTPS, and where the first was said."""

    ports: dict[int, bool]
    place: Place
    is_default: bool


def put_load_balancer(draft: Draft, members: list[OurIngress]) -> None:
    """Write what is said of an ALB by the Ingresses that share it."""
    for member in members:
        for number, attribute in enumerate(member.params_spec.load_balancer_attributes):
            if attribute.key == _IDLE and member.params:
                place = member.params.place("spec", "loadBalancerAttributes", number, "value")
                put_whole(draft, "target_group.idle_timeout_s", Setting(attribute.value, place), note=_IDLE)
                break
        else:
            given = member.setting("load-balancer-attributes")
            value = (attributes_of(given.value) or {}).get(_IDLE) if given else None
            if given and value is not None:
                put_whole(draft, "target_group.idle_timeout_s", Setting(value, given.place), note=_IDLE)
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
    certificate = _certificate(member)
    if certificate:
        return Listeners({443: True}, certificate, is_default=True)
    return Listeners({80: False}, member.object.place("metadata", "annotations"), is_default=True)


def _certificate(member: OurIngress) -> Place | None:
    """Return where a certificate is given or asked for, by which the default listener is HTTPS; None if nowhere."""
    spec = member.params_spec
    for name, given in (("certificateArn", spec.certificate_arn), ("certificateARNs", spec.certificate_arns)):
        if given and member.params:
            return member.params.place("spec", name)
    asked = member.setting("create-acm-cert")
    found = member.setting("certificate-arn") or (asked if asked and asked.value == "true" else None)
    return found.place if found else None


def _listen_ports(text: str) -> dict[int, bool]:
    """Return each port with whether it is HTTPS. The mapping is empty if the text is no such list."""
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return {}
    pairs = [(protocol, port) for item in items for protocol, port in item.items()]
    if not all(protocol in _PROTOCOLS and type(port) is int and 1 <= port <= _LAST_PORT for protocol, port in pairs):
        return {}
    return {port: protocol == "HTTPS" for protocol, port in pairs}


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

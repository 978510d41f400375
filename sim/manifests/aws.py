"""What `aws elbv2 describe-…` prints: how the target group and the ALB really are.

Modelled (docs/facts/manifests.md §1.5):
- AWS's word wins over an annotation, since it is what runs. A difference between the two is worth a warning.
- Attributes come without the name of what they belong to. Attributes are used if there is only one workload.

Source: aws/aws-cli awscli/examples/elbv2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sim.manifests.documents import Mapping, Sequence
from sim.manifests.ingresses import Setting
from sim.manifests.load_balancers import put_nodes
from sim.manifests.objects import Place
from sim.manifests.target_groups import put_attribute
from sim.scenario.problems import Problem, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.manifests.draft import Draft
    from sim.manifests.joining import TargetGroup

_KINDS = ("TargetGroups", "Attributes", "LoadBalancers", "Listeners")
_IDLE = "idle_timeout.timeout_seconds"
_HEALTH_CHECK = {
    "HealthCheckIntervalSeconds": "interval_s",
    "HealthCheckTimeoutSeconds": "timeout_s",
    "HealthyThresholdCount": "healthy_threshold",
    "UnhealthyThresholdCount": "unhealthy_threshold",
}
_TOLD_BY_AWS = {"target-type-assumed", "target-group-made-elsewhere", "ingress-not-given"}
"""Warnings of what describe-target-groups tells."""
_REFUSED_TYPES = {"lambda", "alb"}


@dataclass(frozen=True, slots=True)
class _Item:
    """An item of one of the lists."""

    body: Mapping
    source: str
    field: str

    def place(self, key: str) -> Place:
        return Place(self.source, self.body.lines.get(key, self.body.line), "aws elbv2", f"{self.field}.{key}")


@dataclass(slots=True)
class AwsOutput:
    """The items of every answer, by the name of its list."""

    items: dict[str, list[_Item]] = field(default_factory=dict)

    def take(self, document: object, source: str) -> bool:
        """Add a document if the AWS CLI printed it, and return whether it did."""
        if not isinstance(document, Mapping) or "kind" in document:
            return False
        names = [name for name in _KINDS if isinstance(document.get(name), Sequence)]
        for name in names:
            rows = [row for row in document[name] if isinstance(row, Mapping)]
            self.items.setdefault(name, []).extend(
                _Item(row, source, f"{name}[{number}]") for number, row in enumerate(rows)
            )
        return bool(names)

    def put(self, draft: Draft, target_group: TargetGroup, *, several: bool) -> None:
        """Write what AWS says of a workload's target group, and of its ALB if there is only one workload."""
        before = {key: value for key, value in draft.values.items() if draft.origins[key].grade == "read"}
        group = self._group_of(target_group, several=several)
        if group is not None:
            draft.warnings = [one for one in draft.warnings if one.id not in _TOLD_BY_AWS]
            _put_group(draft, group)
        if not several:
            self._put_attributes(draft)
            self._put_load_balancer(draft)
        elif self.items.keys() - {"TargetGroups"}:
            one = next(item for name, items in self.items.items() if name != "TargetGroups" for item in items)
            draft.leave(
                one.place(""), "it does not say of which load balancer or target group it is; --select one workload"
            )
        for key, value in before.items():
            if draft.values[key] != value:
                text = f"AWS has {draft.values[key]}, the manifests say {value}: what AWS has is what runs"
                draft.warn("aws-differs", key, text, draft.origins[key].place)

    def health_check_path(self, target_group: TargetGroup, *, several: bool) -> Setting | None:
        """Return the path of a target group's health check, as AWS has it."""
        group = self._group_of(target_group, several=several)
        path = group.body.get("HealthCheckPath") if group else None
        return Setting(path, group.place("HealthCheckPath")) if group and isinstance(path, str) else None

    def _group_of(self, target_group: TargetGroup, *, several: bool) -> _Item | None:
        items = self.items.get("TargetGroups", [])
        if target_group.binding:
            arn = (target_group.binding.body.get("spec") or {}).get("targetGroupARN")
            same = [item for item in items if arn and item.body.get("TargetGroupArn") == arn]
            if same:
                return same[0]
        service = target_group.service
        short = [re.sub(r"[^A-Za-z0-9]", "", name)[:8] for name in (service.namespace, service.name)]
        named = [
            item
            for item in items
            if str(item.body.get("TargetGroupName", "")).startswith(f"k8s-{short[0]}-{short[1]}-")
        ]
        if len(named) == 1:
            return named[0]
        return items[0] if len(items) == 1 and not several else None

    def _put_attributes(self, draft: Draft) -> None:
        for item in self.items.get("Attributes", []):
            name, value = str(item.body.get("Key", "")), str(item.body.get("Value", ""))
            if name == _IDLE and _is_whole(value):
                draft.put("target_group.idle_timeout_s", int(value), item.place("Value"), note=name)
            elif name != _IDLE:
                put_attribute(draft, name, value, item.place("Value"))

    def _put_load_balancer(self, draft: Draft) -> None:
        for item in self.items.get("LoadBalancers", []):
            if item.body.get("Type", "application") != "application":
                raise _refused(item, "Type", "an application load balancer")
            zones = item.body.get("AvailabilityZones")
            if isinstance(zones, list) and len(zones) > 2:  # noqa: PLR2004 - the fewest that AWS takes, and the default
                put_nodes(draft, len(zones), item.place("AvailabilityZones"), f"{len(zones)} availability zones")
        listeners = self.items.get("Listeners", [])
        if listeners:
            place = listeners[0].place("Port")
            draft.put("controller.listeners", len(listeners), place)
            https = sum(1 for item in listeners if item.body.get("Protocol") == "HTTPS")
            draft.put("controller.https_listeners", https, place)


def _put_group(draft: Draft, item: _Item) -> None:
    kind = item.body.get("TargetType")
    if kind in _REFUSED_TYPES:
        raise _refused(item, "TargetType", "ip or instance")
    if kind is not None:
        draft.put("target_group.target_type", kind, item.place("TargetType"))
    for name, key in _whole_numbers(item.body):
        draft.put(f"target_group.health_check.{_HEALTH_CHECK[name]}", key, item.place(name))


def _whole_numbers(body: Mapping) -> Iterator[tuple[str, Any]]:
    for name in _HEALTH_CHECK:
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            yield name, value


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"\d{1,9}", text) is not None


def _refused(item: _Item, key: str, expected: str) -> ScenarioError:
    place = item.place(key)
    found = str(item.body.get(key))
    return ScenarioError([Problem(file=place.source, line=place.line, key=place.field, expected=expected, found=found)])

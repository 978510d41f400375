"""One workload's scenario: what each part of the input says of it, put together and checked.

Modelled (docs/facts/manifests.md §0):
- A key is written only if the input gives it. The controller's version, the target type and the listeners always are.
- What the input says is checked as a scenario is, and a problem names the line of the manifest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.manifests.bindings import put_binding
from sim.manifests.canary import put_canary
from sim.manifests.companions import Companions
from sim.manifests.controller_keys import put_controller
from sim.manifests.draft import Draft
from sim.manifests.gates import put_readiness_gate
from sim.manifests.health_switch import put_health_switch
from sim.manifests.injected import warn_of_injected
from sim.manifests.load_balancers import put_counts, put_listeners, put_load_balancer
from sim.manifests.objects import Place
from sim.manifests.other_disruptions import put_for
from sim.manifests.other_groups import warn_of_others
from sim.manifests.pod_end import whole
from sim.manifests.pods import put_pod
from sim.manifests.serving import Said
from sim.manifests.target_groups import annotated, annotation, leave_slow_start, put_target_group
from sim.manifests.versions import put_version
from sim.manifests.worker_nodes import NODE_KEYS, put_instances, put_nodes_block, warn_of_room
from sim.manifests.workload import put_workload, template_of
from sim.scenario.overrides import overridden
from sim.scenario.problems import Place as ScenarioPlace
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario
from sim.scenario.validation import validated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.manifests.aws import AwsOutput
    from sim.manifests.controller import Controller
    from sim.manifests.joining import Network, TargetGroup
    from sim.manifests.models import Template
    from sim.manifests.objects import Cluster, Object

RPS = "traffic.arrival_rate_rps"
ASSUMED_RPS = 100
_REUSE = "target_group.connection_reuse"
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user says besides the input; `disruptions`: those that matter besides the scenario's own."""

    namespace: str = "default"
    select: str = ""
    rps: float | None = None
    server: str = ""
    on_sigterm: str = ""
    controller_version: str = ""
    changes: Mapping[str, object] = field(default_factory=dict)
    disruptions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Imported:
    """A workload's scenario: as a file would hold it, checked, and all that is known about it."""

    ref: str
    raw: dict[str, object]
    scenario: Scenario
    draft: Draft


class Importer:
    """Makes the scenario of one workload after another."""

    def __init__(
        self, cluster: Cluster, controller: Controller, network: Network, aws: AwsOutput, asked: Asked
    ) -> None:
        self._cluster = cluster
        self._controller = controller
        self._network = network
        self._aws = aws
        self._asked = asked
        self._companions = Companions(cluster)
        self.several = False

    def imported(self, workload: Object, name: str) -> Imported:
        """Return the scenario of a workload. Raises ScenarioError if there is none."""
        holder, template = template_of(workload, self._cluster)
        draft = Draft(workload, holder)
        target_group, *others = self._network.groups[workload.ref]
        draft.annotated = annotated(target_group, self._controller)
        draft.annotation_prefix = self._controller.prefix
        labels = {key: str(value) for key, value in template.metadata.labels.items()}
        self._put(draft, holder, template, labels, target_group)
        warn_of_others(draft, target_group, others, self._network, self._controller)
        put_for(draft, self._asked.disruptions | {str(self._asked.changes.get("disruption"))})
        self._traffic(draft)
        return self._checked(draft, _fit_for_a_name(name))

    def _checked(self, draft: Draft, name: str) -> Imported:
        """Return the scenario of a draft, without the nodes if it is valid only without them."""
        raw = draft.raw(name)
        for key, value in self._asked.changes.items():
            raw = overridden(raw, key, value, Scenario)
        try:
            scenario = validated(Scenario, raw, _places(draft))
        except ScenarioError as error:
            if not draft.forget(NODE_KEYS):
                raise
            without = self._checked(draft, name)
            text = f"the Nodes of the input are left out: {error.problems[0]}"
            draft.warn("nodes-left-out", "nodes", text)
            return without
        warn_of_room(draft, scenario)
        return Imported(draft.workload.ref, raw, scenario, draft)

    def _put(
        self, draft: Draft, holder: Object, template: Template, labels: dict[str, str], target_group: TargetGroup
    ) -> None:
        asked, controller = self._asked, self._controller
        put_workload(draft, self._companions, labels)
        put_version(draft, controller, target_group, asked.controller_version)
        put_controller(draft, controller)
        put_target_group(draft, target_group, controller)
        self._put_load_balancer(draft, target_group)
        self._aws.put(draft, target_group, several=self.several)
        leave_slow_start(draft)
        put_readiness_gate(draft, holder, template, self._cluster, controller)
        said = Said(asked.server, asked.on_sigterm, asked.changes.get(_REUSE) is True)
        way = put_pod(draft, holder, template, target_group.target_port, said)
        if draft.values["target_group.target_type"] == "ip":
            path = self._aws.health_check_path(target_group, several=self.several)
            path = path or annotation(target_group, "healthcheck-path", controller)
            put_health_switch(draft, way, path, holder)
        warn_of_injected(draft, holder, template, self._cluster)
        put_instances(draft, target_group, self._cluster, controller)
        put_nodes_block(draft, template.spec, self._cluster)
        if "disruption" not in asked.changes:
            put_canary(draft, self._cluster)
        self._compare(draft)

    def _put_load_balancer(self, draft: Draft, target_group: TargetGroup) -> None:
        if target_group.ingress is None:
            put_binding(draft, target_group.binding or target_group.service)
            return
        members = self._network.members(target_group.ingress.alb)
        put_load_balancer(draft, members)
        put_listeners(draft, members)
        put_counts(draft, target_group, self._network, self._controller)

    def _compare(self, draft: Draft) -> None:
        """Warn of times of one part that do not fit those of another. Instances do not leave with a pod."""
        if draft.values["target_group.target_type"] != "ip":
            return
        key = "target_group.deregistration_delay_s"
        delay_s, sleep_s = draft.values.get(key), draft.values.get("pod.pre_stop_sleep_s")
        if isinstance(delay_s, int) and isinstance(sleep_s, int | float) and delay_s < sleep_s:
            text = (
                f"{delay_s} s is below preStop's {sleep_s:g} s: the ALB cuts requests that the pod would still finish"
            )
            draft.warn("delay-below-pre-stop", key, text, draft.origins[key].place)

    def _traffic(self, draft: Draft) -> None:
        place = Place("--rps", 0, "", "")
        if self._asked.rps is not None:
            draft.put(RPS, whole(self._asked.rps), place)
        elif RPS not in self._asked.changes:
            draft.put(RPS, ASSUMED_RPS, place, "assumed", "no manifest says it: put your own here, or give --rps")
            text = f"how many requests arrive is in no manifest: {ASSUMED_RPS} per second stand in; --rps tells"
            draft.warn("rps-assumed", RPS, text)


def _fit_for_a_name(name: str) -> str:
    return re.sub(r"[/\\\x00-\x1f]", "-", name)[:_LONGEST_NAME] or "workload"


def _places(draft: Draft) -> dict[tuple[str | int, ...], ScenarioPlace]:
    """Return where each key's value is from, so that a problem with it names the manifest."""
    whole = draft.workload.place()
    places: dict[tuple[str | int, ...], ScenarioPlace] = {(): ScenarioPlace(whole.source, whole.line)}
    for key, origin in draft.origins.items():
        places[tuple(key.split("."))] = ScenarioPlace(origin.place.source, origin.place.line)
    return places

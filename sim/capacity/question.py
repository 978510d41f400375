"""What `albsim addresses` is asked: a scenario's blocks, changed by options, and how many pods are on each node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import ValidationInfo, field_validator

from sim.capacity.plan import Plan
from sim.scenario.fields import Spec
from sim.scenario.nodes import NodesSpec
from sim.scenario.overrides import overridden
from sim.scenario.validation import validated
from sim.scenario.vpc_cni import VpcCniSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.scenario.specs import Scenario


class Question(Spec):
    """The blocks of a scenario that capacity depends on."""

    nodes: NodesSpec
    vpc_cni: VpcCniSpec = VpcCniSpec()

    @field_validator("vpc_cni")
    @classmethod
    def _has_prefixes(cls, vpc_cni: VpcCniSpec, info: ValidationInfo) -> VpcCniSpec:
        if "nodes" in info.data:
            vpc_cni.require_prefixes(info.data["nodes"])
        return vpc_cni

    @classmethod
    def of(cls, scenario: Scenario) -> Self:
        """Return a scenario's blocks. Raises ScenarioError if it does not say which nodes there are."""
        given = scenario.model_dump(exclude_unset=True, exclude_none=True)
        return validated(cls, {"nodes": {}} | {name: given[name] for name in cls.model_fields if name in given}, {})

    @classmethod
    def of_keys(cls, values: Mapping[str, object]) -> Self:
        """Return the blocks with these values by dotted key. Raises ScenarioError with every problem."""
        raw: dict[str, object] = {"nodes": {}}
        for key, value in values.items():
            raw = overridden(raw, key, value, cls)
        return validated(cls, raw, {})


def plan_of(question: Question, scenario: Scenario | None, pods_per_node: int | None) -> Plan:
    """Return the cluster. By default its nodes have the pods of the scenario's rollout, or one each, and DaemonSets."""
    if pods_per_node is None:
        pods = question.nodes.count
        if scenario is not None:
            deployment = scenario.deployment
            pods = (deployment.replicas + deployment.surge) * deployment.rolled_at_once
        pods_per_node = -(-pods // question.nodes.count) + question.nodes.daemonset_addresses
    return Plan(question.nodes, question.vpc_cni, pods_per_node)

"""The schema of a scenario. What `albsim schema` shows of a key is the docstring below it.

A spec is frozen and passed straight to the part of the model that it describes. A changed scenario is a new one:
`with_overrides` applies the change to what was given and validates all of it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from sim.scenario.autoscaler import AutoscalerSpec
from sim.scenario.aws_api import AwsApiSpec, BucketSpec, BucketsSpec, OtherClusterSpec
from sim.scenario.controller import ControllerSpec
from sim.scenario.deployment import DeploymentSpec
from sim.scenario.disruptions import DisruptedScenario
from sim.scenario.endpoints import EndpointsSpec
from sim.scenario.kubernetes import KubernetesSpec
from sim.scenario.node_drain import NodeDrainSpec
from sim.scenario.nodes import NodesSpec
from sim.scenario.overrides import overridden
from sim.scenario.pod import PodSpec
from sim.scenario.room import Room, room_of
from sim.scenario.target_group import HealthCheckSpec, TargetGroupSpec
from sim.scenario.traffic import TrafficSpec
from sim.scenario.validation import validated
from sim.scenario.vpc_cni import VpcCniSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AutoscalerSpec",
    "AwsApiSpec",
    "BucketSpec",
    "BucketsSpec",
    "ControllerSpec",
    "DeploymentSpec",
    "EndpointsSpec",
    "HealthCheckSpec",
    "KubernetesSpec",
    "NodesSpec",
    "OtherClusterSpec",
    "PodSpec",
    "Scenario",
    "TargetGroupSpec",
    "TrafficSpec",
    "VpcCniSpec",
]


def _or_extends(schema: dict[str, Any]) -> None:
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "Another scenario file beside this one, to start from: what stands here replaces what stands "
        "there, key by key; a list or a distribution is replaced whole.",
    }


class Scenario(DisruptedScenario):
    """A rolling update to simulate.

    A `Scenario`'s attributes are the keys of a scenario file: `scenario.pod.pre_stop_sleep_s` is the key
    `pod.pre_stop_sleep_s`. Times are in seconds (`_s`), rates per second (`_rps`, `_per_s`). A scenario does not
    change: `with_overrides` makes another one.
    """

    model_config = ConfigDict(json_schema_extra=_or_extends)

    kubernetes: KubernetesSpec = KubernetesSpec()
    """The cluster's Kubernetes."""
    nodes: NodesSpec | None = None
    """The worker nodes, on which each pod needs a place. null: every pod has one, and `pod.startup_s` is all that it
    waits for."""
    vpc_cni: VpcCniSpec | None = None
    """How many addresses each node keeps, and the subnets from which they come, with `nodes`. null: every pod has an
    address."""
    autoscaler: AutoscalerSpec = AutoscalerSpec()
    """What adds nodes for pods without one, with `nodes`."""
    sweep: dict[str, Annotated[tuple[object, ...], Field(strict=False, min_length=1)]] = Field(
        default_factory=dict, json_schema_extra={"default": {}}
    )
    """What `albsim sweep` varies: the list of values of each dotted key. Every combination of them is simulated."""

    @field_validator("kubernetes")
    @classmethod
    def _is_new_enough(cls, kubernetes: KubernetesSpec, info: ValidationInfo) -> KubernetesSpec:
        kubernetes.require_fields_of(info.data.get("deployment"))
        return kubernetes

    @field_validator("vpc_cni")
    @classmethod
    def _has_prefixes(cls, vpc_cni: VpcCniSpec | None, info: ValidationInfo) -> VpcCniSpec | None:
        nodes = info.data.get("nodes")
        if vpc_cni is not None and nodes is not None:
            vpc_cni.require_prefixes(nodes)
        return vpc_cni

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.room is not None:
            self.room.require_places(self.deployment.replicas * self.deployment.rolled_at_once)
            if isinstance(self.disrupted_by, NodeDrainSpec):
                self.room.require_nodes_left(self.disrupted_by.nodes, f"{self.disruption}.nodes")
        return self

    @property
    def room(self) -> Room | None:
        """The places that the nodes have for the Deployments' pods, None where no nodes are given."""
        return None if self.nodes is None else room_of(self.nodes, self.vpc_cni)

    @property
    def simulated_blocks(self) -> frozenset[str]:
        """What a scenario may leave out and has, where it has an effect: `nodes`, `vpc_cni`, a `readiness_gate`."""
        blocks = {"readiness_gate"} if self.pod.readiness_gate else set()
        if self.nodes is not None:
            blocks |= {"nodes"} if self.vpc_cni is None else {"nodes", "vpc_cni"}
        return frozenset(blocks)

    @property
    def depends_on_pod_ends(self) -> bool:
        """Whether the control plane depends on how deleted pods end, as where something waits for them."""
        return self.nodes is not None or self.disrupted_by.depends_on_pod_ends(self.deployment)

    def with_overrides(self, changes: Mapping[str, object]) -> Self:
        """Return the scenario with other values.

        Parameters
        ----------
        changes
            Values by dotted key, each as it would stand in the file. A distribution may be replaced whole or have one
            of its parameters set; an item of a list goes by its number.

        Returns
        -------
        Scenario
            A new scenario; this one stays as it is.

        Raises
        ------
        ScenarioError
            With every problem of the result.
        """
        raw = self.model_dump(exclude_unset=True)
        for key, value in changes.items():
            raw = overridden(raw, key, value, type(self))
        return validated(type(self), raw, {})

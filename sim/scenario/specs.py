"""The schema of a scenario. What `albsim schema` shows of a key is the docstring below it.

A spec is frozen and passed straight to the part of the model that it describes. A changed scenario is a new one:
`with_overrides` applies the change to what was given and validates all of it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from sim.scenario.autoscaler import AutoscalerSpec
from sim.scenario.aws_api import AwsApiSpec, BucketSpec, BucketsSpec, OtherClusterSpec
from sim.scenario.blue_green import BlueGreenSpec
from sim.scenario.cluster_switch import ClusterSwitchSpec
from sim.scenario.controller import ControllerSpec
from sim.scenario.deployment import DeploymentSpec
from sim.scenario.disruption import Beside, DisruptionSpec
from sim.scenario.endpoints import EndpointsSpec
from sim.scenario.fields import WHOLE, Spec
from sim.scenario.kubernetes import KubernetesSpec
from sim.scenario.node_drain import NodeDrainSpec, NodeTerminationSpec
from sim.scenario.nodes import NodesSpec
from sim.scenario.overrides import overridden
from sim.scenario.pod import PodSpec
from sim.scenario.problems import LONGEST_NAME, NOT_IN_A_NAME
from sim.scenario.rollout import RolloutSpec
from sim.scenario.room import Room, room_of
from sim.scenario.scale_in import ScaleInSpec
from sim.scenario.target_group import HealthCheckSpec, TargetGroupSpec
from sim.scenario.traffic import TrafficSpec
from sim.scenario.unplanned import CrashSpec, LivenessFailureSpec, NodeLostSpec
from sim.scenario.validation import validated
from sim.scenario.vpc_cni import VpcCniSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "DISRUPTIONS",
    "AutoscalerSpec",
    "AwsApiSpec",
    "BlueGreenSpec",
    "BucketSpec",
    "BucketsSpec",
    "ClusterSwitchSpec",
    "ControllerSpec",
    "CrashSpec",
    "DeploymentSpec",
    "DisruptionKind",
    "EndpointsSpec",
    "HealthCheckSpec",
    "KubernetesSpec",
    "LivenessFailureSpec",
    "NodeDrainSpec",
    "NodeLostSpec",
    "NodeTerminationSpec",
    "NodesSpec",
    "OtherClusterSpec",
    "PodSpec",
    "RolloutSpec",
    "ScaleInSpec",
    "Scenario",
    "TargetGroupSpec",
    "TrafficSpec",
    "VpcCniSpec",
]

DisruptionKind = Literal[
    "rollout",
    "node_drain",
    "scale_in",
    "crash",
    "liveness_failure",
    "node_lost",
    "blue_green",
    "node_termination",
    "cluster_switch",
]
Disruption = (
    RolloutSpec
    | NodeDrainSpec
    | ScaleInSpec
    | CrashSpec
    | LivenessFailureSpec
    | NodeLostSpec
    | BlueGreenSpec
    | NodeTerminationSpec
    | ClusterSwitchSpec
)
"""What ends pods, told apart by `kind`."""
DISRUPTIONS: dict[str, type[DisruptionSpec]] = {spec.kind: spec for spec in get_args(Disruption)}
D = TypeVar("D", bound=DisruptionSpec)


def _or_extends(schema: dict[str, Any]) -> None:
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "Another scenario file beside this one, to start from: what stands here replaces what stands "
        "there, key by key; a list or a distribution is replaced whole.",
    }


class Scenario(Spec):
    """A rolling update to simulate.

    Its attributes are the keys of a scenario file: `scenario.pod.pre_stop_sleep_s` is the key `pod.pre_stop_sleep_s`.
    Times are in seconds (`_s`), rates per second (`_rps`, `_per_s`). A scenario does not change: `with_overrides` makes
    another one.
    """

    model_config = ConfigDict(json_schema_extra=_or_extends)

    name: Annotated[
        str,
        Field(
            pattern=f"^{NOT_IN_A_NAME.replace('[', '[^', 1)}{{1,{LONGEST_NAME}}}$",
            json_schema_extra={"$comment": "text of 1 to 100 characters in one line, without '/' and '\\'"},
        ),
    ]
    """The scenario's name in tables and file names. Required."""
    description: str = ""
    """One paragraph on what the scenario is for."""
    seed: Annotated[int, Field(ge=0, lt=2**63), WHOLE] = 1
    """The seed of every random stream. The same seed gives the same results."""
    replications: Annotated[int, Field(ge=1, le=1_000_000), WHOLE] = 50
    """Independent repetitions over which results are averaged."""
    traffic: TrafficSpec
    """Required: at least `arrival_rate_rps`."""
    deployment: DeploymentSpec
    """Required: at least `replicas`."""
    pod: PodSpec = PodSpec()
    """The pods."""
    endpoints: EndpointsSpec = EndpointsSpec()
    """How fast the ingress controller hears of a pod."""
    controller: ControllerSpec = Field(default=ControllerSpec(), validate_default=True)
    """The ingress controller of the rolled cluster."""
    aws_api: AwsApiSpec = AwsApiSpec()
    """The AWS API."""
    target_group: TargetGroupSpec = TargetGroupSpec()
    """The target group and the ALB."""
    disruption: DisruptionKind = "rollout"
    """What ends pods. `rollout` is a rolling update of the Deployment. `node_drain` evicts the pods on some nodes, and
    the ReplicaSet replaces them. `scale_in` goes down to fewer replicas. `blue_green` switches a Service's selector,
    `cluster_switch` a DNS record to another cluster.
    Unasked: `crash`, `liveness_failure` and `node_lost`."""
    node_drain: NodeDrainSpec = NodeDrainSpec()
    """The drained nodes and the PodDisruptionBudget, with `disruption: node_drain`."""
    node_termination: NodeTerminationSpec = NodeTerminationSpec()
    """The same for nodes whose machines are then terminated, with `disruption: node_termination`."""
    scale_in: ScaleInSpec = ScaleInSpec()
    """How many replicas are left, and which pods go, with `disruption: scale_in`."""
    crash: CrashSpec = CrashSpec()
    """The containers that end unasked and restart in place, with `disruption: crash`."""
    liveness_failure: LivenessFailureSpec = LivenessFailureSpec()
    """The containers that hang until their liveness probes fail, with `disruption: liveness_failure`."""
    node_lost: NodeLostSpec = NodeLostSpec()
    """The worker node that is lost with its pods, with `disruption: node_lost`."""
    blue_green: BlueGreenSpec = BlueGreenSpec()
    """How long the old pods stay after the switch, with `disruption: blue_green`."""
    cluster_switch: ClusterSwitchSpec = ClusterSwitchSpec()
    """The clients that do not follow the record, and how long the old side stays, with `disruption: cluster_switch`."""
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

    @field_validator("controller")
    @classmethod
    def _fits_pods_and_deployments(cls, controller: ControllerSpec, info: ValidationInfo) -> ControllerSpec:
        controller.require_readiness_gates(info.data.get("pod"))
        controller.require_ingresses(info.data.get("deployment"))
        return controller

    @field_validator("aws_api")
    @classmethod
    def _has_waits_for_every_retry(cls, aws_api: AwsApiSpec, info: ValidationInfo) -> AwsApiSpec:
        aws_api.require_waits(info.data.get("controller"))
        return aws_api

    @field_validator("disruption")
    @classmethod
    def _is_simulated(cls, kind: DisruptionKind, info: ValidationInfo) -> DisruptionKind:
        DISRUPTIONS[kind].require_simulated(_beside(info))
        return kind

    @field_validator(*(kind for kind in DISRUPTIONS if kind != RolloutSpec.kind))
    @classmethod
    def _comes_to_an_end(cls, spec: D, info: ValidationInfo) -> D:
        if info.data.get("disruption") == spec.kind:
            spec.require_end(_beside(info))
        return spec

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
        """The optional blocks of capacity that have an effect."""
        if self.nodes is None:
            return frozenset()
        return frozenset({"nodes"} if self.vpc_cni is None else {"nodes", "vpc_cni"})

    @property
    def disrupted_by(self) -> Disruption:
        """What ends pods: the spec of the scenario's disruption."""
        spec: Disruption = RolloutSpec() if self.disruption == "rollout" else getattr(self, self.disruption)
        return spec

    @property
    def depends_on_pod_ends(self) -> bool:
        """Whether the control plane depends on how deleted pods end, as where something waits for them."""
        return self.nodes is not None or self.disrupted_by.depends_on_pod_ends(self.deployment)

    @property
    def ends_with_last_request(self) -> bool:
        """Whether a pod that is told to end does so with its last request, at the latest at SIGKILL."""
        serves_pooled = self.target_group.connection_reuse and self.pod.idle_connections_at_sigterm == "serve"
        return self.pod.on_sigterm == "drain" and not serves_pooled

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


def _beside(info: ValidationInfo) -> Beside:
    return Beside(*(info.data.get(name) for name in Beside._fields))

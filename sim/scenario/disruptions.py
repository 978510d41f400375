"""Every kind of disruption by its name, with the key and the block of a scenario that belong to it."""

from __future__ import annotations

from typing import Literal, TypeVar, get_args

from pydantic import ValidationInfo, field_validator

from sim.scenario.blue_green import BlueGreenSpec
from sim.scenario.canary import CanarySpec
from sim.scenario.cluster_switch import ClusterSwitchSpec
from sim.scenario.disruption import Beside, DisruptionSpec
from sim.scenario.node_drain import NodeDrainSpec, NodeTerminationSpec
from sim.scenario.rollout import RolloutSpec
from sim.scenario.scale_in import ScaleInSpec
from sim.scenario.scale_out import ScaleOutSpec
from sim.scenario.service import ServiceScenario
from sim.scenario.unplanned import CrashSpec, LivenessFailureSpec, NodeLostSpec

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
    "canary",
    "scale_out",
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
    | CanarySpec
    | ScaleOutSpec
)
"""What ends pods, told apart by `kind`."""
DISRUPTIONS: dict[str, type[DisruptionSpec]] = {spec.kind: spec for spec in get_args(Disruption)}
D = TypeVar("D", bound=DisruptionSpec)


class DisruptedScenario(ServiceScenario):
    """A Service behind an ALB, and what ends its pods."""

    disruption: DisruptionKind = "rollout"
    """What ends pods. `rollout` is a rolling update of the Deployment. `node_drain` evicts the pods on some nodes, and
    the ReplicaSet replaces them. `scale_in` goes down to fewer replicas, `scale_out` up to more, which ends none.
    `blue_green` switches a Service's selector, `cluster_switch` a DNS record to another cluster. `canary` moves the
    traffic by weights.
    Unasked: `crash`, `liveness_failure` and `node_lost`."""
    node_drain: NodeDrainSpec = NodeDrainSpec()
    """The drained nodes and the PodDisruptionBudget, with `disruption: node_drain`."""
    node_termination: NodeTerminationSpec = NodeTerminationSpec()
    """The same for nodes whose machines are then terminated, with `disruption: node_termination`."""
    scale_in: ScaleInSpec = ScaleInSpec()
    """How many replicas are left, and which pods go, with `disruption: scale_in`."""
    scale_out: ScaleOutSpec = ScaleOutSpec()
    """How many replicas there are then, with `disruption: scale_out`."""
    crash: CrashSpec = CrashSpec()
    """The containers that end unasked and restart in place, with `disruption: crash`."""
    liveness_failure: LivenessFailureSpec = LivenessFailureSpec()
    """The containers that hang until their liveness probes fail, with `disruption: liveness_failure`."""
    node_lost: NodeLostSpec = NodeLostSpec()
    """The worker node that is lost with its pods, with `disruption: node_lost`."""
    blue_green: BlueGreenSpec = BlueGreenSpec()
    """How long the old pods stay after the switch, with `disruption: blue_green`."""
    canary: CanarySpec = CanarySpec()
    """The steps by which new pods get the traffic, with `disruption: canary`."""
    cluster_switch: ClusterSwitchSpec = ClusterSwitchSpec()
    """The clients that do not follow the record, and how long the old side stays, with `disruption: cluster_switch`."""

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

    @property
    def disrupted_by(self) -> Disruption:
        """What ends pods: the spec of the scenario's disruption."""
        spec: Disruption = RolloutSpec() if self.disruption == "rollout" else getattr(self, self.disruption)
        return spec


def _beside(info: ValidationInfo) -> Beside:
    return Beside(*(info.data.get(name) for name in Beside._fields))

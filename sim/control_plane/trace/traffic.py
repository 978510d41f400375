"""Records of where traffic is sent: the weights of a listener's rule, and the DNS record of a load balancer."""

from __future__ import annotations

from dataclasses import dataclass

from sim.control_plane.trace import Record


@dataclass(slots=True)
class WeightSet(Record):
    """The Ingress asks for another weight of the canary's target group, in percent."""

    weight: int


@dataclass(slots=True)
class RuleModified(Record):
    """ModifyRule succeeded for the listener that takes the traffic."""

    weight: int


@dataclass(slots=True)
class RuleTaken(Record):
    """The rule of this weight, or none that is newer, has reached an ALB node."""

    weight: int
    node: int


@dataclass(slots=True)
class RecordChanged(Record):
    """The DNS record names the new cluster's load balancer."""


@dataclass(slots=True)
class LoadBalancerDeleted(Record):
    """The old cluster's load balancer is deleted: its address answers nothing."""

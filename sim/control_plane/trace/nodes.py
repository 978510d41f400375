"""Records of worker nodes and their addresses, where a scenario has `nodes`."""

from __future__ import annotations

from dataclasses import dataclass

from sim.control_plane.trace import Record


@dataclass(slots=True)
class PodScheduled(Record):
    """The scheduler gave a pod its node. For pods from before the disruption that was at the trace's beginning."""

    pod: int
    node: int


@dataclass(slots=True)
class NodesRequested(Record):
    """The autoscaler asked for more nodes."""

    nodes: int


@dataclass(slots=True)
class LaunchFailed(Record):
    """An instance was not launched, as no zone's subnet had an address for it."""


@dataclass(slots=True)
class NodeAdded(Record):
    """A new node is Ready."""

    node: int
    zone: int


@dataclass(slots=True)
class NodeTerminated(Record):
    """A drained node's machine is gone: the addresses of these pods, which were on it, answer nothing any more."""

    pods: list[int]


@dataclass(slots=True)
class InstanceGone(Record):
    """The machine of a worker node that is a target is gone: nothing comes through it any more."""

    instance: int


@dataclass(slots=True)
class InstanceDeregistered(Record):
    """DeregisterTargets succeeded for a worker node. The ALB cuts what runs through it at `drain_deadline_s`."""

    instance: int
    drain_deadline_s: float


@dataclass(slots=True)
class InstanceDrained(Record):
    """The deregistration of a worker node has reached an ALB node, which sends it no new request."""

    instance: int
    node: int


@dataclass(slots=True)
class InstanceUnhealthy(Record):
    """An ALB node's checks of a worker node without a machine have failed: it left the rotation there."""

    instance: int
    node: int


@dataclass(slots=True)
class SandboxFailed(Record):
    """The kubelet could not set up a pod's sandbox: its node had no address for it."""

    pod: int
    node: int


@dataclass(slots=True)
class SubnetHeld(Record):
    """The nodes in a zone hold so many addresses of its subnet from here on, of which pods use so many."""

    zone: int
    held: int
    used: int


@dataclass(slots=True)
class SubnetFull(Record):
    """A node was refused the addresses that it wanted: its zone's subnet has too few free ones."""

    node: int
    zone: int


@dataclass(slots=True)
class RolloutStalled(Record):
    """The disruption does not go on: pods wait for a node or an address, and its progress deadline has passed."""

    pending: int
    without_address: list[int]
    """The numbers of the pods that have a node and no address."""

"""What a disruption is to the rest of the control plane: it ends some of a Deployment's pods, and is over at some time.

Kubelet, Endpoints, controller and target group follow a deletion in the same way, whatever caused it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import simpy

    from sim.control_plane.kubernetes.node_turns import NodeTurns
    from sim.control_plane.kubernetes.outage import Outage
    from sim.control_plane.kubernetes.pod import Pod
    from sim.control_plane.kubernetes.replica_set import ControllerManagerClient
    from sim.control_plane.kubernetes.scheduler import Scheduler
    from sim.control_plane.simulation import Simulation
    from sim.scenario.releases.release import Mark
    from sim.scenario.specs import Scenario

_PROCESSES = "sim.control_plane.kubernetes.disruptions"


class NodesAsTargets(Protocol):
    """The nodes as targets of a load balancer, by their numbers."""

    def exclude(self, number: int) -> None:
        """Tell the ingress controller that a node is no longer to be a target."""

    def end_machine(self, number: int) -> None:
        """Let a node's machine go now."""

    def until_left(self) -> Generator[simpy.Event]:
        """Wait until every node that was excluded, or has no machine, is deregistered."""


class Weighed(Protocol):
    """The listener's rule, which forwards to two target groups by weight."""

    def set_weight(self, weight: int) -> None:
        """Ask for another weight of the second target group, in percent."""

    @property
    def is_in_force(self) -> bool:
        """Return whether the AWS API shows the weight that is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disrupted:
    """What a disruption acts on and with.

    `pods` are the Deployment's pods, all available before the disruption. `grace_period_s` is each pod's time to end.
    A disruption calls `adopt` with each pod that it creates, `follow` with a pod that is Ready already and joins the
    Service, and `node_watchers` when it cordons nodes. `gone_s` returns when a deleted pod is gone, as soon as that is
    certain. If nodes are simulated, `scheduler` knows those of the pods, and `end_node` gives back what a node held
    once its machine is gone. If nodes are targets, `instances` has them, and the controller takes out those that have
    one of `heeded_marks`. All Deployments whose nodes are drained together share `turns`. `outages` holds the pods that
    fail unasked. A disruption calls `not_ready` with each of them, and with the event of its being Ready again. With
    two target groups, `rule` is the listener's rule. A new pod that is given to `promote` joins the old pods' Service
    too, whose registered targets are `stable_targets`. Another pod of the old ReplicaSet is given to `bring_back`. With
    `turn_back` some new pods leave their Service, and some old ones join it.
    """

    simulation: Simulation
    pods: Sequence[Pod]
    client: ControllerManagerClient
    adopt: Callable[[Pod], None]
    follow: Callable[[Pod], None]
    grace_period_s: float
    gone_s: Callable[[Pod], Generator[simpy.Event, Any, float]]
    not_ready: Callable[[Pod, simpy.Event], None]
    outages: dict[Pod, Outage]
    turns: NodeTurns
    promote: Callable[[Pod], None]
    stable_targets: Callable[[], set[Pod]]
    turn_back: Callable[[Sequence[Pod], Sequence[Pod]], None]
    bring_back: Callable[[Pod], None]
    rule: Weighed | None = None
    scheduler: Scheduler | None = None
    end_node: Callable[[int], None] | None = None
    instances: NodesAsTargets | None = None
    heeded_marks: frozenset[Mark] = frozenset()
    node_watchers: list[Callable[[], None]] = field(default_factory=list)


class Disruption(Protocol):
    """A rolling update, a node drain, …, which does nothing until `run` is started."""

    @property
    def ending(self) -> Sequence[Pod]:
        """Return the pods that the disruption ends or may end; after `run`, those that it has ended."""

    def run(self) -> Generator[simpy.Event]:
        """Carry out the disruption: delete pods (`PodDeleted`, `pod.deleted`), at the end record `RolloutComplete`."""


def disruption_of(scenario: Scenario, disrupted: Disrupted) -> Disruption:
    """Return what disrupts the Deployment, as the file of its kind in `disruptions/` makes it."""
    disruption: Disruption = import_module(f"{_PROCESSES}.{scenario.disruption}").process(scenario, disrupted)
    return disruption

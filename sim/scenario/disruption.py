"""What the spec of every disruption has: its kind, its words, its rules against other keys, and advice on it.

A disruption is what ends pods. `scenario.disruption` names its kind; its keys stand in the block of that name.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from sim.scenario.fields import Spec, complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.controller import ControllerSpec
    from sim.scenario.deployment import DeploymentSpec
    from sim.scenario.pod import PodSpec
    from sim.scenario.problems import Advice
    from sim.scenario.target_group import TargetGroupSpec


class Beside(NamedTuple):
    """The scenario's other blocks that a disruption depends on; None where a block is invalid itself."""

    deployment: DeploymentSpec | None
    pod: PodSpec | None
    target_group: TargetGroupSpec | None
    controller: ControllerSpec | None


class DisruptionSpec(Spec):
    """A disruption's keys, its words and its rules."""

    kind: ClassVar[str]
    """The value of `disruption` that selects this kind, and the name of its block."""
    noun: ClassVar[str]
    """What reports call one of this kind."""
    complete: ClassVar[str]
    """What has happened when the disruption is over."""
    started: ClassVar[str] = ""
    """The pods that the disruption starts, empty if there are none."""
    ended: ClassVar[str] = "Pods deleted"
    """What happens to the pods that the disruption ends."""
    planned: ClassVar[bool] = True
    """Whether pods are told to end. Otherwise pods fail, and no preStop sleep helps."""
    why_no_sleep: ClassVar[str] = ""
    """Why no preStop sleep decides how many requests are lost, '' where one does."""
    leaves_targets: ClassVar[bool] = True
    """Whether some target of the target group is healthy when the disruption is over."""
    evicts: ClassVar[bool] = False
    """Whether the disruption ends pods through the eviction API. Otherwise a controller deletes them."""
    target_groups: ClassVar[int] = 1
    """2 if new pods are in a target group of their own, and the listener's rule moves the traffic."""
    ignored: ClassVar[frozenset[str]] = frozenset()
    """Keys of `deployment` that have no effect on this disruption."""
    why_ignored: ClassVar[str] = ""
    """Why the keys in `ignored` have none."""

    @classmethod
    def require_simulated(cls, beside: Beside) -> None:
        """Raise a complaint about `disruption` if this kind is not simulated in such a scenario."""

    def require_end(self, beside: Beside) -> None:
        """Raise a complaint about a key of this block that leaves the disruption without an end or without sense."""

    @property
    def unready_pods(self) -> int:
        """Return how many of the Deployment's pods, the last ones, are not Ready before it, and so no targets."""
        return 0

    @property
    def begins_s(self) -> float:
        """When the first of what belongs to it happens, if that is before 0 s."""
        return 0.0

    @property
    def goes_on_until_s(self) -> float:
        """Until when the disruption waits at least, on purpose."""
        return 0.0

    @property
    def delay_key(self) -> str:
        """Return the key of this block that says how long old pods stay once they get no more requests, '' for none."""
        return ""

    @abstractmethod
    def unwise(self, deployment: DeploymentSpec) -> Iterator[Advice]:
        """Yield advice on the disruption of a Deployment in a valid scenario."""

    def depends_on_pod_ends(self, deployment: DeploymentSpec) -> bool:  # noqa: ARG002 - for kinds that wait
        """Return whether the control plane depends on how deleted pods end, as where something waits for that."""
        return False


def require_one_deployment_of_ip_targets(kind: str, beside: Beside) -> None:
    """Refuse a kind of disruption with worker nodes as targets, and with several Deployments."""
    if beside.target_group is not None and beside.target_group.target_type == "instance":
        raise complaint(found=f"{kind!r} is not simulated with target_group.target_type 'instance'")
    if beside.deployment is not None and beside.deployment.rolled_at_once > 1:
        raise complaint(found=f"{kind!r} is not simulated with several Deployments (deployment.rolled_at_once)")

"""What the spec of every disruption has: its kind, what it cannot be combined with, and what is unwise about it.

A disruption is what ends pods. `scenario.disruption` names its kind; its keys stand in the block of that name.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from sim.scenario.fields import Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.advice_on_requests import Advice
    from sim.scenario.deployment import DeploymentSpec
    from sim.scenario.pod import PodSpec
    from sim.scenario.specs import Scenario
    from sim.scenario.target_group import TargetGroupSpec


class Beside(NamedTuple):
    """What stands beside a disruption in its scenario; None where that is invalid itself."""

    deployment: DeploymentSpec | None
    pod: PodSpec | None
    target_group: TargetGroupSpec | None


class DisruptionSpec(Spec):
    """A disruption's keys, and its rules."""

    kind: ClassVar[str]
    """Its name as the value of `disruption`, and of its block."""
    evicts: ClassVar[bool] = False
    """Whether it ends pods through the eviction API; else a controller deletes them."""
    ignored: ClassVar[frozenset[str]] = frozenset()
    """Keys of `deployment` that have no effect on it."""
    why_ignored: ClassVar[str] = ""
    """Why they have none."""

    @classmethod
    def require_simulated(cls, beside: Beside) -> None:
        """Raise a complaint about `disruption` if this kind is not simulated in such a scenario."""

    def require_end(self, beside: Beside) -> None:
        """Raise a complaint about a key of this block if with it the disruption has no end, or no sense."""

    @abstractmethod
    def unwise(self, scenario: Scenario) -> Iterator[Advice]:
        """Say what is unwise about it in a valid scenario."""

    @abstractmethod
    def depends_on_pod_ends(self, deployment: DeploymentSpec) -> bool:
        """Say whether the control plane depends on how deleted pods end, as where something waits for them."""

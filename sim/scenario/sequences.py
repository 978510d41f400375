"""The sequence of AWS calls in a reconcile, as data, for the table of releases.

A sequence is a tuple of steps. A controller takes them in turn, and gives up the reconcile where a call fails.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from enum import Enum, unique
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.actions import Action


@dataclass(frozen=True, slots=True)
class Call:
    """A call that reads. `about` says what it asks for, where a reconcile asks for several things by one action.

    `shared`: every ingress of the cluster asks for the same. `for_https`: the call is made for HTTPS listeners alone.
    `addresses_each`: the number of the ingress's addresses that one call covers; None: one call covers all.
    """

    action: Action
    about: str = ""
    _: KW_ONLY
    shared: bool = False
    for_https: bool = False
    addresses_each: int | None = None

    def __str__(self) -> str:
        """Return the name on the page of the controllers."""
        about = f" ({self.about})" if self.about else ""
        addresses = f" for each {self.addresses_each} addresses" if self.addresses_each else ""
        return f"`{self.action}`{about}{addresses}"


@unique
class Tags(Enum):
    """DescribeTags of several resources at once, for those whose tags are not known."""

    LOAD_BALANCERS = "of the load balancers"
    TARGET_GROUPS = "of the target groups"
    LISTENERS = "of the listeners"
    RULES = "of the rules"

    def __str__(self) -> str:
        """Return the name on the page of the controllers."""
        return f"`elasticloadbalancing:DescribeTags` {self.value}"


@unique
class Step(Enum):
    """Steps of a reconcile that are more than one reading call."""

    READ_ENDPOINTS = "reading the endpoints"
    COMPARE_TARGETS = "comparing the targets"
    REGISTER = "RegisterTargets"
    DEREGISTER = "DeregisterTargets"
    MODIFY_RULE = "ModifyRule"
    READ_TARGETS = "reading the targets"
    SEE_TO_NETWORK = "seeing to the network"
    READ_VPC = "reading the VPC"
    FIND_BACKEND_GROUP = "finding the backend security group"

    def __str__(self) -> str:
        """Return the name on the page of the controllers."""
        return self.value


@unique
class Each(Enum):
    """The parts of which an ingress has several."""

    TARGET_GROUP = "target group"
    LISTENER = "listener"


@dataclass(frozen=True, slots=True)
class ForEach:
    """Steps that are taken for each target group, or listener, of the ingress in turn."""

    each: Each
    steps: tuple[InLoop, ...]


InLoop = Call | Tags | Step
Sequence = tuple[InLoop | ForEach, ...]


def labels(sequence: Sequence) -> Iterator[str]:
    """Yield the name of each step on the page of the controllers."""
    for part in sequence:
        if isinstance(part, ForEach):
            yield from (f"{step} for each {part.each.value}" for step in part.steps)
        else:
            yield str(part)

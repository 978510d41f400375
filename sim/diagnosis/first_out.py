"""Which was first to take a target out of rotation: its failing health checks, or its deregistration.

Both paths run at once, and end at each ALB node separately. By one, the node's checks have failed often enough. By the
other, the deregistration has reached the node through the controller and the AWS API. The last node to drop a target
decides, as clients see errors until then. Fail-open may keep a target in rotation whose checks were first.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.diagnosis.pod_ends import PodEnd


class OutBy(Enum):
    """A path by which a target leaves the rotation."""

    HEALTH_CHECK = auto()
    DEREGISTRATION = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstOut:
    """For how many targets the health checks were first, at the last node and at each node, and the number of targets.

    `ahead_s`: the median time by which health checks came first. `behind_s`: the median time by which the
    deregistration came first. `kept`: how many targets fail-open kept in rotation although their checks came first.
    """

    targets: int
    by_checks: int
    by_node: tuple[int, ...]
    ahead_s: float
    behind_s: float
    kept: int


def first_at_nodes(end: PodEnd) -> tuple[OutBy, ...]:
    """Return which path was first at each node."""
    return tuple(
        OutBy.HEALTH_CHECK if unhealthy_s < drained_s else OutBy.DEREGISTRATION
        for unhealthy_s, drained_s in zip(end.unhealthy_s, end.drained_s, strict=True)
    )


def first(end: PodEnd) -> OutBy:
    """Return which path was first at the last node."""
    return first_at_nodes(end)[_last_node(end)]


def first_out(ends: Sequence[PodEnd]) -> FirstOut | None:
    """Return the counts, or None if no target's health checks failed or there are no health checks."""
    if not np.isfinite([time_s for end in ends for time_s in end.unhealthy_s]).any():
        return None
    by_checks = [end for end in ends if first(end) is OutBy.HEALTH_CHECK]
    by_node = zip(*map(first_at_nodes, ends), strict=True)
    lead_s = np.array([end.drained_s[_last_node(end)] - end.unhealthy_s[_last_node(end)] for end in ends])
    return FirstOut(
        targets=len(ends),
        by_checks=len(by_checks),
        by_node=tuple(paths.count(OutBy.HEALTH_CHECK) for paths in by_node),
        ahead_s=_median(lead_s[lead_s > 0]),
        behind_s=_median(-lead_s[lead_s <= 0]),
        kept=sum(end.left_by_deregistration for end in by_checks),
    )


def _last_node(end: PodEnd) -> int:
    return int(np.argmax(np.minimum(end.unhealthy_s, end.drained_s)))


def _median(values_s: np.ndarray) -> float:
    return float(np.median(values_s)) if values_s.size else np.nan

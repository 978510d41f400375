"""Cold pods: a new pod serves more slowly for a while (`pod.cold_factor`, `pod.warm_up_s`).

Modelled: each request that reaches a target before `warm_up_s` have passed, since the first ALB node found it healthy,
takes `cold_factor` times as long. Targets from before the disruption are warm.

Left out: that a pod warms with the requests that it serves, and by degrees.

In an expectation each target is sent requests at two paces, one after the other (`Pace`).

Sources: this model's own; AWS names cold targets as the reason for slow start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sim.data_plane.rotation import Rotation
    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import PodSpec


def cold_until_s(timeline: Timeline, pod: PodSpec) -> Times:
    """Return until when each target is cold, shape (targets,), `-inf` for one that is not."""
    first_s = np.maximum(timeline.registered_from_s, timeline.healthy_from_s).min(axis=0)
    is_new = np.isfinite(first_s) & (pod.cold_factor > 1)
    return np.where(is_new, first_s + pod.warm_up_s, -np.inf)


class ServiceLaw(Protocol):
    """What an expectation needs of a service time's law (see `scenario.law`)."""

    def sf(self, x: ArrayLike) -> Times:
        """Return P(X > x)."""

    def limited_mean(self, x: ArrayLike) -> Times:
        """Return E[min(X, x)]."""

    def ppf(self, q: ArrayLike) -> Times:
        """Return the smallest x with P(X ≤ x) ≥ q."""


@dataclass(frozen=True, slots=True)
class Slowed:
    """The law of a service that takes `factor` times as long."""

    law: ServiceLaw
    factor: float

    def sf(self, x: ArrayLike) -> Times:
        """Return P(factor · X > x)."""
        return self.law.sf(np.asarray(x) / self.factor)

    def limited_mean(self, x: ArrayLike) -> Times:
        """Return E[min(factor · X, x)]."""
        return self.factor * self.law.limited_mean(np.asarray(x) / self.factor)

    def ppf(self, q: ArrayLike) -> Times:
        """Return the smallest x with P(factor · X ≤ x) ≥ q."""
        return self.factor * self.law.ppf(q)


@dataclass(frozen=True, slots=True, eq=False)
class Pace:
    """How long services take of the requests that reach a target from `from_s` until `until_s`, shape (targets,).

    `longest_s` is the longest service, in effect.
    """

    law: ServiceLaw
    longest_s: float
    from_s: Times
    until_s: Times

    def within(self, rotation: Rotation) -> tuple[Times, Times]:
        """Return where each spell of a rotation has this pace: from and until. A spell without this pace is empty."""
        target = rotation.target
        return np.maximum(rotation.from_s, self.from_s[target]), np.minimum(rotation.until_s, self.until_s[target])


def paces_of(law: ServiceLaw, longest_s: float, timeline: Timeline, pod: PodSpec) -> list[Pace]:
    """Return the paces of a replication: that of warm pods first, and that of cold ones if there are any."""
    until_s = cold_until_s(timeline, pod)
    warm = Pace(law, longest_s, until_s, np.full(until_s.size, np.inf))
    if np.isneginf(until_s).all():
        return [warm]
    slowed = Slowed(law, pod.cold_factor)
    return [warm, Pace(slowed, pod.cold_factor * longest_s, np.full(until_s.size, -np.inf), until_s)]

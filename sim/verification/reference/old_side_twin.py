"""The DNS record of a cluster switch again, naively: for one request after the other, which load balancer it goes to.

Written from docs/facts/capacity.md §4 and docs/model.md, "Cluster switch". The twin has two forms:
- `share` adds up the chance at one moment, for the comparison with the data plane draw by draw;
- `Client` is no formula at all: a client with a cache, a habit and perhaps an open connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

    from sim.scenario.cluster_switch import ClusterSwitchSpec


class Side(Protocol):
    """The old ALB as the timeline gives it: how many nodes it has, when the record changed, and when it was deleted."""

    @property
    def spec(self) -> ClusterSwitchSpec:
        """The switch."""

    @property
    def nodes(self) -> int:
        """How many nodes each ALB has."""

    @property
    def changed_s(self) -> float:
        """When the record changed."""

    @property
    def deleted_s(self) -> float:
        """When the old ALB was deleted."""


def share(side: Side, at_s: float) -> float:
    """Return the chance that a request goes to the old ALB."""
    spec, since_s = side.spec, at_s - side.changed_s
    looked_up = _old_at(spec, since_s)
    if at_s >= side.deleted_s or not spec.kept_alive_fraction:
        return looked_up
    age_s = spec.client_keep_alive_s
    old_s = _old_until(spec, since_s) - _old_until(spec, since_s - age_s)
    return (1 - spec.kept_alive_fraction) * looked_up + spec.kept_alive_fraction * old_s / age_s


def _old_at(spec: ClusterSwitchSpec, since_s: float) -> float:
    if since_s < 0:
        return 1.0
    obeys = max(0.0, 1 - since_s / spec.record_ttl_s) if spec.record_ttl_s else 0.0
    holds = float(spec.stale_s.sf(since_s))
    return spec.pinned_fraction + (1 - spec.pinned_fraction) * (
        (1 - spec.stale_fraction) * obeys + spec.stale_fraction * holds
    )


def _old_until(spec: ClusterSwitchSpec, since_s: float) -> float:
    """Return the integral of `_old_at` from 0 s on: whole seconds before that, then triangles and tails."""
    if since_s < 0:
        return since_s
    ttl_s = spec.record_ttl_s
    obeys_s = ttl_s / 2 - max(0.0, ttl_s - since_s) ** 2 / (2 * ttl_s) if ttl_s else 0.0
    holds_s = float(spec.stale_s.limited_mean(since_s))
    return spec.pinned_fraction * since_s + (1 - spec.pinned_fraction) * (
        (1 - spec.stale_fraction) * obeys_s + spec.stale_fraction * holds_s
    )


@dataclass(frozen=True, slots=True)
class Client:
    """Who sends one request: when its cache lets go of the old address, and how old its connection is."""

    forgets_s: float
    connection_age_s: float

    @classmethod
    def drawn(cls, side: Side, rng: np.random.Generator) -> Client:
        """Return a random client."""
        spec = side.spec
        age_s = rng.uniform(0, spec.client_keep_alive_s) if rng.random() < spec.kept_alive_fraction else 0.0
        if rng.random() < spec.pinned_fraction:
            return cls(float("inf"), age_s)
        if rng.random() < spec.stale_fraction:
            return cls(side.changed_s + float(spec.stale_s.sample(rng, 1)[0]), age_s)
        looked_up_before_s = rng.uniform(0, spec.record_ttl_s)
        return cls(side.changed_s + spec.record_ttl_s - looked_up_before_s, age_s)

    def asks_old(self, side: Side, at_s: float) -> bool:
        """Return whether the request goes to the old ALB. An open connection does, if it was opened to that one."""
        opened_s = at_s - self.connection_age_s
        is_cut = at_s >= side.deleted_s
        return (at_s if is_cut else opened_s) < max(self.forgets_s, side.changed_s)

"""A switch of whole clusters: a DNS record passes from the old cluster's ALB to that of a new cluster beside it.

Sources are named in short: facts is docs/facts/capacity.md §4, AWS the documentation of Route 53 and Elastic Load
Balancing, external-dns kubernetes-sigs/external-dns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from sim.scenario.disruption import Beside, DisruptionSpec
from sim.scenario.distributions import Constant, DistributionField
from sim.scenario.fields import LONGEST_S, PositiveSeconds, Seconds, Share, complaint
from sim.scenario.lognormal import Lognormal
from sim.scenario.problems import Advice, plain, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from sim.scenario.deployment import DeploymentSpec

    Floats = NDArray[np.float64]

LONGEST_KEPT_S = 30 * 86_400.0


class ClusterSwitchSpec(DisruptionSpec):
    """The change of the DNS record, the clients that do not follow it, and how long the old side is kept."""

    kind: ClassVar = "cluster_switch"
    noun: ClassVar = "cluster switch"
    complete: ClassVar = "old side removed"
    ended: ClassVar = "Old pods deleted"
    why_no_sleep: ClassVar = "no preStop sleep decides it, but how long the old side is kept: ask without --for"
    leaves_targets: ClassVar = False
    ignored: ClassVar = frozenset(
        {"max_surge", "max_unavailable", "min_ready_s", "sync_latency_s", "pod_replacement_policy", "strategy"}
    )
    why_ignored: ClassVar = "the new cluster's pods are Ready before the switch, and the old ones go all at once"

    record_ttl_s: Seconds = 60.0
    """The record's TTL. Default: an alias record's, which cannot be set (AWS). A plain record that external-dns writes
    has 300 s (provider/aws/aws.go)."""
    record_change_s: DistributionField = Constant(value=0)
    """From 0 s until Route 53 answers with the new address.

    Default: at once. By hand the change takes up to 60 s (AWS). external-dns looks every 60 s, and so adds `{dist:
    uniform, low: 0, high: 60}` (types.go).
    """
    stale_fraction: Share = 0.075
    """The share of new connections whose clients hold the old address on, whatever the TTL. Default: chosen so that
    6.5 % come more than 60 s late, as DNS-OARC 41 measured (facts)."""
    stale_s: DistributionField = Lognormal(median=300, sigma=1.5)
    """For how long such clients hold the old address, from the record's change on.

    Default: an assumption that fits the same (facts).
    """
    pinned_fraction: Share = 0.0
    """The share of clients that never look the name up again: a JVM with a security manager, a hard-coded address.
    Default: none."""
    kept_alive_fraction: Share = 0.0
    """The share of requests on connections that are used again before `target_group.idle_timeout_s` has passed.

    Clients of such connections ask no resolver until `client_keep_alive_s`. Default: an assumption, each request is a
    new connection's.
    """
    client_keep_alive_s: PositiveSeconds = 3600.0
    """After how long the ALB closes a connection that is used all the time. Default: AWS, HTTP client keepalive
    duration."""
    new_pods_created_at_s: Annotated[float, Field(ge=-86_400, le=LONGEST_S)] | None = None
    """When the new cluster's pods are created, before the switch if negative.

    The new pods then start, take addresses of the same subnets, and are registered by their own controller. Default:
    null, they are Ready and registered at 0 s.
    """
    old_pods_removed_at_s: Seconds = 1800.0
    """When the old cluster's pods are deleted. Default: an assumption, half an hour after the switch."""
    old_alb_deleted_at_s: Seconds = 3600.0
    """When the old ALB is deleted.

    From then on the old address answers nothing. Default: an assumption, an hour after the switch.
    """
    counted_until_s: Seconds = 14_400.0
    """Until when requests are counted, at the least. Default: four hours, when 0.04 % of new connections still look for
    the old ALB, if none are pinned."""

    @classmethod
    def require_simulated(cls, beside: Beside) -> None:
        """Refuse worker nodes as targets."""
        if beside.target_group is not None and beside.target_group.target_type == "instance":
            raise complaint(
                found=f"{cls.kind!r} is not simulated with target_group.target_type 'instance'",
                hint="with 'ip' as many requests are lost: it is the clients that still look for the old side",
            )

    def require_end(self, beside: Beside) -> None:  # noqa: ARG002 - its own keys only
        """Refuse an old side that is kept for longer than requests are counted, or than 30 days, and later pods."""
        for key in ("old_pods_removed_at_s", "old_alb_deleted_at_s", "new_pods_created_at_s"):
            at_s = getattr(self, key) or 0.0
            if at_s > LONGEST_KEPT_S:
                raise complaint(key=key, expected=f"at most {plain(LONGEST_KEPT_S)}", found=shown(at_s))
            if at_s > self.counted_until_s:
                expected = f"at most {plain(self.counted_until_s)}, {self.kind}.counted_until_s"
                raise complaint(key=key, expected=expected, found=shown(at_s))

    @property
    def begins_s(self) -> float:
        """When the new cluster's pods are created, if that is before 0 s."""
        return min(0.0, self.new_pods_created_at_s or 0.0)

    @property
    def goes_on_until_s(self) -> float:
        """When the last of the old side goes."""
        return max(self.old_pods_removed_at_s, self.old_alb_deleted_at_s, self.new_pods_created_at_s or 0.0)

    def unwise(self, deployment: DeploymentSpec) -> Iterator[Advice]:  # noqa: ARG002 - whatever is switched
        """Yield advice on how early the old side goes."""
        if self.old_alb_deleted_at_s < self.old_pods_removed_at_s:
            yield Advice(
                f"{self.kind}.old_alb_deleted_at_s",
                f"the old ALB goes {plain(self.old_pods_removed_at_s - self.old_alb_deleted_at_s)} s before its pods, "
                "which then serve nobody: who still asks for it gets no answer at all",
            )

    def still_old(self, since_s: ArrayLike) -> Floats:
        """Return the share of new connections that go to the old ALB, by the seconds since the record changed.

        The share is 1 before the change. In the shape of `since_s`.
        """
        at_s = np.asarray(since_s, dtype=np.float64)
        after_s = np.maximum(at_s, 0.0)
        obeying = np.maximum(0.0, 1.0 - after_s / self.record_ttl_s) if self.record_ttl_s else np.zeros(at_s.shape)
        stale = self.stale_s.sf(after_s)
        following = (1 - self.stale_fraction) * obeying + self.stale_fraction * stale
        return np.where(at_s < 0, 1.0, self.pinned_fraction + (1 - self.pinned_fraction) * following)

    def still_old_for_s(self, since_s: ArrayLike) -> Floats:
        """Return the integral of `still_old` from the record's change on: how many seconds of traffic went there."""
        at_s = np.asarray(since_s, dtype=np.float64)
        after_s = np.maximum(at_s, 0.0)
        within_s = np.minimum(after_s, self.record_ttl_s)
        obeying_s = within_s - within_s**2 / (2 * self.record_ttl_s) if self.record_ttl_s else np.zeros(at_s.shape)
        following_s = (1 - self.stale_fraction) * obeying_s + self.stale_fraction * self.stale_s.limited_mean(after_s)
        share_s = self.pinned_fraction * after_s + (1 - self.pinned_fraction) * following_s
        return np.where(at_s < 0, at_s, share_s)

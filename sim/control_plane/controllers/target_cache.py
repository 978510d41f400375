"""What aws-load-balancer-controller remembers of its target groups' targets, and the lock around that cache.

The real `cachedTargetsManager` holds each target group's targets with their health, for 5 minutes from the call that
read them all. Within that time it asks again only for targets that were not healthy, and makes no call if all were.
A target that was just registered or deregistered is of unknown health, so the next read asks for it.

Modelled:
- The cache.
- `targetsCacheMutex`, which is held across DescribeTargetHealth and its retries. Meanwhile no other worker reads any
  target group, or notes what it has written.
- RegisterTargets and DeregisterTargets take chunks of 200 targets.
- A target that fails its checks after it was seen healthy goes unnoticed, as in the real controller.

Left out: the paging of DescribeTargetHealth.

Sources: pkg/targetgroupbinding/targets_manager.go@043f39b947 (docs/facts/controller.md §4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sim.control_plane.controllers.lock import Lock
from sim.scenario.actions import Action

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    import simpy

    from sim.control_plane.aws.aws_client import AwsClient
    from sim.control_plane.aws.target_group import TargetHealth
    from sim.control_plane.controllers.ingress import Backend

LIFETIME_S = 300.0
TARGETS_PER_CALL = 200

T = TypeVar("T")
TargetGroupName = tuple[int, int]
"""An ingress's number, and a backend's position in that ingress."""


@dataclass(slots=True)
class Known:
    """What is known of a target group until `until_s`: the targets that are not draining, and some of their states.

    `unsettled` are the targets to ask for again: those that were not healthy, and those written since. Draining targets
    are asked for too, as long as one was draining when last asked, but nothing new can be heard of them. `changed` are
    the targets that may have become registered, or may be so no longer, since somebody cleared it.
    """

    until_s: float
    registered: set[Any]
    initial: set[Any]
    healthy: set[Any]
    unsettled: set[Any]
    changed: set[Any] = field(default_factory=set)
    drained_s: float = -math.inf
    was_draining: bool = False

    def learn(self, asked: set[Any], health: TargetHealth[Any], now_s: float) -> None:
        """Take over the answer for the targets in the request."""
        self.registered -= asked
        self.registered |= health.registered
        self.initial = health.initial
        self.healthy |= health.healthy
        self.unsettled = health.initial | health.unhealthy
        self.changed |= asked
        self.drained_s = max([self.drained_s, *health.draining.values()])
        self.was_draining = now_s < self.drained_s

    def doubt(self, targets: Iterable[Any]) -> None:
        """Mark the health of these targets as unknown."""
        for states in (self.registered, self.initial, self.healthy):
            states.difference_update(targets)
        self.unsettled.update(targets)
        self.changed.update(targets)


class TargetCache:
    """The targets of every target group of one controller, and its calls that read and change them."""

    def __init__(self, env: simpy.Environment, client: AwsClient) -> None:
        self._env = env
        self._client = client
        self._lock = Lock(env)
        self._known: dict[TargetGroupName, Known] = {}

    def read(self, name: TargetGroupName, backend: Backend[T], reconcile: int) -> Generator[simpy.Event, Any, Known]:
        """Return what is known of the targets, after a call if one is needed. Raises `ThrottledError`."""
        with (yield from self._lock.taken()):
            known = self._held(name)
            if known is None:
                yield from self._client.call(Action.DESCRIBE_TARGET_HEALTH, reconcile)
                known = Known(self._env.now + LIFETIME_S, set(), set(), set(), set())
                known.learn(set(), backend.health(), self._env.now)
                self._known[name] = known
            elif known.unsettled or known.was_draining:
                asked = known.unsettled
                yield from self._client.call(Action.DESCRIBE_TARGET_HEALTH, reconcile)
                known.learn(asked, backend.health(asked), self._env.now)
            return known

    def register(
        self, name: TargetGroupName, backend: Backend[T], targets: Iterable[T], reconcile: int
    ) -> Generator[simpy.Event]:
        """Register the targets, chunk by chunk. Raises `ThrottledError` where a chunk fails."""
        for chunk in _chunks(targets):
            effect = partial(backend.register, chunk)
            yield from self._client.call(Action.REGISTER_TARGETS, reconcile, effect)
            yield from self._note(name, chunk)

    def deregister(
        self, name: TargetGroupName, backend: Backend[T], targets: Iterable[T], reconcile: int
    ) -> Generator[simpy.Event]:
        """Deregister the targets, chunk by chunk. Raises `ThrottledError` where a chunk fails."""
        for chunk in _chunks(targets):
            effect = partial(backend.deregister, chunk)
            yield from self._client.call(Action.DEREGISTER_TARGETS, reconcile, effect)
            yield from self._note(name, chunk)

    def _held(self, name: TargetGroupName) -> Known | None:
        known = self._known.get(name)
        return known if known is not None and self._env.now < known.until_s else None

    def _note(self, name: TargetGroupName, targets: Iterable[T]) -> Generator[simpy.Event]:
        with (yield from self._lock.taken()):
            known = self._held(name)
        if known is not None:
            known.doubt(targets)


def _chunks(targets: Iterable[T]) -> Iterator[list[T]]:
    ordered = sorted(targets)  # type: ignore[type-var]  # pods and numbers, both ordered
    for start in range(0, len(ordered), TARGETS_PER_CALL):
        yield ordered[start : start + TARGETS_PER_CALL]

"""The checkpoints of aws-load-balancer-controller, by which v2.9.1 and later pass over what has not changed.

A TargetGroupBinding (TGB) has in its annotations the hash of the endpoints of its last reconcile, and its time. A TGB
whose endpoints still have that hash is passed over.

Modelled:
- The checkpoint is reset before any change, so that whatever happens then the TGB is reconciled once more.
- What is passed over is checked 30 to 45 minutes later. Up to v2.13.2 that is done if the checkpoint is older than the
  sync period, then and when the check is due. From v2.13.3 on the process itself remembers for a sync period what it
  has reconciled or deferred; a new process remembers nothing.
- A check resets the checkpoint, of which the watch tells the controller.

Left out: that the time is kept in whole seconds.

Sources: controllers/elbv2/targetgroupbinding_deferred_reconciler.go@v2.9.1 and v2.13.3, pkg/targetgroupbinding/utils.go
and resource_manager.go (`updateTGBCheckPoint`) of kubernetes-sigs/aws-load-balancer-controller.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sim.control_plane.controllers.ingress import Checkpoint
from sim.control_plane.controllers.work_queue import WorkQueue
from sim.scenario.distributions import Uniform
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import simpy

    from sim.control_plane.clock import Clock
    from sim.control_plane.controllers.binding import Binding
    from sim.control_plane.controllers.ingress import Ingress
    from sim.control_plane.controllers.target_cache import TargetGroupName
    from sim.scenario.releases import LoadBalancerControllerRelease
    from sim.streams import Streams

DEFERRED_FOR_S = Uniform(dist="uniform", low=1800, high=2700)


class Checkpoints:
    """The checkpoints of a cluster's TGBs, which outlive the process, and what one process remembers of its checks."""

    def __init__(
        self,
        env: Clock,
        release: LoadBalancerControllerRelease,
        ingresses: Sequence[Ingress],
        streams: Streams,
        cluster: int,
        *,
        sync_period_s: float,
    ) -> None:
        self._env = env
        self._release = release
        self._ingresses = ingresses
        self._sync_period_s = sync_period_s
        self._deferred: WorkQueue[TargetGroupName] = WorkQueue(env, shared_bucket=False)
        self._deferred_for_s = streams.draws(DEFERRED_FOR_S, Stream.DEFERRED_CHECK, cluster)
        self._checked_until_s: dict[TargetGroupName, float] = {}
        self._reset: set[TargetGroupName] = set()
        self._write_first(streams, cluster)

    def _write_first(self, streams: Streams, cluster: int) -> None:
        """Write the checkpoints of a process that has run for long, which checks each TGB at every second resync."""
        ages = streams.uniforms(Stream.LAST_CHECKED, cluster)
        for ingress in self._ingresses:
            for position, backend in enumerate(ingress.backends):
                if position not in ingress.checkpoints:
                    at_s = self._env.now - 2 * self._sync_period_s * next(ages)
                    ingress.checkpoints[position] = Checkpoint(at_s, len(backend.changes))
                    self._checked_until_s[ingress.number, position] = at_s + self._sync_period_s

    def _of(self, name: TargetGroupName) -> Checkpoint:
        number, position = name
        return self._ingresses[number].checkpoints[position]

    def reset(self, name: TargetGroupName) -> None:
        """Reset the checkpoint of a TGB before a change."""
        if self._release.passes_over_unchanged and self._of(name).seen is not None:
            self._clear(name)
            self._reset.add(name)

    def pop_reset(self, name: TargetGroupName) -> bool:
        """Return whether the reconcile that ends has reset the checkpoint, of which the watch tells at once."""
        was_reset = name in self._reset
        self._reset.discard(name)
        return was_reset

    def write(self, name: TargetGroupName, binding: Binding[Any]) -> None:
        """Write the checkpoint of a reconcile that has finished its work."""
        binding.write_checkpoint(self._env.now)
        if not self._remembers(name):
            self._remember(name)

    def defer(self, name: TargetGroupName) -> None:
        """Have a TGB that is passed over checked later, if its last check is old."""
        if self._is_due(name):
            self._deferred.add_after(name, next(self._deferred_for_s))
            self._remember(name)

    def check(self, enqueue: Callable[[TargetGroupName], None]) -> Generator[simpy.Event]:
        """Reset the checkpoints of deferred TGBs when they are due, which enqueues them, for ever."""
        while True:
            name = yield from self._deferred.get()
            if self._release.remembers_checks or self._is_old(name):
                self._clear(name)
                enqueue(name)
            self._deferred.done(name)

    def _clear(self, name: TargetGroupName) -> None:
        checkpoint = self._of(name)
        checkpoint.at_s, checkpoint.seen = self._env.now, None

    def _is_due(self, name: TargetGroupName) -> bool:
        return not self._remembers(name) if self._release.remembers_checks else self._is_old(name)

    def _is_old(self, name: TargetGroupName) -> bool:
        return self._env.now - self._of(name).at_s > self._sync_period_s

    def _remembers(self, name: TargetGroupName) -> bool:
        return self._env.now < self._checked_until_s.get(name, -math.inf)

    def _remember(self, name: TargetGroupName) -> None:
        self._checked_until_s[name] = self._env.now + self._sync_period_s

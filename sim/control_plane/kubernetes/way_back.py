"""The way back of an aborted canary with `dynamicStableScale`: what one sync of Argo Rollouts asks for.

The old pods have become fewer, so they cannot take all requests at once. Old pods come back in the steps' order
reversed.

Modelled:
- The next step down is the last of the steps' weights that asks for fewer new pods than there still are. If there is
  none, the next step is 0.
- The weight goes to that step once enough old pods are available. On the way to 0 the weight follows each old pod that
  is available.
- There are as many old pods as the step or the weight of the sync before asks for, whichever is more. The same holds of
  new pods, with this sync's weight.
- A sync that scales the old ReplicaSet leaves the new one to the next.
- With an `abortScaleDownDelaySeconds` of their own the new pods all stay, and the next step down is that of the old
  ones still missing. The new pods go so long after all old ones are back.

Sources: argo-rollouts, calculateDesiredWeightOnAbortOrStableRollback in rollout/trafficrouting.go,
GetDesiredCanaryWeight and CalculateReplicaCountsForTrafficRoutedCanary in utils/replicaset/canary.go,
reconcileNewReplicaSet in rollout/replicaset.go@9f8d111d8f.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WHOLE = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a sync asks for: the weight of the new pods in percent, and how many pods of each ReplicaSet."""

    weight: int
    old: int
    new: int


@dataclass(frozen=True, slots=True)
class WayBack:
    """The way back to `replicas` old pods, past the `weights` of the canary's steps.

    If `new_stay`, the new pods are not waited for.
    """

    replicas: int
    weights: Sequence[int]
    new_stay: bool

    def sync(self, weight: int, *, old: int, new: int) -> Wanted:
        """Return what a sync asks for that finds this weight and so many available pods of each ReplicaSet."""
        step = self._next_step(self.replicas - old if self.new_stay else max(self.replicas - old, new))
        then = min(weight, self._weight(step, weight, WHOLE * old // self.replicas))
        return Wanted(
            weight=then,
            old=max(share(WHOLE - step, self.replicas), share(WHOLE - weight, self.replicas)),
            new=max(share(step, self.replicas), share(then, self.replicas)),
        )

    def _next_step(self, new: int) -> int:
        return next((weight for weight in reversed(self.weights) if share(weight, self.replicas) < new), 0)

    @staticmethod
    def _weight(step: int, weight: int, old_percent: int) -> int:
        """Return the weight that the old pods allow, which are so many per cent of all."""
        if step == 0:
            return WHOLE - old_percent
        return step if old_percent >= WHOLE - step else weight


def share(weight: int, replicas: int) -> int:
    """Return how many replicas a weight asks for, rounded up."""
    return -(-weight * replicas // WHOLE)

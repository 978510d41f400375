"""What a report can tell of a replication: its pods' ends, the controller's reconciles, and the parts of each lag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.diagnosis.controller_log import held_up_until_s, reconciles_of, throttled_before
from sim.diagnosis.first_out import first_out
from sim.diagnosis.lag_parts import LagParts, lag_parts
from sim.diagnosis.pod_ends import pod_ends
from sim.diagnosis.pod_failures import pod_failures
from sim.diagnosis.spells import exposed

if TYPE_CHECKING:
    from sim.data_plane.healthy_targets import HealthyTargets
    from sim.diagnosis.controller_log import Call, ReconcileLog
    from sim.diagnosis.first_out import FirstOut
    from sim.diagnosis.pod_ends import PodEnd
    from sim.diagnosis.pod_failures import PodFailure
    from sim.diagnosis.spells import Spell
    from sim.experiment.replication import Replication


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """One replication, ready for its reports.

    - `ends`: the terminated pods, the worst first, by exposure, then failed requests, then lag.
    - `parts`: the parts of each pod's lag, by pod.
    - `first_out`: which path was first to end the lags.
    - `failures`: the pods that failed unasked, the most exposed first.
    - `exposed`: the spells in which a target was sent requests and refused them, by pod.
    """

    replication: Replication
    reconciles: list[ReconcileLog]
    ends: list[PodEnd]
    failures: list[PodFailure]
    parts: dict[int, LagParts]
    first_out: FirstOut | None
    exposed: dict[int, list[Spell]]
    healthy_targets: HealthyTargets

    def worst_stall(self, end: PodEnd) -> tuple[Call, float] | None:
        """Return the call whose throttling held up a pod's deregistration the longest, and for how many seconds.

        None if no call did.
        """
        stalls = [stall for reconcile in self.reconciles for stall in reconcile.stalls]
        costs_s = [_overlap_s(stall, end) for stall in stalls]
        worst = max(range(len(stalls)), key=costs_s.__getitem__, default=None)
        return None if worst is None or costs_s[worst] == 0 else (stalls[worst], costs_s[worst])


def findings(replication: Replication) -> Findings:
    """Return the findings of a replication, once for all its reports. The requests must have been drawn."""
    reconciles = reconciles_of(replication.trace)
    began_s = {pod: reconcile.began_s for reconcile in reconciles for pod in reconcile.deregistered}
    before = throttled_before(reconciles)
    ends = pod_ends(replication)
    return Findings(
        replication=replication,
        reconciles=reconciles,
        ends=sorted(ends, key=lambda end: (-end.exposed_s, -sum(end.failed.values()), -end.lag_s, end.pod)),
        failures=pod_failures(replication),
        parts={end.pod: lag_parts(end, began_s=began_s.get(end.pod), throttled_before=before) for end in ends},
        first_out=first_out(ends),
        exposed=exposed(replication.timeline),
        healthy_targets=replication.healthy_targets,
    )


def _overlap_s(stall: Call, end: PodEnd) -> float:
    """Return how many seconds of the wait for a pod's deregistration a call's throttling took."""
    return sum(
        max(0.0, min(held_up_until_s(attempt), end.deregistered_s) - max(attempt.time_s, end.endpoint_removed_s))
        for attempt in stall.throttled
    )

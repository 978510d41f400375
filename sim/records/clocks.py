"""Whether the clocks of the records agree: the calls' (the controller's or CloudTrail's), Kubernetes' and the ALB's.

Only an order that cannot be otherwise tells of a clock.

Modelled:
- A target is sent nothing, and is not checked, before its RegisterTargets. So the calls' clock is late if it was, and
  cannot be earlier than the first request or check allows.
- A target leaves because its pod was deleted. If most DeregisterTargets are noted before that, their clock is behind.
  The median lag is also the most by which their clock can be ahead of Kubernetes'.
- A pod answers nothing after it has stopped. If a pod did, Kubernetes' clock is behind the ALB's.
- A target whose requests all end before its DeregisterTargets may have been silent, or the clock is late.

Left out: the rest of an early clock. If the calls' clock is behind by some seconds, propagation and registration look
longer by as much, and both are unknown (docs/calibration.md, "What clocks can show").

Sources: docs/facts/logs.md §4 ("Caveats"); docs/facts/controller.md for the order of the controllers' work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from sim.records.lags import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from sim.records.deregistrations import Change
    from sim.records.lags import TargetLag
    from sim.records.records import Records
    from sim.records.rollouts import Rollout

APART_S = 60.0
"""By how much clocks may differ at most. A target with requests longer before its RegisterTargets was not new."""
NOTICED_S = 0.5
"""The least difference that is told: whether CloudTrail cuts or rounds its seconds is not known."""
_TOO_LONG = "All that is measured from DeregisterTargets on would then be too long by as much."
_TOO_SHORT = "All that is measured from DeregisterTargets on would then be too short by as much."


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """What the order of events tells of the clocks; NaN where the records do not tell.

    Of `n_left` targets with requests `n_silent_before` had none after DeregisterTargets, and the last of them
    `silent_before_s` before it in the median. Of `n_came` new targets the earliest first request came `earliest_s`
    after RegisterTargets, which is negative if it came before. `earliest_check_s` is the same of health checks.

    Of `n_deleted` targets whose pod's deletion is known, `before_deletion_s` is the median time by which
    DeregisterTargets was noted too early for it, negative if it was not. `after_stop_s` is the longest time after its
    stop at which a pod still answered, negative likewise.
    """

    n_left: int
    n_silent_before: int
    silent_before_s: float
    n_came: int
    earliest_s: float
    earliest_check_s: float
    n_deleted: int
    before_deletion_s: float
    after_stop_s: float

    @property
    def most_early_s(self) -> float:
        """By how much the calls' clock can be behind the ALB's at most; NaN if nothing tells."""
        return float(np.fmin(self.earliest_s, self.earliest_check_s))

    @property
    def most_late_s(self) -> float:
        """By how much the calls' clock can be ahead of Kubernetes' at most; NaN if no deletion tells.

        No call that its pod's deletion caused comes before it, and most calls are so caused.
        """
        return max(0.0, -self.before_deletion_s) if not math.isnan(self.before_deletion_s) else math.nan


def clocks(records: Records, rollouts: Sequence[Rollout], came: Sequence[Change]) -> Clocks:
    """Return what the order of events tells of the clocks."""
    lags = [lag for rollout in rollouts for lag in rollout.lags]
    traffic = Traffic(records.requests)
    last_s = [(lag, traffic.last_before_s(lag.target, lag.deregistered_s)) for lag in lags]
    with_requests = [(lag, before_s) for lag, before_s in last_s if lag.last_s or not math.isnan(before_s)]
    silent_s = [lag.deregistered_s - before_s for lag, before_s in with_requests if not lag.last_s]
    firsts_s = list(_firsts_s(traffic, came))
    early_s = [lag.deleted_s - lag.until_s for lag in lags if not math.isnan(lag.deleted_s)]
    return Clocks(
        n_left=len(with_requests),
        n_silent_before=len(silent_s),
        silent_before_s=median(silent_s) if silent_s else math.nan,
        n_came=len(firsts_s),
        earliest_s=min(firsts_s, default=math.nan),
        earliest_check_s=min(_first_checks_s(records.checks, came), default=math.nan),
        n_deleted=len(early_s),
        before_deletion_s=median(early_s) if early_s else math.nan,
        after_stop_s=max(_after_stops_s(traffic, lags), default=math.nan),
    )


def _firsts_s(traffic: Traffic, came: Sequence[Change]) -> Iterator[float]:
    """Yield when each new target was sent its first request, after RegisterTargets."""
    for call in came:
        for target in call.targets:
            first_s = traffic.first_after_s(target, call.from_s - APART_S)
            if not math.isnan(first_s) and math.isnan(traffic.last_before_s(target, call.from_s - APART_S)):
                yield first_s - call.from_s


def _first_checks_s(checks: pd.DataFrame | None, came: Sequence[Change]) -> Iterator[float]:
    """Yield when each new target was first checked, after RegisterTargets."""
    if checks is None:
        return
    first_s = checks.groupby("target")["time_s"].min()
    for call in came:
        for target in call.targets:
            since_s = float(first_s.get(target, math.nan)) - call.from_s
            if since_s > -APART_S:
                yield since_s


def _after_stops_s(traffic: Traffic, lags: Sequence[TargetLag]) -> Iterator[float]:
    """Yield how long after its stop, known to the second, each pod was sent a request that it answered."""
    for lag in lags:
        if not math.isnan(lag.stopped_s):
            answered_s = traffic.answered_last_s(lag.target, lag.stopped_s - APART_S, lag.stopped_s + APART_S)
            if not math.isnan(answered_s):
                yield answered_s - lag.stopped_s - 1.0


def clock_doubts(known: Clocks) -> Iterator[str]:
    """Yield a sentence for what cannot be with clocks that agree, and for what is not known of the calls' clock."""
    if known.earliest_s < -NOTICED_S:
        yield (
            f"A target had requests {-known.earliest_s:.1f} s before its RegisterTargets: the calls' clock is late by "
            "that at least."
        )
    if known.earliest_check_s < -NOTICED_S:
        yield (
            f"A target was checked {-known.earliest_check_s:.1f} s before its RegisterTargets: the calls' clock is "
            "late by that at least."
        )
    if known.before_deletion_s > NOTICED_S:
        yield (
            f"DeregisterTargets is noted {known.before_deletion_s:.1f} s before the pods' deletions in the median: the "
            "calls' clock is behind Kubernetes' by that at least."
        )
    if known.after_stop_s > NOTICED_S:
        yield (
            f"A pod answered a request {known.after_stop_s:.1f} s after it had stopped: Kubernetes' clock is behind "
            "the ALB's by that at least."
        )
    if math.isnan(known.most_early_s):
        yield f"The calls' clock may be behind the ALB's by any time: no new target shows that it is not. {_TOO_LONG}"
    elif known.most_early_s > 0:
        yield (
            f"The calls' clock may be up to {known.most_early_s:.1f} s behind the ALB's, which nothing would show. "
            f"More cannot be, as a new target was in use so soon after its RegisterTargets. {_TOO_LONG}"
        )
    yield _ahead(known.most_late_s)


def _ahead(most_late_s: float) -> str:
    if math.isnan(most_late_s):
        bound = "The calls' clock may be ahead of the ALB's by any time: no pod's deletion shows that it is not."
    else:
        bound = (
            f"If Kubernetes' clock is right, the calls' clock may be up to {most_late_s:.1f} s ahead of the ALB's. "
            "More cannot be, as half of the calls came sooner after their pods' deletions."
        )
    return f"{bound} {_TOO_SHORT}"

"""How long each leaving target was still sent requests, and where that time went.

After a pod's deletion, its target leaves by way of the controller, the AWS API and each ALB node.

Modelled:
- For each ALB node, the last request that was sent to the target after DeregisterTargets.
- Requests count until the target's next RegisterTargets, or for half an hour, since an address may be used again.
- A node that sent none is not in `last_s`.

Left out:
- requests that were already under way;
- that another request could have come after the last one. With few requests that matters, and `albsim calibrate`
  allows for it.

Sources: docs/facts/logs.md §4 ("Propagation": a request is sent at field 22 plus field 6).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.records.by_target import ByTarget
from sim.records.deregistrations import CLOCKS_APART_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from sim.records.deregistrations import Change

DELETED_BEFORE_S = 3600.0
"""The longest time from a pod's deletion to its target's DeregisterTargets."""
LONGEST_S = 1800.0
"""Requests that come to an address later than this after its DeregisterTargets are for another pod."""
FAILED_BEFORE_S = 900.0
"""Failures on a target count as due to its leaving if they come at most this long before its DeregisterTargets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLag:
    """One target that left; NaN where the records do not tell.

    `deleted_s`, `stopped_s`: its pod; `begun_s`: the controller's call; `deregistered_s`: the call's effect, which was
    before `until_s`; `last_s`: by ALB node, the last request sent to it after that.
    """

    target: str
    pod: str
    deleted_s: float
    begun_s: float
    deregistered_s: float
    until_s: float
    stopped_s: float
    last_s: dict[str, float]

    @property
    def left_s(self) -> float:
        """When the last node sent its last request, or the time of the call if none came after it."""
        return max([self.deregistered_s, *self.last_s.values()])

    @property
    def lag_s(self) -> float:
        """From the pod's deletion, or where that is unknown from DeregisterTargets, until the last request."""
        return self.left_s - (self.deregistered_s if math.isnan(self.deleted_s) else self.deleted_s)


class Traffic:
    """The requests for each target."""

    def __init__(self, requests: pd.DataFrame | None) -> None:
        self._requests = None if requests is None else ByTarget(requests)

    def sent_s(self, target: str, from_s: float, until_s: float) -> dict[str, float]:
        """Return when each ALB node sent the target its last request within a span of time."""
        rows = self._between(target, from_s, until_s)
        if rows is None:
            return {}
        sent_s = rows["time_s"] + np.fmax(rows["request_processing_s"].to_numpy(float), 0)
        return {str(node): float(last_s) for node, last_s in sent_s.groupby(rows["node"], observed=True).max().items()}

    def last_before_s(self, target: str, time_s: float) -> float:
        """Return when the target was sent its last request before a moment."""
        return max(self.sent_s(target, -math.inf, time_s).values(), default=math.nan)

    def first_after_s(self, target: str, time_s: float) -> float:
        """Return when the target was sent its first request after a moment."""
        rows = self._between(target, time_s, math.inf)
        return math.nan if rows is None else float(rows["time_s"].iloc[0])

    def answered_last_s(self, target: str, from_s: float, until_s: float) -> float:
        """Return when the target was sent the last of the requests in a span of time that it answered."""
        rows = self._between(target, from_s, until_s)
        answered = rows[rows["target_status"] > 0] if rows is not None else ()
        return float(answered["time_s"].iloc[-1]) if len(answered) else math.nan  # type: ignore[call-overload]

    def failed_first_s(self, lag: TargetLag, outcomes: Sequence[str]) -> float:
        """Return when the first request failed on a target, of those soon before its DeregisterTargets."""
        rows = self._between(lag.target, lag.deregistered_s - FAILED_BEFORE_S, lag.deregistered_s)
        failed = rows[rows["outcome"].isin(outcomes)] if rows is not None else ()
        return float(failed["time_s"].iloc[0]) if len(failed) else math.nan  # type: ignore[call-overload]

    def _between(self, target: str, from_s: float, until_s: float) -> pd.DataFrame | None:
        rows = None if self._requests is None else self._requests.between(target, from_s, until_s)
        return None if rows is None or rows.empty else rows


def lags_of(
    calls: Sequence[Change], came: Sequence[Change], pods: pd.DataFrame | None, traffic: Traffic
) -> Iterator[TargetLag]:
    """Yield the lag of each target that these calls of DeregisterTargets took out of a group."""
    for call in calls:
        for target in call.targets:
            again_s = (one.from_s for one in came if one.from_s > call.time_s and target in one.targets)
            end_s = min(again_s, default=math.inf)
            pod, deleted_s, stopped_s = _pod_of(pods, target, call.time_s)
            yield TargetLag(
                target=target,
                pod=pod,
                deleted_s=deleted_s,
                begun_s=call.begun_s,
                deregistered_s=call.time_s,
                until_s=call.until_s,
                stopped_s=stopped_s,
                last_s=traffic.sent_s(target, call.time_s, min(end_s, call.time_s + LONGEST_S)),
            )


def _pod_of(pods: pd.DataFrame | None, target: str, time_s: float) -> tuple[str, float, float]:
    """Return the name of a target's pod, when it was deleted, and when it stopped: that of the last deleted pod.

    Clocks may be apart. If none was deleted before the call, it is the first that was deleted soon after it.
    """
    if pods is None:
        return "", math.nan, math.nan
    some = pods[pods["ip"] == target.rpartition(":")[0]].sort_values("deleted_s", kind="stable")
    before = some[some["deleted_s"].between(time_s - DELETED_BEFORE_S, time_s)]
    after = some[some["deleted_s"].between(time_s, time_s + CLOCKS_APART_S)]
    if before.empty and after.empty:
        return "", math.nan, math.nan
    pod = after.iloc[0] if before.empty else before.iloc[-1]
    return str(pod["pod"]), float(pod["deleted_s"]), float(pod["stopped_s"])

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
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.records.by_target import ByTarget
from sim.records.deregistrations import CLOCKS_APART_S
from sim.records.pods import address

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from sim.records.deregistrations import Change

_Pod = tuple[str, float, float]
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
        """Return when the last node sent its last request, or the time of the call if none came after it."""
        return max([self.deregistered_s, *self.last_s.values()])

    @property
    def lag_s(self) -> float:
        """Return the time from the pod's deletion (DeregisterTargets if that is unknown) until the last request."""
        return self.left_s - (self.deregistered_s if math.isnan(self.deleted_s) else self.deleted_s)


class Traffic:
    """The requests for each target."""

    def __init__(self, requests: pd.DataFrame | None) -> None:
        self._requests = None if requests is None else ByTarget(requests)

    def sent_s(self, target: str, from_s: float, until_s: float) -> dict[str, float]:
        """Return when each ALB node sent the target its last request within a span of time."""
        if self._requests is None:
            return {}
        numbers = self._requests.between(target, from_s, until_s)
        sent_s, nodes = self._requests.sent_s(numbers), self._requests.values("node", numbers)
        names = self._requests.names("node")
        return {names[node]: float(sent_s[nodes == node].max()) for node in np.unique(nodes).tolist()}

    def last_before_s(self, target: str, time_s: float) -> float:
        """Return when the target was sent its last request before a moment."""
        return max(self.sent_s(target, -math.inf, time_s).values(), default=math.nan)

    def first_after_s(self, target: str, time_s: float) -> float:
        """Return when the target was sent its first request after a moment."""
        times_s, _ = self._of(target, "time_s", time_s, math.inf)
        return float(times_s[0]) if times_s.size else math.nan

    def answered_last_s(self, target: str, from_s: float, until_s: float) -> float:
        """Return when the target was sent the last of the requests in a span of time that it answered."""
        times_s, statuses = self._of(target, "target_status", from_s, until_s)
        answered_s = times_s[statuses > 0]
        return float(answered_s[-1]) if answered_s.size else math.nan

    def failed_first_s(self, lag: TargetLag, outcomes: Sequence[str]) -> float:
        """Return when the first request failed on a target, of those soon before its DeregisterTargets."""
        until_s = lag.deregistered_s
        times_s, codes = self._of(lag.target, "outcome", until_s - FAILED_BEFORE_S, until_s)
        names = [] if self._requests is None else self._requests.names("outcome")
        failed_s = times_s[np.isin(codes, [code for code, name in enumerate(names) if name in outcomes])]
        return float(failed_s[0]) if failed_s.size else math.nan

    def _of(self, target: str, column: str, from_s: float, until_s: float) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the times of a target's requests in a span of time, and their values in a column."""
        if self._requests is None:
            return np.zeros(0), np.zeros(0)
        numbers = self._requests.between(target, from_s, until_s)
        return self._requests.values("time_s", numbers), self._requests.values(column, numbers)


def lags_of(
    calls: Sequence[Change], came: Sequence[Change], pods: pd.DataFrame | None, traffic: Traffic
) -> Iterator[TargetLag]:
    """Yield the lag of each target that these calls of DeregisterTargets took out of a group."""
    by_address = _by_address(pods)
    for call in calls:
        for target in call.targets:
            again_s = (one.from_s for one in came if one.from_s > call.time_s and target in one.targets)
            end_s = min(again_s, default=math.inf)
            pod, deleted_s, stopped_s = _pod_of(by_address.get(address(target), []), call.time_s)
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


def _by_address(pods: pd.DataFrame | None) -> dict[str, list[_Pod]]:
    """Return name, deletion and stop of the deleted pods of each address, by their deletion."""
    if pods is None:
        return {}
    some = pods[pods["deleted_s"].notna()].sort_values("deleted_s", kind="stable")
    found: dict[str, list[_Pod]] = defaultdict(list)
    for ip, *pod in zip(*(some[name].tolist() for name in ("ip", "pod", "deleted_s", "stopped_s")), strict=True):
        name, deleted_s, stopped_s = pod
        found[ip].append((str(name), float(deleted_s), float(stopped_s)))
    return found


def _pod_of(pods: Sequence[_Pod], time_s: float) -> _Pod:
    """Return a target's pod, of those of its address: the last deleted one.

    Clocks may be apart. If none was deleted before the call, it is the first that was deleted soon after it.
    """
    before = [pod for pod in pods if time_s - DELETED_BEFORE_S <= pod[1] <= time_s]
    after = [pod for pod in pods if time_s <= pod[1] <= time_s + CLOCKS_APART_S]
    return [*before[-1:], *after[:1], ("", math.nan, math.nan)][0]

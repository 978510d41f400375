"""Rollouts in the records: targets that left a group one soon after the other, while others came.

Nothing in AWS's records says "rollout". A drain and a scale-in look the same, except for the new targets.

Modelled:
- Calls of DeregisterTargets for one group are one rollout while the gaps between them are below 60 s, or below three
  times the median gap if that is more.
- That median is of gaps up to ten minutes: those between rollouts say nothing of the gaps within.
- A rollout begins with the first of these: a pod's deletion, a failed request on a leaving target, a call.
- A rollout ends with the last request at the last ALB node, and not before the last pod has stopped, if that is known.

Left out: which rollout of a Deployment it was; that two at once may share a group.

Sources: docs/facts/logs.md §4 ("A rollout"); docs/model.md ("Window").
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from sim.records.deregistrations import Change, by_group, changes
from sim.records.lags import Traffic, lags_of
from sim.records.pods import address

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from sim.records.lags import TargetLag
    from sim.records.records import Records

LEAST_GAP_S = 60.0
GAPS = 3
LONGEST_GAP_WITHIN_S = 600.0
LONGEST_REQUEST_S = 4000.0
"""An ALB's longest idle timeout (docs/facts/alb.md §4). Requests that came earlier have been answered."""
CAUSED = ("reset", "connect_refused", "closed_in_flight", "keep_alive_race", "host_unreachable", "connect_timeout")
"""The outcomes that a leaving target may cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One rollout of a target group; `lags`: one for each target that left.

    `requests` came in its window, or were under way when it began, as in the model.

    `new_targets` is how many other targets came meanwhile. If `new_targets` is 0, this may be a drain or a scale-in.
    """

    target_group: str
    from_s: float
    until_s: float
    calls: tuple[Change, ...]
    new_targets: int
    lags: tuple[TargetLag, ...]
    requests: pd.DataFrame | None

    @property
    def outcomes(self) -> dict[str, int]:
        """The number of requests in its window, by outcome."""
        if self.requests is None:
            return {}
        return {str(name): int(n) for name, n in self.requests["outcome"].value_counts(sort=False).items()}


def rollouts(records: Records) -> list[Rollout]:
    """Return the rollouts, by their time."""
    came = by_group(changes(records, "register"))
    left = by_group(changes(records, "deregister"))
    traffic = Traffic(records.requests)
    found = [
        _rollout(records, group, calls, came.get(group, []), traffic)
        for group, all_calls in left.items()
        for calls in _runs(all_calls)
    ]
    return sorted(found, key=lambda one: (one.from_s, one.target_group))


def names_no_pod(records: Records) -> bool:
    """Return whether the access log's targets are none of the known pods, as with target type `instance`."""
    if records.requests is None or records.pods is None:
        return False
    pods = {str(ip) for ip in records.pods["ip"] if ip}
    targets = [str(target) for target in records.requests["target"].cat.categories if target]
    return bool(pods and targets) and not any(address(target) in pods for target in targets)


def _runs(calls: Sequence[Change]) -> Iterator[list[Change]]:
    """Yield the calls of each rollout of one group."""
    gaps_s = [later.from_s - earlier.from_s for earlier, later in pairwise(calls)]
    within_s = [gap_s for gap_s in gaps_s if gap_s <= LONGEST_GAP_WITHIN_S]
    apart_s = max(LEAST_GAP_S, GAPS * median(within_s)) if within_s else LEAST_GAP_S
    run = [calls[0]]
    for call, gap_s in zip(calls[1:], gaps_s, strict=True):
        if gap_s >= apart_s:
            yield run
            run = []
        run.append(call)
    yield run


def _rollout(
    records: Records, group: str, calls: Sequence[Change], came: Sequence[Change], traffic: Traffic
) -> Rollout:
    lags = tuple(lags_of(calls, came, records.pods, traffic))
    first_s, last_s = calls[0].from_s, calls[-1].until_s
    starts_s = [first_s, *(lag.deleted_s for lag in lags), *(traffic.failed_first_s(lag, CAUSED) for lag in lags)]
    ends_s = [last_s, *(lag.left_s for lag in lags), *(lag.stopped_s for lag in lags)]
    from_s, until_s = float(np.nanmin(starts_s)), float(np.nanmax(ends_s))
    leaving = {lag.target for lag in lags}
    new = {
        target
        for change in came
        if from_s - LEAST_GAP_S <= change.from_s <= until_s + LEAST_GAP_S
        for target in change.targets
    }
    return Rollout(
        target_group=group,
        from_s=from_s,
        until_s=until_s,
        calls=tuple(calls),
        new_targets=len(new - leaving),
        lags=lags,
        requests=_within(records.requests, group, from_s, until_s),
    )


def _within(requests: pd.DataFrame | None, group: str, from_s: float, until_s: float) -> pd.DataFrame | None:
    """Return the requests for a group that came before a window's end and were answered after its beginning."""
    if requests is None:
        return None
    times_s = requests["time_s"].to_numpy()
    begin = np.searchsorted(times_s, from_s - LONGEST_REQUEST_S, side="left")
    some = requests.iloc[begin : np.searchsorted(times_s, until_s, side="right")]
    return some[(some["target_group"] == group) & (some["time_s"] + some["elapsed_s"] >= from_s)]

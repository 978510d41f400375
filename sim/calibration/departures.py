"""From records to last requests: each ALB node and target of each DeregisterTargets call.

Modelled:
- Requests count from ten minutes before a rollout until ten after it.
- A target counts for a node that sent it requests in the two minutes before the call, or that sends its group any.
- The observation begins with the node's first file, and ends with its log or at a missing file.
- The observation also ends when the address is registered anew, or when the pod stops.
- The observation also ends at the target's first request that failed in the target: health checks may take a dead
  target out.

Left out: health checks that take a target out before any request has met it dead, if the pods' ends are not known.

Source: docs/facts/logs.md §4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.calibration.frames import AROUND_S, spans_around
from sim.calibration.last_requests import LastRequests
from sim.calibration.nodes import first_by_node, last_by_node, missing_by_node, nodes_by_group
from sim.calibration.pace import pace_of
from sim.calibration.rates import regularity_of, shrunk
from sim.calibration.sent import SentRequests
from sim.calibration.stays import observed_spans, stays_of
from sim.records.by_target import ByTarget
from sim.records.deregistrations import changes, times_by_target
from sim.records.pods import address
from sim.records.rollouts import names_no_pod
from sim.records.silence import silent_targets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from sim.calibration.last_requests import Floats
    from sim.calibration.pace import Pace, Stay
    from sim.calibration.sent import Sent
    from sim.records.deregistrations import Change
    from sim.records.records import Records
    from sim.records.rollouts import Rollout

BEFORE_S = 120.0
_LONGEST_CALL_S = 1.0
_READINGS_S = np.arange(BEFORE_S)
_NO_CALL = "no successful DeregisterTargets call (neither CloudTrail nor the controller's log has one)"
_ALL_LOST = "files of the access log are missing around every DeregisterTargets call"
_THROUGH_WORKERS = (
    "; the log's targets are no pods: with target type instance pods leave kube-proxy's rules, of which no record "
    "tells, so that target_group.kube_proxy_sync_s is not measured either"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Departures:
    """The last requests, and what lacks of them.

    `n_unobserved` pairs are not in `requests`. `n_lost` more are not, as a file of their ALB node is missing around the
    call. `n_cut` are observed only up to a missing file. `silent` targets fell silent near a rollout without a call.
    """

    requests: LastRequests
    sources: tuple[str, ...]
    n_unobserved: int
    n_lost: int
    n_cut: int
    silent: tuple[str, ...]


def departures_of(records: Records, rollouts: Sequence[Rollout]) -> Departures | str:
    """Return the departures, or in words what is missing for them."""
    if records.requests is None or records.requests.empty:
        return "no ALB access log"
    calls = [(call, number) for number, rollout in enumerate(rollouts) for call in rollout.calls]
    if not calls:
        return _NO_CALL + (_THROUGH_WORKERS if names_no_pod(records) else "")
    log = _Log(records, rollouts)
    paces = log.paces(calls)
    rows = [
        row for number, (call, rollout) in enumerate(calls) for row in log.rows(call, (number, rollout), paces[rollout])
    ]
    observed = [row for row in rows if row.until_s > 0]
    n_cut = sum(row.at_missing_file for row in observed)
    n_lost = sum(row.at_missing_file for row in rows) - n_cut
    if not observed:
        return _ALL_LOST if n_lost else "no target of a DeregisterTargets call is in the access log"
    return Departures(
        requests=_last_requests(observed),
        sources=tuple(sorted({call.source for call, _ in calls})),
        n_unobserved=len(rows) - len(observed) - n_lost,
        n_lost=n_lost,
        n_cut=n_cut,
        silent=tuple(log.silent_s),
    )


def _last_requests(rows: list[_Row]) -> LastRequests:
    rollout = np.array([row.rollout for row in rows])
    count = np.array([float(row.before_s.size) for row in rows])
    shape, rate_s = shrunk(count, np.array([row.exposure_s for row in rows]), rollout)
    return LastRequests(
        last_s=np.array([row.last_s for row in rows]),
        until_s=np.array([row.until_s for row in rows]),
        slack_s=np.array([row.slack_s for row in rows]),
        shape=shape,
        rate_s=rate_s,
        call=np.array([row.call for row in rows]),
        rollout=rollout,
        regularity=regularity_of([row.before_s for row in rows]),
        clock_s=np.array([row.clock_s for row in rows]),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    call: int
    rollout: int
    slack_s: float
    last_s: float
    until_s: float
    before_s: Floats
    """The number of requests before the call, and how long it was watched for them, on the clock of requests."""
    exposure_s: float
    clock_s: Floats
    at_missing_file: bool


class _Log:
    """The access log, by target."""

    def __init__(self, records: Records, rollouts: Sequence[Rollout]) -> None:
        requests = records.requests
        if requests is None:
            raise ValueError("no access log")
        times_s = requests["time_s"].to_numpy()
        spans = spans_around(times_s, rollouts)
        by_target = ByTarget(requests)
        self._sent = SentRequests(by_target, spans)
        around_s = [(rollout.from_s - AROUND_S, rollout.until_s + AROUND_S) for rollout in rollouts]
        self.silent_s = {
            target: last_s
            for target, last_s in silent_targets(records, by_target).items()
            if any(from_s <= last_s < until_s for from_s, until_s in around_s)
        }
        self._nodes = nodes_by_group(requests, spans)
        self._begin_s = {node: float(times_s[0]) for nodes in self._nodes.values() for node in nodes}
        for node, from_s in first_by_node(records.files).items():
            self._begin_s[node] = max(self._begin_s.get(node, from_s), from_s)
        self._last_s = last_by_node(requests)
        self._gaps = missing_by_node(records.files)
        self._again_s = times_by_target(changes(records, "register"))
        self._left_s = times_by_target(changes(records, "deregister"))
        self._stopped_s = _stopped(records.pods)

    def paces(self, calls: Sequence[tuple[Change, int]]) -> dict[int, Pace]:
        """Return each rollout's clock of requests."""
        spans: dict[int, tuple[str, float, float]] = {}
        for call, rollout in calls:
            _, from_s, until_s = spans.get(rollout, ("", np.inf, -np.inf))
            spans[rollout] = (call.target_group, min(from_s, call.from_s), max(until_s, call.until_s))
        stays = {group: list(self._stays(group)) for group in {group for group, _, _ in spans.values()}}
        return {
            rollout: pace_of(stays[group], from_s - BEFORE_S, until_s + BEFORE_S)
            for rollout, (group, from_s, until_s) in spans.items()
        }

    def _stays(self, group: str) -> Iterator[Stay]:
        observed = {
            node: observed_spans(self._begin_s[node], self._last_s[node], self._gaps.get(node, []))
            for node in self._nodes.get(group, [])
        }
        for target in self._sent.targets:
            if target in self.silent_s:
                continue
            sent = self._sent.to(target, group)
            left_s, again_s = self._left_s.get(target, []), self._again_s.get(target, [])
            yield from stays_of(sent.by_node, sent.dead_s, left_s, again_s, observed)

    def rows(self, call: Change, known: tuple[int, int], pace: Pace) -> Iterator[_Row]:
        """Yield what is known of each of the call's targets at each node. `known`: the numbers of call and rollout."""
        slack_s = min(call.until_s - call.from_s, _LONGEST_CALL_S)
        for target in call.targets:
            requests = self._life(target, call.from_s)
            if requests.by_node:
                for node in self._nodes.get(call.target_group, []):
                    yield self._row(requests, target, node, call.until_s - slack_s, (*known, slack_s), pace)

    def _life(self, target: str, call_s: float) -> Sent:
        """Return the target's requests since its address was last registered."""
        since_s = max((time_s for time_s in self._again_s.get(target, []) if time_s < call_s), default=-np.inf)
        return self._sent.to(target).since(since_s)

    def _row(
        self,
        requests: Sent,
        target: str,
        node: str,
        call_s: float,
        known: tuple[int, int, float],
        pace: Pace,
    ) -> _Row:
        at_node = requests.by_node.get(node, np.zeros(0))
        first_s = min(float(times_s[0]) for times_s in requests.by_node.values())
        from_s = max(call_s - BEFORE_S, self._begin_s[node], np.nextafter(first_s, np.inf))
        end_s = self._end_s(requests, target, node, call_s) if self._begin_s[node] <= call_s else -np.inf
        missing = [
            gap for gap in self._gaps.get(node, []) if gap[1] > from_s and gap[0] < min(end_s, call_s + BEFORE_S)
        ]
        if missing:
            end_s = missing[0][0] if missing[0][0] > call_s else -np.inf
        after_s = at_node[(at_node >= call_s) & (at_node <= end_s)]
        number, rollout, slack_s = known
        clock_s = pace.at(call_s + _READINGS_S)
        return _Row(
            call=number,
            rollout=rollout,
            slack_s=slack_s,
            last_s=float(after_s[-1]) - call_s if after_s.size else np.nan,
            until_s=end_s - call_s,
            before_s=pace.at(at_node[(at_node >= from_s) & (at_node < call_s)]),
            exposure_s=max(float(clock_s[0] - pace.at(np.array(from_s))), 1.0),
            clock_s=clock_s - clock_s[0],
            at_missing_file=bool(missing),
        )

    def _end_s(self, requests: Sent, target: str, node: str, call_s: float) -> float:
        ends = [self._last_s.get(node, np.inf)]
        ends += [float(requests.dead_s.min())] if requests.dead_s.size else []
        ends += [stopped_s for stopped_s in self._stopped_s.get(address(target), []) if stopped_s > call_s]
        ends += [again_s for again_s in self._again_s.get(target, []) if again_s > call_s]
        return min(ends)


def _stopped(pods: pd.DataFrame | None) -> dict[str, list[float]]:
    """Return when the pods of each address stopped."""
    if pods is None:
        return {}
    known = pods[np.isfinite(pods["stopped_s"].astype(float))]
    return {str(ip): rows["stopped_s"].astype(float).tolist() for ip, rows in known.groupby("ip")}

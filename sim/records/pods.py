"""Pods by Kubernetes' own records: when each was created, ready, deleted and stopped, and its address.

The audit log has each request to the API server to the microsecond. At a level that keeps the object, it has the pod
itself too. A pod list (`kubectl get pods -o json`) has a pod's times in whole seconds. A pod's `deletionTimestamp` is
the deletion plus the grace period. Events tell what the kubelet did.

Modelled:
- A deletion is a `delete` or an eviction that succeeded. A deletion's time in the audit log is preferred over all
  others.
- Of each other time the earliest that was seen counts, and of a stop the latest.

Left out: restarts of containers; who deleted.

Sources: docs/facts/logs.md §3. Kubernetes `staging/src/k8s.io/apiserver/pkg/apis/audit/v1/types.go` (timestamps are
`MicroTime`), and lines of public audit logs such as `"requestReceivedTimestamp":"2023-01-27T18:34:01.592519Z"`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sim.records.times import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Row = dict[str, Any]
TIMES = ("created_s", "ready_s", "deleted_s", "stopped_s")
_FAILED = 300


class Pods:
    """What is known of each pod so far."""

    def __init__(self) -> None:
        self._pods: dict[str, Row] = {}
        self._audited: set[str] = set()

    def __bool__(self) -> bool:
        """Return whether any pod is known."""
        return bool(self._pods)

    def rows(self) -> list[Row]:
        """Return a row for each pod."""
        return list(self._pods.values())

    def add_object(self, pod: Mapping[str, Any]) -> None:
        """Add a pod as the API server shows it."""
        metadata, status = _mapping(pod.get("metadata")), _mapping(pod.get("status"))
        if not isinstance(metadata.get("name"), str):
            return
        grace_s = metadata.get("deletionGracePeriodSeconds")
        deletion_s = seconds_of(metadata.get("deletionTimestamp"))
        stops_s = [
            seconds_of(_mapping(_mapping(one.get("state")).get("terminated")).get("finishedAt"))
            for one in _mappings(status.get("containerStatuses"))
        ]
        row = self._row(metadata)
        row["ip"] = row["ip"] or str(status.get("podIP") or "")
        _earlier(row, "created_s", seconds_of(metadata.get("creationTimestamp")))
        _earlier(row, "ready_s", _ready_s(status))
        if row["pod"] not in self._audited and isinstance(grace_s, int | float):
            _earlier(row, "deleted_s", deletion_s - grace_s)
        if stops_s and not any(map(math.isnan, stops_s)):
            row["stopped_s"] = max(stops_s)

    def add_audit(self, event: Mapping[str, Any]) -> None:
        """Add an event of the audit log."""
        about, status = _mapping(event.get("objectRef")), _mapping(event.get("responseStatus"))
        code = status.get("code", 200)
        if about.get("resource") != "pods" or not isinstance(code, int) or code >= _FAILED:
            return
        pod = _mapping(event.get("responseObject"))
        if pod.get("kind") == "Pod":
            self.add_object(pod)
        deletes = event.get("verb") == "delete" and "subresource" not in about
        evicts = event.get("verb") == "create" and about.get("subresource") == "eviction"
        creates = event.get("verb") == "create" and "subresource" not in about
        received_s = seconds_of(event.get("requestReceivedTimestamp"))
        if isinstance(about.get("name"), str) and (deletes or evicts):
            row = self._row(about)
            if row["pod"] not in self._audited:
                row["deleted_s"] = math.nan
            self._audited.add(row["pod"])
            _earlier(row, "deleted_s", received_s)
        elif isinstance(about.get("name"), str) and creates:
            _earlier(self._row(about), "created_s", received_s)

    def add_event(self, event: Mapping[str, Any]) -> None:
        """Add an Event on a pod. Of use are the pod's scheduling, and the kubelet's stopping of a container."""
        about = _mapping(event.get("involvedObject") or event.get("regarding"))
        if about.get("kind") != "Pod" or not isinstance(about.get("name"), str):
            return
        row = self._row(about)
        first = event.get("eventTime") or event.get("firstTimestamp") or event.get("deprecatedFirstTimestamp")
        message = str(event.get("message") or event.get("note"))
        stops = event.get("reason") == "Killing" and message.startswith("Stopping container")
        if stops and row["pod"] not in self._audited:
            _earlier(row, "deleted_s", seconds_of(first))
        if event.get("reason") == "Scheduled":
            _earlier(row, "created_s", seconds_of(first))

    def _row(self, named: Mapping[str, Any]) -> Row:
        name = f"{named.get('namespace') or 'default'}/{named['name']}"
        return self._pods.setdefault(name, {"pod": name, "ip": "", **dict.fromkeys(TIMES, math.nan)})


def _ready_s(status: Mapping[str, Any]) -> float:
    for condition in _mappings(status.get("conditions")):
        if condition.get("type") == "Ready" and condition.get("status") == "True":
            return seconds_of(condition.get("lastTransitionTime"))
    return math.nan


def _earlier(row: Row, column: str, time_s: float) -> None:
    row[column] = min(filter(math.isfinite, (row[column], time_s)), default=math.nan)


def _mapping(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _mappings(found: object) -> Iterable[Mapping[str, Any]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def address(target: str) -> str:
    """Return the address of `ip:port`."""
    return target.rpartition(":")[0].strip("[]")

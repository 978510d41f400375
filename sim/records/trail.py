"""CloudTrail records: which client of the account called what, when, and whether it was throttled.

Each call of an AWS API is a record, in files of S3 (`{"Records": […]}`) or in what `aws cloudtrail lookup-events`
prints. There the record is a string within an event. An event's time is when the call was completed, in whole seconds.
Throttled calls are recorded as well.

Modelled:
- One row for each record.
- The client is the role that called, or the service, or only "an IAM user" and the like. People's names stay out.
- An event met twice, by its `eventID`, is one call.

Left out: the latency of a call, which no record has; addresses.

Sources: docs/facts/logs.md §2.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sim.records.times import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

THROTTLED = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded"})
_WITH_TARGETS = ("RegisterTargets", "DeregisterTargets")

Row = dict[str, Any]


def is_record(found: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is a record of CloudTrail."""
    return "eventSource" in found and "eventName" in found


def is_lookup(found: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is an event of `lookup-events`."""
    return "CloudTrailEvent" in found


def looked_up(event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """Return the record within an event of `lookup-events`, None if it cannot be read."""
    try:
        return json.loads(event["CloudTrailEvent"])
    except (TypeError, ValueError, RecursionError):
        return None


def call_of(record: Mapping[str, Any]) -> Row | None:
    """Return the row of a record, None if its time cannot be read."""
    time_s = seconds_of(record.get("eventTime"))
    if time_s != time_s:  # noqa: PLR0124 - NaN
        return None
    name, code = str(record["eventName"]), record.get("errorCode")
    parameters = _mapping(record.get("requestParameters"))
    return {
        "event": record.get("eventID"),
        "time_s": time_s,
        "action": f"{str(record['eventSource']).removesuffix('.amazonaws.com')}:{name}",
        "client": _client(_mapping(record.get("userIdentity"))),
        "software": _software(record.get("userAgent")),
        "throttled": str(code) in THROTTLED,
        "failed": code is not None,
        "target_group": str(parameters.get("targetGroupArn") or ""),
        "targets": tuple(_targets(parameters)) if name in _WITH_TARGETS else (),
    }


def _client(identity: Mapping[str, Any]) -> str:
    issuer = _mapping(_mapping(identity.get("sessionContext")).get("sessionIssuer"))
    if identity.get("type") == "AssumedRole" and isinstance(issuer.get("arn"), str):
        return str(issuer["arn"]).rpartition("/")[2]
    if isinstance(identity.get("invokedBy"), str):
        return str(identity["invokedBy"])
    return {"IAMUser": "an IAM user", "Root": "the root user"}.get(str(identity.get("type")), "unknown")


def _software(agent: object) -> str:
    """Return the controller and its version, or the first word. What follows may tell of a person's machine."""
    words = agent.split() if isinstance(agent, str) else []
    ours = [word for word in words if word.startswith("elbv2.k8s.aws/")]
    return (ours or words or [""])[0]


def _targets(parameters: Mapping[str, Any]) -> Iterator[str]:
    targets = parameters.get("targets")
    for target in targets if isinstance(targets, list) else []:
        target = _mapping(target)  # noqa: PLW2901 - whatever stands there
        port = target.get("port")
        yield str(target.get("id")) if port is None else f"{target.get('id')}:{port}"


def _mapping(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}

"""The controller's log: when it began to register or deregister targets, and when that was done.

v1.1 writes `Removing targets from ARN: IP:PORT, …` before its call, with glog's time, which has no year. v1.1 writes
nothing on success. v2 and later write JSON, before and after the call. There `ts` is seconds since 1970, and in later
releases ISO 8601 in whole seconds. Container runtimes and `kubectl logs --timestamps` put their own time before it.

Modelled: the runtime's time if the line has one, since none is finer. Otherwise the line's own.

Left out: everything else that the controller says.

Sources: docs/facts/logs.md §3. v1.1: `internal/alb/tg/targets.go` (targets are written `id:port, id:port`). v2:
`pkg/targetgroupbinding/targets_manager.go`; v2.13 and later add "(interleaved)" to the words on registering.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sim.records.times import seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

Row = dict[str, Any]

RUNTIME_PREFIX = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))\s+(?:std(?:out|err) [FP] )?(?=[{IWEF])"
)
"""What `kubectl logs --timestamps` and the container runtimes write before a line."""
_GLOG = re.compile(
    r"[IWEF](?P<month>\d\d)(?P<day>\d\d) (?P<clock>\d\d:\d\d:\d\d\.\d{6})\s+\d+ [^\]]*\] ?(?P<said>.*)", re.DOTALL
)
_V1 = re.compile(r"(?:\S+: )?(?P<verb>Adding targets to|Removing targets from) (?P<group>arn:\S+): (?P<targets>.*)")
_V1_KINDS = {"Adding targets to": "registering", "Removing targets from": "deregistering"}
_V2 = re.compile(r"(?P<kind>(?:de)?register(?:ing|ed)) targets(?: \(interleaved\))?", re.IGNORECASE)


def is_line_of_v2(found: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is a line of a controller's log."""
    return "msg" in found and ("level" in found or "ts" in found)


def line_of_v2(found: Mapping[str, Any], prefix_s: float) -> Row | None:
    """Return the row of a line, if it is on targets and its time is known."""
    said = _V2.fullmatch(str(found["msg"]))
    time_s = prefix_s if prefix_s == prefix_s else _moment_s(found.get("ts"))  # noqa: PLR0124 - NaN
    if said is None or time_s != time_s:  # noqa: PLR0124 - NaN
        return None
    targets = found.get("targets")
    return {
        "time_s": time_s,
        "kind": said["kind"].lower(),
        "target_group": str(found.get("arn") or ""),
        "targets": tuple(_target(one) for one in targets if isinstance(one, dict)) if isinstance(targets, list) else (),
    }


def is_line_of_v1(line: str) -> bool:
    """Return whether a line is one of glog."""
    return _GLOG.match(line) is not None


def line_of_v1(line: str, prefix_s: float, written_s: float) -> Row | None:
    """Return the row of a line, if it is on targets and its time is known.

    `written_s` is when the file was last written. The line is of the latest year before that.
    """
    glog = _GLOG.match(line)
    said = _V1.match(glog["said"]) if glog else None
    if glog is None or said is None:
        return None
    time_s = prefix_s if prefix_s == prefix_s else _in_latest_year_s(glog, written_s)  # noqa: PLR0124 - NaN
    if time_s != time_s:  # noqa: PLR0124 - NaN
        return None
    return {
        "time_s": time_s,
        "kind": _V1_KINDS[said["verb"]],
        "target_group": said["group"],
        "targets": tuple(target.strip() for target in said["targets"].split(",") if target.strip()),
    }


def _in_latest_year_s(glog: re.Match[str], written_s: float) -> float:
    year = datetime.fromtimestamp(written_s, UTC).year
    in_that_year_s, in_the_last_s = (
        seconds_of(f"{one}-{glog['month']}-{glog['day']}T{glog['clock']}Z") for one in (year, year - 1)
    )
    return in_that_year_s if in_that_year_s <= written_s else in_the_last_s


def _moment_s(ts: object) -> float:
    if isinstance(ts, int | float) and not isinstance(ts, bool):
        return float(ts)
    return seconds_of(ts)


def _target(one: Mapping[str, Any]) -> str:
    port = one.get("Port")
    return str(one.get("Id")) if port is None else f"{one.get('Id')}:{port}"

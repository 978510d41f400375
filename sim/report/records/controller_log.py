"""The rolled cluster's controller log, with its lines on targets as its version writes them.

- v1.1 writes glog lines before its calls, and none on success.
- From v2.0 on the log is JSON, with lines before and after a call.
- `ts` is seconds since 1970 in early releases, and ISO in whole seconds in later ones.
- The line after a call names its targets in later releases only.

Modelled: the container runtime's time before each line, as `kubectl logs --timestamps` shows it.

Left out: all other lines; the lines on failures.

Sources: docs/facts/logs.md §3.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sim.report.records.api_calls import DEREGISTER, REGISTER
from sim.report.records.names import NAMESPACE, WORKLOAD, moment, target_group_arn, whole_second
from sim.scenario.releases import IngressControllerRelease, release_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sim.report.records.api_calls import ApiCall
    from sim.report.records.names import Target
    from sim.scenario.releases import LoadBalancerControllerRelease

_V1_WORDS = {REGISTER: "Adding targets to", DEREGISTER: "Removing targets from"}
_V2_WORDS = {REGISTER: ("registering", "registered"), DEREGISTER: ("deRegistering", "deRegistered")}


def controller_log(calls: Iterable[ApiCall], version: str, scenario: str) -> str:
    """Return the log."""
    group = target_group_arn(scenario)
    own = [call for call in calls if call.cluster == 0 and call.targets and call.action in _V1_WORDS]
    release = release_of(version)
    lines = _of_v1(own, group) if isinstance(release, IngressControllerRelease) else _of_v2(own, group, release)
    return "".join(f"{_with_nanoseconds(time_s)} {line}\n" for time_s, line in sorted(lines))


def _of_v1(calls: Iterable[ApiCall], group: str) -> Iterator[tuple[float, str]]:
    for call in calls:
        targets = ", ".join(map(str, call.targets))
        said = f"{NAMESPACE}/{WORKLOAD}: {_V1_WORDS[call.action]} {group}: {targets}"
        yield call.began_s, f"I{moment(call.began_s):%m%d %H:%M:%S.%f}       1 targets.go:80] {said}"


def _of_v2(calls: Iterable[ApiCall], group: str, release: LoadBalancerControllerRelease) -> Iterator[tuple[float, str]]:
    iso = release.logs_times_as_iso
    for call in calls:
        before, after = _V2_WORDS[call.action]
        yield call.began_s, _json(call.began_s, f"{before} targets", group, call.targets, iso=iso)
        if call.done_s is not None:
            named = call.targets if release.logs_targets_after_call else ()
            yield call.done_s, _json(call.done_s, f"{after} targets", group, named, iso=iso)


def _json(time_s: float, said: str, group: str, targets: Sequence[Target], *, iso: bool) -> str:
    line: dict[str, object] = {
        "level": "info",
        "ts": whole_second(time_s) if iso else moment(time_s).timestamp(),
        "msg": said,
        "arn": group,
    }
    if targets:
        line["targets"] = [{"AvailabilityZone": None, "Id": one.address, "Port": one.port} for one in targets]
    return json.dumps(line, separators=(",", ":"))


def _with_nanoseconds(time_s: float) -> str:
    return f"{moment(time_s):%Y-%m-%dT%H:%M:%S.%f}000Z"

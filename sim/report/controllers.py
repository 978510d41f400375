"""The page of `albsim controllers`: the calls of each controller version for one pod, and how long it may wait."""

from __future__ import annotations

import json
from dataclasses import asdict
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from sim.report.wording import listed
from sim.scenario.actions import Service

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sim.experiment.controller_calls import VersionCalls

FORMATS = ("table", "markdown", "json")
SERVICES = {
    Service.ELBV2: "ELBv2",
    Service.EC2: "EC2",
    Service.TAGGING: "tagging",
    Service.WAF_REGIONAL: "WAF Regional",
    Service.WAFV2: "WAFV2",
}
_PAGE = """# What each version of the controller calls

Written by `albsim controllers --format markdown > docs/controllers.md` from the simulator's own code; do not edit. A
test fails when the code counts otherwise.

One pod goes, in a cluster with one ingress of 50 pods, one target group, an HTTP and an HTTPS listener, alone in its
account: no call is throttled. Counted are the calls of the reconcile that deregisters its target. Each call
*before* DeregisterTargets may hold it up. After *all* calls the worker may begin the next reconcile. *Cold*: the
controller has just started. *Warm*: another pod went half a minute before, and its target is still draining.

*Attempts* and *waits* are those of one call that is throttled each time, with the default of 10 for
`--aws-max-retries`. The table says how often it is sent, and what the waits between add up to, in the mean and at most.
Before DeregisterTargets that may happen to every call.

A row holds from its version until the next one's.

{table}

What each version changes, in the words of the table of releases (`sim/scenario/releases/`):

{changes}
"""


def render(rows: Sequence[VersionCalls], form: str) -> str:
    """Return the versions as Markdown or JSON, without a line end; as a table `controllers_table` does."""
    if form == "json":
        return json.dumps([asdict(row) for row in rows], indent=2)
    return _PAGE.format(table=_table(rows), changes=_changes(rows)).rstrip("\n")


def _table(rows: Sequence[VersionCalls]) -> str:
    columns = (
        ":-- from",
        ":-- before, cold",
        ":-- before, warm",
        "--: all, cold",
        "--: all, warm",
        ":-- AWS SDK",
        "--: attempts",
        "--: waits, mean (s)",
        "--: at most (s)",
    )
    rules, headings = zip(*(column.split(" ", 1) for column in columns), strict=True)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rules, *map(_cells, rows)))


def _cells(row: VersionCalls) -> tuple[str, ...]:
    return (
        row.since,
        _by_service(row.cold.before),
        _by_service(row.warm.before),
        str(sum(row.cold.whole.values())),
        str(sum(row.warm.whole.values())),
        row.sdk,
        str(row.attempts),
        f"{row.waits_mean_s:.0f}",
        f"{row.waits_most_s:.0f}",
    )


def _by_service(calls: Mapping[Service, int]) -> str:
    named = ", ".join(f"{name} {calls[service]}" for service, name in SERVICES.items() if service in calls)
    return f"{sum(calls.values())}: {named}"


def _changes(rows: Sequence[VersionCalls]) -> str:
    return "\n".join(f"- {row.since}: {change(row)}" for row in rows if row.changes)


def change(row: VersionCalls) -> str:
    """Return in words what a version changes."""
    return "; ".join(_change(name, *values) for name, values in row.changes.items())


def _change(name: str, before: Any, now: Any) -> str:  # noqa: ANN401 - whatever differs
    words = name.removesuffix("_s").replace("_", " ") + (" (s)" if name.endswith("_s") else "")
    match now:
        case bool():
            return words if now else f"no longer {words}"
        case int() | float():
            return f"{words} {now:g} instead of {before:g}"
        case dict():
            return f"{words}: {_lifetimes(now)}"
        case list():
            return f"{words}: {'; '.join(_edits(before, now))}"
    gone, come = (
        [f"`{rule}`" for rule in one.split(",") if rule and rule not in other.split(",")]
        for one, other in ((before, now), (now, before))
    )
    return f"{words} {listed(come)}" + (f" instead of {listed(gone)}" if gone else "")


def _lifetimes(keeps_s: Mapping[str, float]) -> str:
    return listed(f"`{action}` {lifetime_s:g}" for action, lifetime_s in keeps_s.items()) if keeps_s else "nothing"


def _edits(before: list[str], now: list[str]) -> Iterator[str]:
    """Yield, in the order of the sequence, the steps that were added and those that were removed."""
    for _, from_, to, come_from, come_to in SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        gone, come = before[from_:to], now[come_from:come_to]
        if gone == come:
            continue
        if come:
            after = f" after {now[come_from - 1]}" if come_from else " first"
            yield listed(come) + after + (f", instead of {listed(gone)}" if gone else "")
        else:
            yield f"no longer {listed(gone)}"

"""The calls of each controller version for a terminal: three narrow tables in place of the page's wide one.

Versions that a table's figures do not tell apart share a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table

from sim.report.controllers import SERVICES, change
from sim.report.wording import NOTHING, WIDTH, plain
from sim.scenario.problems import remark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sim.experiment.controller_calls import VersionCalls

_CALLS = (
    "AWS calls of the reconcile that deregisters one pod's target: those before DeregisterTargets, each of which may "
    "hold it up, and all. Cold: the controller has just started. Warm: another pod went half a minute before. One "
    "ingress of 50 pods, one target group, an HTTP and an HTTPS listener, no call throttled. A row holds from its "
    "version until the next one's."
)
_SERVICES = "The calls before DeregisterTargets, by AWS service."
_WAITS = (
    "A call that is throttled each time, with 10 for --aws-max-retries: how often it is sent, and what the waits "
    "between add up to, in seconds."
)
_CHANGES = "What each version changes."


def table(rows: Sequence[VersionCalls]) -> str:
    """Return the versions as text for a terminal, without a line end."""
    parts: tuple[str | Table, ...] = (
        *(_CALLS, "", _narrow(("before, cold", "before, warm", "all, cold", "all, warm"), rows, _counts), ""),
        *(_SERVICES, "", _narrow(("", *SERVICES.values()), rows, _by_service), ""),
        *(_WAITS, "", _narrow(("attempts", "waits, mean", "at most"), rows, _waits), ""),
        *(_CHANGES, "", *_changes(rows)),
    )
    return plain(Group(*parts), width=WIDTH)


def _narrow(
    headings: Sequence[str], rows: Sequence[VersionCalls], cells: Callable[[VersionCalls], list[list[str]]]
) -> Table:
    """Return a table with one or more lines for each version whose cells are not those of the version before."""
    narrow = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("from", *headings):
        narrow.add_column(heading, justify="right" if heading not in ("from", "") else "left")
    before: list[list[str]] = []
    for row in rows:
        of_row = cells(row)
        if of_row != before:
            for number, line in enumerate(of_row):
                narrow.add_row("" if number else row.since, *line)
        before = of_row
    return narrow


def _counts(row: VersionCalls) -> list[list[str]]:
    groups = (row.cold.before, row.warm.before, row.cold.whole, row.warm.whole)
    return [[str(sum(calls.values())) for calls in groups]]


def _by_service(row: VersionCalls) -> list[list[str]]:
    return [
        [state, *(str(calls.before[service]) if service in calls.before else NOTHING for service in SERVICES)]
        for state, calls in (("cold", row.cold), ("warm", row.warm))
    ]


def _waits(row: VersionCalls) -> list[list[str]]:
    return [[str(row.attempts), f"{row.waits_mean_s:.0f}", f"{row.waits_most_s:.0f}"]]


def _changes(rows: Sequence[VersionCalls]) -> Iterator[str]:
    for row in rows:
        if row.changes:
            yield from remark(f"{row.since}: {change(row)}".replace("`", ""))

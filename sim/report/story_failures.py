"""What a replication's story tells of the pods that failed unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.story_layout import Rows
from sim.report.wording import tenths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.diagnosis.findings import Findings
    from sim.diagnosis.pod_failures import PodFailure

MOST_PODS = 5


def failed_pods(found: Findings) -> Iterator[str | Rows]:
    """Yield what became of the most exposed ones, and what took them out of rotation."""
    yield "In seconds since the failure; exposed: sent requests and answering none; out: the last ALB node has stopped:"
    headings = ("pod", "endpoint\ngone", "deregis-\ntered", "out", "first\nout by", "back", "sent to\nagain")
    rows = [_row(one) for one in found.failures[:MOST_PODS]]
    yield Rows((*headings, "exposed", "failed\nrequests"), rows)
    by = [one.out_by for one in found.failures]
    named = {
        "checks": "their failing health checks",
        "API": "their deregistration",
        "restart": "the restart of their containers",
    }
    told = [f"{by.count(key):,} by {words}" for key, words in named.items() if key in by]
    yield f"What ended the exposure: {', '.join(told)}."


def _row(one: PodFailure) -> tuple[str, ...]:
    times_s = map(tenths, (one.endpoint_removed_s, one.deregistered_s, one.out_s))
    again_s = map(tenths, (one.back_s, one.again_s, one.exposed_s))
    return (str(one.pod), *times_s, one.out_by, *again_s, f"{sum(one.failed.values()):,}")

"""Whether the clocks agree: the controller's, CloudTrail's and the ALB's.

Modelled:
- CloudTrail has the second in which a call was completed, the controller's log the moment at which it had the answer.
- If a target is sent requests before its RegisterTargets, the calls' clock is late, by that time at least.

Left out: an early clock of the calls, which nothing in the records shows. So each result says what it rests on.

Source: docs/facts/logs.md §2 to §4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sim.records.completeness import clocks
from sim.records.deregistrations import changes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.records.deregistrations import Change
    from sim.records.records import Records
    from sim.records.rollouts import Rollout

NEAREST_S = 60.0
_HALF_A_SECOND = 0.5
LATE_S = 0.25
_MOVES = "Each second by which it is off moves the whole law by one."
APART_S = 0.75
"""Half a second is the trail's own precision. The rest is the time that the answer takes."""


def clock_notes(records: Records, rollouts: Sequence[Rollout], sources: tuple[str, ...]) -> Iterator[str]:
    """Yield in words what is known of the clocks. `sources` says where the calls' moments are from."""
    ahead_s = controller_ahead_s(records)
    if abs(ahead_s) > APART_S:
        side = "ahead of" if ahead_s > 0 else "behind"
        yield f"The controller's clock is {abs(ahead_s):.1f} s {side} CloudTrail's. {_MOVES}"
    elif np.isnan(ahead_s):
        yield f"DeregisterTargets is known from one clock alone ({', '.join(sources)}), which is not checked. {_MOVES}"
    else:
        yield f"The controller's clock and CloudTrail's agree; that the ALB's does too is not checked. {_MOVES}"
    earliest_s = clocks(records, rollouts, changes(records, "register")).earliest_s
    if earliest_s < -LATE_S:
        yield f"A target had requests {-earliest_s:.1f} s before its RegisterTargets: the calls' clock is late by that."


def controller_ahead_s(records: Records) -> float:
    """Return by how much the controller's clock is ahead of CloudTrail's; NaN if it cannot be known."""
    by_trail = changes(replace(records, reconciles=None), "deregister")
    by_controller = changes(replace(records, calls=None), "deregister")
    ahead_s = [call.until_s - same.from_s - _HALF_A_SECOND for call in by_controller if (same := _same(call, by_trail))]
    return float(np.median(ahead_s)) if ahead_s else float("nan")


def _same(call: Change, others: list[Change]) -> Change | None:
    alike = [
        other
        for other in others
        if other.target_group == call.target_group
        and set(other.targets) == set(call.targets)
        and abs(other.from_s - call.until_s) < NEAREST_S
    ]
    return min(alike, key=lambda other: abs(other.from_s - call.until_s), default=None)

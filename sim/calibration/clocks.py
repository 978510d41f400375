"""Whether the controller's clock agrees with CloudTrail's, where both have the same calls.

CloudTrail has the second in which a call was completed, the controller's log the moment at which it had the answer.
Left out: the ALB's own clock, with which neither can be compared here.
Source: docs/facts/logs.md §2 to §4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sim.records.deregistrations import changes

if TYPE_CHECKING:
    from sim.records.deregistrations import Change
    from sim.records.records import Records

NEAREST_S = 60.0
_HALF_A_SECOND = 0.5
APART_S = 0.75
"""Half a second is the trail's own precision; the rest is the way of the answer."""


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

"""Whether the clocks agree: the controller's, CloudTrail's and the ALB's.

Modelled:
- CloudTrail has the second in which a call was completed, the controller's log the moment at which it had the answer.
- v1.1 notes only when it began a call, which may be throttled for long. Only that its clock is ahead can be seen then.
- What the order of events tells besides is in `sim.records.clocks`.

Source: docs/facts/logs.md §2 to §4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sim.records.clocks import clock_doubts, clocks
from sim.records.deregistrations import BEGINNING_ONLY, changes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.records.deregistrations import Change
    from sim.records.records import Records
    from sim.records.rollouts import Rollout

NEAREST_S = 60.0
_HALF_A_SECOND = 0.5
_MOVES = "Each second by which the ALB's is apart moves the whole law by one."
APART_S = 0.75
"""Half a second is the trail's own precision. The rest is the time that the answer takes."""


def clock_notes(records: Records, rollouts: Sequence[Rollout], sources: tuple[str, ...]) -> Iterator[str]:
    """Yield in words what is known of the clocks. `sources` says where the calls' moments are from."""
    ahead_s = controller_ahead_s(records)
    if abs(ahead_s) > APART_S:
        side = "ahead of" if ahead_s > 0 else "behind"
        yield f"The controller's clock is {abs(ahead_s):.1f} s {side} CloudTrail's. {_MOVES}"
    elif np.isnan(ahead_s):
        yield f"DeregisterTargets is known from one clock alone ({', '.join(sources)}). {_MOVES}"
    else:
        yield f"No call shows the controller's clock and CloudTrail's apart. {_MOVES}"
    yield from clock_doubts(clocks(records, rollouts, changes(records, "register")))


def controller_ahead_s(records: Records) -> float:
    """Return by how much the controller's clock is ahead of CloudTrail's; NaN if it cannot be known."""
    by_trail = changes(replace(records, reconciles=None), "deregister")
    by_controller = changes(replace(records, calls=None), "deregister")
    ahead_s = [_ahead_s(call, same) for call in by_controller if (same := _same(call, by_trail))]
    return float(np.median(ahead_s)) if ahead_s else float("nan")


def _ahead_s(by_controller: Change, by_trail: Change) -> float:
    if by_controller.source == BEGINNING_ONLY:
        return max(0.0, by_controller.from_s - by_trail.until_s)
    return by_controller.until_s - by_trail.from_s - _HALF_A_SECOND


def _same(call: Change, others: list[Change]) -> Change | None:
    alike = [
        other
        for other in others
        if other.target_group == call.target_group
        and set(other.targets) == set(call.targets)
        and abs(other.from_s - call.until_s) < NEAREST_S
    ]
    return min(alike, key=lambda other: abs(other.from_s - call.until_s), default=None)

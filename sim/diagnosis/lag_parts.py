"""The parts of a target's deregistration lag: from its pod's deletion until the last ALB node has dropped the target.

The lag ends in one of two ways.
- By deregistration: the endpoint's removal reaches the controller. The change waits for the reconcile that carries it.
  That reconcile's calls come before its DeregisterTargets. Then the ALB nodes hear of it. The time that throttling
  takes (throttled attempts and the waits after them) is a part of its own.
- By health check: the pod serves until its checks begin to fail. The checks fail as often as the threshold says. If the
  failed checks leave a node without a healthy target, the node sends to all (fail-open) until it has one again.

Left out: which of several workers a change waited for. While a change waits, throttling of any worker counts.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.diagnosis.pod_ends import PodEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class LagParts:
    """The parts of one target's lag, in seconds, which add up to the lag. Parts of the other way are 0.

    By deregistration:

    - `endpoint_s`: from the deletion until the controller sees the endpoint gone.
    - `waiting_s`: until the reconcile that carries the change begins.
    - `calls_s`: that reconcile's calls up to the answer to DeregisterTargets.
    - `throttled_s`: the time that throttling took while waiting and calling, which the two do not contain.
    - `alb_s`: from that answer until the last ALB node has heard.
    - `given_lag_s`: from the deletion until the deregistration, with a controller without reconciles.

    By health check:

    - `serving_s`: until the pod's checks fail.
    - `checks_s`: until the last node's checks have failed often enough.
    - `fail_open_s`: until that node no longer sends to unhealthy targets.

    By the listener's rule:

    - `rule_s`: until the last ALB node has taken over a rule that gives the target group no weight.
    """

    endpoint_s: float = 0.0
    waiting_s: float = 0.0
    calls_s: float = 0.0
    throttled_s: float = 0.0
    given_lag_s: float = 0.0
    alb_s: float = 0.0
    serving_s: float = 0.0
    checks_s: float = 0.0
    fail_open_s: float = 0.0
    rule_s: float = 0.0

    def by_name(self) -> dict[str, float]:
        """Return the parts by name, in the order of time."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def largest(self) -> str:
        """The name of the part that takes the most."""
        parts = self.by_name()
        return max(parts, key=parts.__getitem__)


def lag_parts(end: PodEnd, *, began_s: float | None, throttled_before: Callable[[float], float]) -> LagParts:
    """Return the parts of a lag.

    `began_s`: when the reconcile that carried the deregistration began, None if there was none. `throttled_before`
    returns how long throttling had held up the controller until a time.
    """
    if end.left_by_rule:
        return LagParts(rule_s=end.lag_s)
    if not end.left_by_deregistration:
        return _by_health_check(end)
    alb_s = end.left_s - end.deregistered_s
    if began_s is None:
        return LagParts(given_lag_s=end.deregistered_s - end.deleted_s, alb_s=alb_s)
    seen_s = end.endpoint_removed_s
    carried_s = max(began_s, seen_s)
    throttled_waiting_s = throttled_before(carried_s) - throttled_before(seen_s)
    throttled_calling_s = throttled_before(end.deregistered_s) - throttled_before(carried_s)
    return LagParts(
        endpoint_s=seen_s - end.deleted_s,
        waiting_s=carried_s - seen_s - throttled_waiting_s,
        calls_s=end.deregistered_s - carried_s - throttled_calling_s,
        throttled_s=throttled_waiting_s + throttled_calling_s,
        alb_s=alb_s,
    )


def _by_health_check(end: PodEnd) -> LagParts:
    failed_s = [unhealthy_s for unhealthy_s in end.unhealthy_s if unhealthy_s <= end.left_s]
    unhealthy_s = float(np.max(failed_s, initial=end.checks_fail_s))
    return LagParts(
        serving_s=end.checks_fail_s - end.deleted_s,
        checks_s=unhealthy_s - end.checks_fail_s,
        fail_open_s=end.left_s - unhealthy_s,
    )

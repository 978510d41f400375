"""When an ALB node's health checks take a target out of its rotation, and back into it.

Modelled:
- Each node checks each target once in `interval_s`, at its own phase.
- A check of a refusing port fails at once. Where nothing answers, the check fails after `timeout_s`.
- The target is unhealthy with the `unhealthy_threshold`-th failed check in a row, and healthy again with the
  `healthy_threshold`-th passed one.

Left out: a check that begins before the target's last answer and ends after it; the time that a passed check takes.

Sources: docs/facts/alb.md §2.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sim.control_plane.kubernetes.outage import Outage
    from sim.scenario.target_group import HealthCheckSpec


class Spell(NamedTuple):
    """A target is unhealthy at a node during `[from_s, until_s)`; `inf` for never."""

    from_s: float
    until_s: float


def unhealthy_spell(check: HealthCheckSpec, first_s: float, outage: Outage) -> Spell:
    """Return when a node, whose first check of a target is at `first_s`, takes it for unhealthy in an outage."""
    last_s = _next_check_s(check, first_s, outage.from_s) + (check.unhealthy_threshold - 1) * check.interval_s
    if last_s >= outage.until_s:
        return Spell(math.inf, math.inf)
    passes_s = _next_check_s(check, first_s, outage.until_s) if outage.until_s < math.inf else math.inf
    healthy_s = passes_s + (check.healthy_threshold - 1) * check.interval_s
    return Spell(last_s + (check.timeout_s if outage.silent else 0.0), healthy_s)


def _next_check_s(check: HealthCheckSpec, first_s: float, at_s: float) -> float:
    return first_s + max(0, math.ceil((at_s - first_s) / check.interval_s)) * check.interval_s

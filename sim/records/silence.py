"""Targets that fall silent: their requests end, while those of their group's others go on, without a DeregisterTargets.

The call may be missing in the trail. Or health checks took the target out, or another account's program did.

Modelled: a target is silent after its last request if half of the group's targets with later requests had at least
twenty more. By chance one request in e^20 would miss a target so long. Whether the group's traffic as a whole rises or
falls plays no part.

Left out: targets that were silent for a while and then came back; those whose silence is too near the log's end.

Source: docs/facts/logs.md §4 ("Caveats").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.records.deregistrations import changes, times_by_target
from sim.records.lags import LONGEST_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.records.by_target import ByTarget
    from sim.records.records import Records

_ENOUGH_OTHERS = 20
_MOST_COMPARED = 50
_MOST_NAMED = 5


def silent_targets(records: Records, requests: ByTarget) -> dict[str, float]:
    """Return the targets that fell silent, each with the time of its last request; none without records of calls."""
    if records.calls is None and records.reconciles is None:
        return {}
    left_s, came_s = times_by_target(changes(records, "deregister")), times_by_target(changes(records, "register"))
    names = np.array(requests.targets, dtype=object)
    last_row = np.array([requests.numbers(name)[-1] for name in names], dtype=np.int64)
    last_s, group = requests.values("time_s", last_row), requests.values("target_group", last_row)
    found = {}
    for place, name in enumerate(names):
        since_s = max([last_s[place] - LONGEST_S, *(one for one in came_s.get(name, []) if one <= last_s[place])])
        if not any(one >= since_s for one in left_s.get(name, [])):
            others = names[(last_row > last_row[place]) & (group == group[place])]
            if _had_enough(requests, others, int(last_row[place])):
                found[str(name)] = float(last_s[place])
    return found


def silence(targets: Sequence[str]) -> str:
    """Return in words that these targets fell silent."""
    n = len(targets)
    named = ", ".join(targets[:_MOST_NAMED]) + (f" and {n - _MOST_NAMED:,} more" if n > _MOST_NAMED else "")
    return (
        f"{n:,} {'target' if n == 1 else 'targets'} fell silent without a DeregisterTargets in the records, while "
        f"others of {'its' if n == 1 else 'their'} group had requests: {named}. A call may be missing in the trail, or "
        "health checks took the target out."
    )


def _had_enough(requests: ByTarget, others: np.ndarray, row: int) -> bool:
    """Return whether half of these targets had enough requests after a row. Of many, some are looked at."""
    if not others.size:
        return False
    some = others[np.unique(np.linspace(0, others.size - 1, _MOST_COMPARED).astype(int))]
    later = [numbers.size - np.searchsorted(numbers, row) for numbers in map(requests.numbers, some)]
    return float(np.median(later)) >= _ENOUGH_OTHERS

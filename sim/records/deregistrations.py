"""When each target was deregistered, and registered, as narrowly as the records tell.

The controller notes the moments before and after its call. CloudTrail has the second in which the call was completed. A
call that failed is begun again; v1.1 notes no success.

Modelled: bounds `[from_s, until_s)` of the moment at which the call took effect. The bounds come from the first of
these:
- the controller's log, if it has both moments, at most two seconds apart. More means that the call was throttled;
- CloudTrail, `[t, t + 1)`;
- the call's beginning alone, with a second after it.

A call of the controller and one of the trail are the same if their target groups, targets and times fit.

Left out: that CloudTrail's seconds may be rounded and not cut (docs/facts/logs.md, "Open").

Sources: docs/facts/logs.md §2, §3 ("t_d, best first").
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd

    from sim.records.records import Records

SECOND_S = 1.0
CLOCKS_APART_S = 30.0
"""By how much the controller's clock and CloudTrail's may differ for two records of one call.

The same targets do not leave again so soon.
"""
LONGEST_UNTHROTTLED_S = 2.0
LONGEST_CALL_S = 1200.0
"""The longest time that a throttled call of v1.1 takes (docs/facts/controller.md §1). v1.1 notes only its beginning."""

BEGINNING_ONLY = "controller log, beginning only"
Verb = Literal["register", "deregister"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One call that registered or deregistered targets: it took effect in `[from_s, until_s)`.

    `begun_s`: when the controller began it; NaN if unknown.
    """

    target_group: str
    targets: tuple[str, ...]
    begun_s: float
    from_s: float
    until_s: float
    source: str

    @property
    def time_s(self) -> float:
        """The middle of its bounds."""
        return (self.from_s + self.until_s) / 2


def changes(records: Records, verb: Verb) -> list[Change]:
    """Return the successful calls, by their time.

    Each call comes once, even if several records tell of the same call.
    """
    by_trail = list(_of_trail(records.calls, verb))
    found: list[Change] = []
    for change in _of_controller(records.reconciles, verb):
        alike = [one for one in by_trail if _is_same(change, one)]
        same = min(alike, key=lambda one: abs(one.from_s - change.until_s), default=None)
        if same:
            by_trail.remove(same)
        found.append(replace(same, begun_s=change.begun_s) if same and _is_vague(change) else change)
    return sorted([*found, *by_trail], key=lambda change: (change.from_s, change.target_group, change.targets))


def times_by_target(calls: Iterable[Change]) -> dict[str, list[float]]:
    """Return when each target was in a call."""
    found: dict[str, list[float]] = defaultdict(list)
    for call in calls:
        for target in call.targets:
            found[target].append(call.time_s)
    return dict(found)


def frame_of(found: list[Change]) -> pd.DataFrame:
    """Return a row for each target of each call: `target`, `target_group`, `from_s`, `until_s`, `source`, `call`."""
    import pandas as pd

    rows: list[dict[str, Any]] = [
        {
            "target": target,
            "target_group": change.target_group,
            "from_s": change.from_s,
            "until_s": change.until_s,
            "source": change.source,
            "call": number,
        }
        for number, change in enumerate(found)
        for target in change.targets
    ]
    return pd.DataFrame(rows, columns=["target", "target_group", "from_s", "until_s", "source", "call"])


def _of_trail(calls: pd.DataFrame | None, verb: Verb) -> Iterator[Change]:
    if calls is None:
        return
    action = f"elasticloadbalancing:{verb.capitalize()}Targets"
    succeeded = calls[(calls["action"] == action) & ~calls["failed"]]
    for call in succeeded.to_dict("records"):
        if call["targets"]:
            yield Change(
                target_group=call["target_group"],
                targets=call["targets"],
                begun_s=math.nan,
                from_s=call["time_s"],
                until_s=call["time_s"] + SECOND_S,
                source="CloudTrail",
            )


def _of_controller(reconciles: pd.DataFrame | None, verb: Verb) -> Iterator[Change]:
    """Return the calls by pairing beginnings with ends, by target group and in order. The last beginning succeeded."""
    if reconciles is None:
        return
    ends_noted = bool(reconciles["kind"].isin(["registered", "deregistered"]).any())
    begun: dict[str, dict[Any, Any]] = {}
    for line in reconciles[reconciles["kind"].isin([f"{verb}ing", f"{verb}ed"])].to_dict("records"):
        if line["kind"] == f"{verb}ed":
            start = begun.pop(line["target_group"], None)
            if start is not None and start["targets"]:
                yield _change(start, line["time_s"])
        elif ends_noted:
            begun[line["target_group"]] = line
        elif line["targets"]:
            yield _change(line, None)


def _change(start: dict[Any, Any], done_s: float | None) -> Change:
    """Return the call of a beginning and its end. A moment in whole seconds may be up to a second later."""
    begun_s: float = start["time_s"]
    last_s = begun_s if done_s is None else done_s
    whole = begun_s.is_integer() and last_s.is_integer()
    return Change(
        target_group=start["target_group"],
        targets=start["targets"],
        begun_s=begun_s,
        from_s=begun_s,
        until_s=last_s + (SECOND_S if whole or done_s is None else 0.0),
        source=BEGINNING_ONLY if done_s is None else "controller log",
    )


def _is_vague(change: Change) -> bool:
    return change.source == BEGINNING_ONLY or change.until_s - change.from_s > LONGEST_UNTHROTTLED_S


def _is_same(change: Change, by_trail: Change) -> bool:
    latest_s = change.from_s + LONGEST_CALL_S if change.source == BEGINNING_ONLY else change.until_s
    in_time = change.from_s - CLOCKS_APART_S <= by_trail.from_s <= latest_s + CLOCKS_APART_S
    return in_time and change.target_group == by_trail.target_group and set(change.targets) == set(by_trail.targets)


def by_group(found: list[Change]) -> dict[str, list[Change]]:
    """Return the calls of each target group, by their time."""
    groups: dict[str, list[Change]] = defaultdict(list)
    for group, some in groupby(found, key=lambda change: change.target_group):
        groups[group] += some
    return groups

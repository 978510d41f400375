"""What the records lack, and whether their clocks agree.

Access logs are best effort: a file may come late or never. ALB nodes, CloudTrail and the controller have three clocks.

Modelled:
- An interval of five minutes, between an ALB node's first and last file, for which it has no file and another node has.
- A target whose requests all end before its DeregisterTargets, at every node.
- A target that is sent requests before its RegisterTargets, which only a clock can explain.

Left out: the last files of a node that is gone for good. Nothing tells that they are missing.

Sources: docs/facts/logs.md §1 ("Complete?"), §4 ("Caveats").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from sim.records.lags import Traffic
from sim.records.reading import INTERVAL_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from sim.records.deregistrations import Change
    from sim.records.records import Records
    from sim.records.rollouts import Rollout


@dataclass(frozen=True, slots=True)
class MissingFile:
    """An interval `[from_s, until_s)` for which a node has no file."""

    node: str
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """What the targets' requests tell of the clocks.

    Of `n_left` targets with requests `n_silent_before` had none after DeregisterTargets, and the last of them
    `silent_before_s` before it in the median. Of `n_came` targets the earliest first request came `earliest_s` after
    RegisterTargets, which is negative if it came before.
    """

    n_left: int
    n_silent_before: int
    silent_before_s: float
    n_came: int
    earliest_s: float


def missing_files(files: pd.DataFrame) -> list[MissingFile]:
    """Return the intervals that lack a file of an access log."""
    logs = files[(files["kind"] == "access_log") & (files["node"] != "") & files["until_s"].notna()]
    ends_s = sorted(set(logs["until_s"]))
    missing = []
    for node, some in logs.groupby("node"):
        there = set(some["until_s"])
        missing += [
            MissingFile(str(node), end_s - INTERVAL_S, end_s)
            for end_s in ends_s
            if min(there) < end_s < max(there) and end_s not in there
        ]
    return missing


def clocks(records: Records, rollouts: Sequence[Rollout], came: Sequence[Change]) -> Clocks:
    """Return what the requests of targets that left and came tell of the clocks."""
    lags = [lag for rollout in rollouts for lag in rollout.lags]
    traffic = Traffic(records.requests)
    last_s = [(lag, traffic.last_before_s(lag.target, lag.deregistered_s)) for lag in lags]
    with_requests = [(lag, before_s) for lag, before_s in last_s if lag.last_s or not math.isnan(before_s)]
    silent_s = [lag.deregistered_s - before_s for lag, before_s in with_requests if not lag.last_s]
    first_s = [
        traffic.first_after_s(one, call.from_s - INTERVAL_S) - call.from_s for call in came for one in call.targets
    ]
    firsts_s = [one_s for one_s in first_s if not math.isnan(one_s)]
    return Clocks(
        n_left=len(with_requests),
        n_silent_before=len(silent_s),
        silent_before_s=median(silent_s) if silent_s else math.nan,
        n_came=len(firsts_s),
        earliest_s=min(firsts_s, default=math.nan),
    )

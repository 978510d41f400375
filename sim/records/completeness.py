"""What the records lack. Access logs are best effort: a file may come late or never.

Modelled: an interval of five minutes, between an ALB node's first and last file, for which it has no file. Either
another node has one, or none has, though traffic was such that a file without a line is out of the question.

Left out:
- the first and last files of a node, since nothing tells that they are missing;
- a stretch of more than an hour without a file of any node, which lies between two records.

Source: docs/facts/logs.md §1 ("Complete?").
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from sim.records.reading import INTERVAL_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd


_LONGEST_S = 3600.0
_ENOUGH_LINES = 10.0
"""So many lines per file in the mean, and fewer than one interval in 20,000 has none by chance."""


@dataclass(frozen=True, slots=True)
class MissingFile:
    """An interval `[from_s, until_s)` for which a node has no file."""

    node: str
    from_s: float
    until_s: float


def missing_files(files: pd.DataFrame) -> list[MissingFile]:
    """Return the intervals that lack a file of an access log."""
    logs = files[(files["kind"] == "access_log") & (files["node"] != "") & files["until_s"].notna()]
    known_s = sorted(set(logs["until_s"]))
    every_s = sorted({*known_s, *_between(known_s)})
    missing = []
    for node, some in logs.groupby("node"):
        there = set(some["until_s"])
        busy = some["lines_read"].sum() >= _ENOUGH_LINES * len(there)
        missing += [
            MissingFile(str(node), end_s - INTERVAL_S, end_s)
            for end_s in (every_s if busy else known_s)
            if min(there) < end_s < max(there) and end_s not in there
        ]
    return missing


def _between(ends_s: list[float]) -> Iterator[float]:
    """Yield the ends of intervals in the gaps of no more than an hour between these ends."""
    for earlier_s, later_s in pairwise(ends_s):
        if later_s - earlier_s <= _LONGEST_S:
            yield from (earlier_s + INTERVAL_S * n for n in range(1, int((later_s - earlier_s) / INTERVAL_S)))

"""What the records lack. Access logs are best effort: a file may come late or never.

Modelled: an interval of five minutes, between an ALB node's first and last file, for which it has no file and another
node has.

Left out: the last files of a node that is gone for good. Nothing tells that they are missing.

Source: docs/facts/logs.md §1 ("Complete?").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.records.reading import INTERVAL_S

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class MissingFile:
    """An interval `[from_s, until_s)` for which a node has no file."""

    node: str
    from_s: float
    until_s: float


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

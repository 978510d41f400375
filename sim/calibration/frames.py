"""Rows of frames: one after the other, or those near some moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from sim.calibration.last_requests import Floats
    from sim.records.rollouts import Rollout

AROUND_S = 600.0


def rows_of(frame: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Yield some columns' values of each row, in the order of time."""
    ordered = frame.sort_values("time_s", kind="stable")
    return zip(*(ordered[column].tolist() for column in columns), strict=True)


def spans_around(times_s: Floats, rollouts: Sequence[Rollout]) -> list[tuple[int, int]]:
    """Return the rows near the rollouts as ranges of row numbers that do not overlap; `times_s` are ordered."""
    spans: list[tuple[int, int]] = []
    end = 0
    for rollout in sorted(rollouts, key=lambda one: one.from_s):
        begin, until = np.searchsorted(times_s, [rollout.from_s - AROUND_S, rollout.until_s + AROUND_S]).tolist()
        if until > end:
            spans.append((max(begin, end), until))
            end = until
    return spans

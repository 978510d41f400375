"""Rows of frames: one after the other, or those near some moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from sim.records.rollouts import Rollout

AROUND_S = 600.0


def rows_of(frame: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Yield some columns' values of each row, in the order of time."""
    ordered = frame.sort_values("time_s", kind="stable")
    return zip(*(ordered[column].tolist() for column in columns), strict=True)


def around(requests: pd.DataFrame, rollouts: Sequence[Rollout]) -> pd.DataFrame:
    """Return the requests near the rollouts, each once, by their time."""
    import pandas as pd

    times_s = requests["time_s"].to_numpy(dtype=float)
    parts, end = [requests.iloc[:0]], 0
    for rollout in sorted(rollouts, key=lambda one: one.from_s):
        begin, until = np.searchsorted(times_s, [rollout.from_s - AROUND_S, rollout.until_s + AROUND_S])
        if until > end:
            parts.append(requests.iloc[max(begin, end) : until])
            end = int(until)
    return pd.concat(parts) if len(parts) > 2 else parts[-1]  # noqa: PLR2004 - one part is taken as it is

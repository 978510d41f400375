"""Walking through a frame of records row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd


def rows_of(frame: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Yield some columns' values of each row, in the order of time."""
    ordered = frame.sort_values("time_s", kind="stable")
    return zip(*(ordered[column].tolist() for column in columns), strict=True)

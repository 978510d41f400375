"""The requests of each target, out of a frame that holds millions of all targets.

Only the numbers of the rows are kept, by target: four bytes each. Values are taken column by column when they are asked
for, as pandas takes a thousand times as long for a frame of a few rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.int32]


class ByTarget:
    """The rows of `Records.requests` by target, each target's in the order of time."""

    def __init__(self, requests: pd.DataFrame) -> None:
        self._requests = requests
        self._times_s: NDArray[np.float64] = requests["time_s"].to_numpy()
        codes = requests["target"].cat.codes.to_numpy()
        names = requests["target"].cat.categories
        self._numbers: Numbers = np.argsort(codes, kind="stable").astype(np.int32)
        ends = np.cumsum(np.bincount(codes, minlength=len(names)))
        self._ends = {str(name): int(end) for name, end in zip(names, ends, strict=True)}
        self._begins = dict(zip(self._ends, [0, *self._ends.values()], strict=False))
        self._columns: dict[str, NDArray[Any]] = {}
        self._names: dict[str, list[str]] = {}

    @property
    def targets(self) -> list[str]:
        """The targets that have requests, without the empty name."""
        return [name for name, end in self._ends.items() if name and end > self._begins[name]]

    def numbers(self, target: str) -> Numbers:
        """Return the numbers of a target's rows."""
        return self._numbers[self._begins.get(target, 0) : self._ends.get(target, 0)]

    def between(self, target: str, from_s: float = -math.inf, until_s: float = math.inf) -> Numbers:
        """Return the numbers of a target's rows in a span of time `[from_s, until_s)`."""
        numbers = self.numbers(target)
        begin, end = np.searchsorted(self._times_s[numbers], [from_s, until_s])
        return numbers[begin:end]

    def values(self, column: str, numbers: NDArray[Any]) -> NDArray[Any]:
        """Return a column's values in rows by their numbers; of a column of names their codes."""
        if column not in self._columns:
            whole = self._requests[column]
            self._columns[column] = (whole.cat.codes if whole.dtype == "category" else whole).to_numpy()
        return np.asarray(self._columns[column][numbers])

    def names(self, column: str) -> list[str]:
        """Return the names of a column's codes."""
        if column not in self._names:
            self._names[column] = [str(name) for name in self._requests[column].cat.categories]
        return self._names[column]

    def sent_s(self, numbers: NDArray[Any]) -> NDArray[np.float64]:
        """Return when the requests of these rows were sent to their target."""
        waited_s = self.values("request_processing_s", numbers).astype(np.float64)
        return np.asarray(self.values("time_s", numbers) + np.fmax(waited_s, 0.0))

"""The requests of each target, out of a frame that holds millions of all targets.

Only the numbers of the rows are kept, by target: four bytes each. A target's rows are taken when they are asked for.
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

    @property
    def targets(self) -> list[str]:
        """The targets that have requests, without the empty name."""
        return [name for name, end in self._ends.items() if name and end > self._begins[name]]

    def numbers(self, target: str) -> Numbers:
        """Return the numbers of a target's rows."""
        return self._numbers[self._begins.get(target, 0) : self._ends.get(target, 0)]

    def rows(self, numbers: NDArray[Any]) -> pd.DataFrame:
        """Return rows by their numbers."""
        return self._requests.iloc[numbers]

    def between(self, target: str, from_s: float = -math.inf, until_s: float = math.inf) -> pd.DataFrame:
        """Return the requests for a target in a span of time `[from_s, until_s)`."""
        numbers = self.numbers(target)
        begin, end = np.searchsorted(self._times_s[numbers], [from_s, until_s])
        return self.rows(numbers[begin:end])

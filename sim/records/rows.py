"""Columns that grow by blocks, in memory that is given back column by column.

Many arrays that come and go would leave the heap in pieces, which the operating system never gets back. So rows are
copied into slabs of a million, each in a mapping of its own.
"""

from __future__ import annotations

from mmap import mmap
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

SLAB = 1 << 20


class Rows:
    """Rows of some columns, each of its type."""

    def __init__(self, types: Mapping[str, str]) -> None:
        self._types = types
        self._slabs: dict[str, list[NDArray[Any]]] = {name: [] for name in types}
        self._n = 0

    def append(self, block: Mapping[str, NDArray[Any]]) -> None:
        """Append rows; all columns of a block have one length."""
        n_new = len(next(iter(block.values())))
        done = 0
        while done < n_new:
            at = self._n % SLAB
            if at == 0:
                self._add_slabs()
            n = min(n_new - done, SLAB - at)
            for name, column in block.items():
                self._slabs[name][-1][at : at + n] = column[done : done + n]
            self._n, done = self._n + n, done + n

    def column(self, name: str) -> NDArray[Any]:
        """Return all rows of a column."""
        return np.concatenate([np.empty(0, self._types[name]), *self._slabs[name]])[: self._n]

    def drop(self, name: str) -> None:
        """Forget a column."""
        self._slabs[name].clear()

    def _add_slabs(self) -> None:
        for name, slabs in self._slabs.items():
            kind = np.dtype(self._types[name])
            slabs.append(np.frombuffer(mmap(-1, SLAB * kind.itemsize), kind))

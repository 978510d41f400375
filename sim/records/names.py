"""Names as small numbers: the same name has the same number in every file, whichever thread meets it first."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray


class Names:
    """The names of one column."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._lock = Lock()

    def code(self, name: str) -> int:
        """Return the number of a name, a new one if the name is new."""
        with self._lock:
            return self._codes.setdefault(name, len(self._codes))

    def known(self) -> list[str]:
        """Return the names so far."""
        with self._lock:
            return list(self._codes)

    def codes(self, column: pa.DictionaryArray) -> NDArray[np.int32]:
        """Return the numbers of a column's names. `-` is the empty name."""
        known = [self.code("" if name == "-" else name) for name in column.dictionary.to_pylist()]
        return taken(known, column).astype(np.int32)

    def column(self, codes: NDArray[np.int32]) -> pd.Categorical:
        """Return a column of names by their numbers, with its categories in alphabetical order."""
        import pandas as pd

        names = sorted(self._codes)
        place = np.empty(len(names), np.int32)
        place[[self._codes[name] for name in names]] = np.arange(len(names))
        return pd.Categorical.from_codes(place[codes] if names else codes, categories=pd.Index(names, dtype=object))


def taken(values: Sequence[Any] | NDArray[Any], column: pa.DictionaryArray) -> NDArray[Any]:
    """Return, for each row of a column, the value that belongs to its entry in the dictionary."""
    return np.asarray(values)[column.indices.to_numpy()] if len(column) else np.asarray(values)[:0]

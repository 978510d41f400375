"""Fields 35 and 36 of an access log, which lines of 2026 have: how often which values, by the line's outcome.

Modelled: the values as they are. AWS does not explain them, and they may be the best sign of a cause.

Left out: a value that does not look like a code, since it may be part of a URL.

Source: docs/facts/logs.md §1.
"""

from __future__ import annotations

import re
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from sim.records.names import taken
from sim.records.records import OUTCOMES

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

_CODE = re.compile(r"\w[\w.-]{0,39}", re.ASCII)
_MOST = 1000


class ErrorCodes:
    """Counts by outcome and both values, '' for none; several threads may add."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self._lock = Lock()

    def add(self, first: pa.DictionaryArray, second: pa.DictionaryArray, outcome: NDArray[np.int8]) -> None:
        """Count the lines that have a value in either field."""
        codes = [[_code(word) for word in field.dictionary.to_pylist()] for field in (first, second)]
        given = [taken([bool(code) for code in of], field) for of, field in zip(codes, (first, second), strict=True)]
        lines = np.flatnonzero(given[0] | given[1])
        of_lines = [
            [of[place] for place in field.indices.to_numpy()[lines]]
            for of, field in zip(codes, (first, second), strict=True)
        ]
        found = Counter(zip([OUTCOMES[place] for place in outcome[lines]], *of_lines, strict=True))
        with self._lock:
            self.counts.update(dict(found.most_common(max(_MOST - len(self.counts), 0))))


def _code(word: str) -> str:
    if word in ("-", ""):
        return ""
    return word if _CODE.fullmatch(word) else "something else"

"""Moments as records write them, in seconds since 1970."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

_NANOSECONDS = re.compile(r"(\.\d{6})\d+")


def seconds_of(text: object) -> float:
    """Return a moment written as ISO 8601, to the microsecond, NaN for any other text. Without a zone it is UTC."""
    if not isinstance(text, str):
        return math.nan
    try:
        moment = datetime.fromisoformat(_NANOSECONDS.sub(r"\1", text))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return math.nan


def seconds_of_all(texts: pa.Array) -> NDArray[np.float64]:
    """Return moments of the form `2026-08-17T10:05:09.100000Z`, NaN for days that no month has."""
    import pyarrow as pa

    try:
        moments: Any = texts.cast(pa.timestamp("us", "UTC"))
    except pa.ArrowInvalid:
        return np.array([seconds_of(text) for text in texts.to_pylist()])
    return np.asarray(moments.cast(pa.int64()).to_numpy() / 1e6)

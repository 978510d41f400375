"""Kubernetes' quantities, `500m` of a core, `1.5Gi` of memory; and how Go spells durations, true and false.

Sources: Kubernetes apimachinery pkg/api/resource/quantity.go and suffix.go; Go strconv.ParseBool.
"""

from __future__ import annotations

import re
from decimal import Decimal

import durationpy

_QUANTITY = re.compile(r"\+?(\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,2})?")
TRUE, FALSE = {"1", "t", "T", "TRUE", "true", "True"}, {"0", "f", "F", "FALSE", "false", "False"}
_POWERS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def quantity(value: object) -> Decimal | None:
    """Return a quantity in its unit (cores, bytes), None if the text is no quantity or below zero."""
    text = str(value).strip() if isinstance(value, int | float | str) and not isinstance(value, bool) else ""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return None
    number, suffix = Decimal(found[1]), found[2] or ""
    if suffix.endswith("i"):
        return number * Decimal(1024) ** ("KMGTPE".index(suffix[0]) + 1)
    if suffix in _POWERS:
        return number.scaleb(_POWERS[suffix])
    return number.scaleb(int(suffix[1:]))


def go_duration_s(text: str) -> float | None:
    """Return a duration of Go, `1h30m` or `600s`, in seconds; None if the text is none."""
    try:
        return float(durationpy.from_str(text).total_seconds())
    except (durationpy.DurationError, ValueError, OverflowError):
        return None


def seconds_or_duration_s(text: str) -> float | None:
    """Return a whole number of seconds, or a duration of Go, in seconds; None if the text is neither."""
    return float(text) if re.fullmatch(r"\d{1,9}", text) else go_duration_s(text)

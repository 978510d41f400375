"""Kubernetes' quantities: `500m` of a core, `1.5Gi` of memory.

Source: Kubernetes apimachinery pkg/api/resource/quantity.go and suffix.go.
"""

from __future__ import annotations

import re
from decimal import Decimal

_QUANTITY = re.compile(r"\+?(\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,2})?")
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

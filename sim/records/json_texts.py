"""JSON in files: one object a line, one document, several of them, or what is left of a truncated one."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIST = re.compile(r'"(?:Records|Events|items)"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")
_START = re.compile(r'\s*\{\s*(?P<key>"[^"]*")')
_MOST_BREAKS = 1000
"""A file that is broken more often is not read to its end."""


def parsed(text: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the value of a text, None if it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def documents(text: str) -> tuple[list[Any], int]:
    """Return the documents of a text, one after the other, and at how many places it is broken.

    Of a document that is truncated or damaged, the items of its list of records are returned, but for those in which
    the damage is.
    """
    found, at = _values(text, _end_of_gap(text, 0))
    if at == len(text):
        return found, 0
    begin = _LIST.search(text, at)
    if begin is None:
        return found, 1
    items, n_broken = _items(text, begin.end())
    return found + items, max(n_broken, 1)


def _items(text: str, at: int) -> tuple[list[Any], int]:
    """Return the readable items of a damaged list, and at how many places it is broken. All items begin alike."""
    start = _START.match(text, at)
    alike = re.compile(r"\{\s*" + re.escape(start["key"])) if start else _START
    found: list[Any] = []
    n_broken = 0
    for _ in range(_MOST_BREAKS):
        items, at = _values(text, _end_of_gap(text, at))
        found += items
        n_broken += not text.startswith("]", at)
        after = alike.search(text, at + 1)
        if after is None:
            break
        at = after.start()
    return found, n_broken


def _values(text: str, at: int) -> tuple[list[Any], int]:
    """Return the values from a position on, one after the other, and where they ended."""
    decoder = json.JSONDecoder()
    found: list[Any] = []
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        found.append(value)
        at = _end_of_gap(text, at)
    return found, at


def _end_of_gap(text: str, at: int) -> int:
    gap = _BETWEEN.match(text, at)
    return gap.end() if gap else at


def lines(blocks: Iterator[bytes]) -> Iterator[str]:
    """Yield the non-empty lines of blocks."""
    for block in blocks:
        for line in block.decode(errors="replace").splitlines():
            if line.strip():
                yield line.strip()

"""JSON in files: one object a line, one document, several of them, or what is left of a truncated one."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIST = re.compile(r'"(?:Records|Events|items)"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")


def parsed(text: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the value of a text, None if it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def documents(text: str) -> tuple[list[Any], bool]:
    """Return the documents of a text, one after the other, and whether they are all of it.

    Of a document that is truncated or damaged, the items of its list of records up to there are returned.
    """
    found, at = _values(text, _end_of_gap(text, 0))
    if at == len(text):
        return found, True
    begin = _LIST.search(text, at)
    return found + (_values(text, begin.end())[0] if begin else []), False


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

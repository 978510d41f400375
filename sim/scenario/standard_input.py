"""Standard input, which can be read only once. The text is kept, so that several readers can use it."""

from __future__ import annotations

import sys
from functools import cache
from typing import TextIO

STDIN = "-"
"""The name of standard input among those of files."""
MOST_BYTES = 40_000_000


def standard_input() -> bytes:
    """Return all of standard input, or one byte more than `MOST_BYTES` if it is longer than that."""
    return _content(sys.stdin)


@cache
def _content(stream: TextIO) -> bytes:
    return stream.buffer.read(MOST_BYTES + 1)

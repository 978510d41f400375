"""Standard input, which can be read only once: kept, so that whoever looks at it can leave it to another."""

from __future__ import annotations

import sys
from functools import cache
from typing import TextIO

STDIN = "-"
"""The name of standard input among those of files."""
MOST_BYTES = 40_000_000


def standard_input() -> bytes:
    """Return all of standard input, or as much as nobody reads."""
    return _content(sys.stdin)


@cache
def _content(stream: TextIO) -> bytes:
    return stream.buffer.read(MOST_BYTES + 1)

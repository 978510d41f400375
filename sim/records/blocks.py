"""Files as blocks of whole lines: plain or gzip, however long, and as far as a broken one can be read.

Logs arrive compressed. A copy that was interrupted ends in the middle of a line, or of the stream.

Modelled: a block of bytes holds whole lines. What follows the last line end of a file is a line too.
"""

from __future__ import annotations

import gzip
import zlib
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK = 1 << 22
LONGEST_LINE = 1 << 24
"""No log has longer lines. Text that goes on without a line end is cut here."""
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Blocks:
    """The blocks of one file, to be read once. Then `broken` says what ended it too early, or is empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.broken = ""

    def __iter__(self) -> Iterator[bytes]:
        """Yield blocks of some megabytes. Raises OSError if the file cannot be opened."""
        rest = b""
        for chunk in self._chunks():
            whole, end, rest = (rest + chunk).rpartition(b"\n")
            if end:
                yield whole + end
            elif len(rest) > LONGEST_LINE:
                yield rest + b"\n"
                rest = b""
        if rest:
            yield rest + b"\n"

    def _chunks(self) -> Iterator[bytes]:
        with ExitStack() as stack:
            file: IO[bytes] = stack.enter_context(self._path.open("rb"))
            start = file.read(len(_BYTE_ORDER_MARK))
            file.seek(0 if start != _BYTE_ORDER_MARK else len(_BYTE_ORDER_MARK))
            if start.startswith(_GZIP):
                file = stack.enter_context(cast("IO[bytes]", gzip.GzipFile(fileobj=file)))
            yield from self._read(file)

    def _read(self, file: IO[bytes]) -> Iterator[bytes]:
        gathered: list[bytes] = []
        size = 0
        try:
            while chunk := file.read1(BLOCK):  # type: ignore[attr-defined] # both kinds of file have it
                gathered.append(chunk)
                size += len(chunk)
                if size >= BLOCK:
                    yield b"".join(gathered)
                    gathered, size = [], 0
        except EOFError:
            self.broken = "the compressed file ends too early: it was read up to there"
        except (gzip.BadGzipFile, zlib.error):
            self.broken = "the compressed file is damaged: it was read up to there"
        yield b"".join(gathered)

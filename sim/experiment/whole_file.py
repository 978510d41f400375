"""Files that are there whole or not at all.

How: the content goes into a file beside the target, which then takes the target's place in one step of the file system.
A reader sees the old file or the new one, whatever happens meanwhile: a full disk, an interruption, a killed process.
A killed process leaves its unfinished file behind, under a name that begins with a dot.

Left out: a power cut (nothing is forced to the disk), and the old file's permissions, which the new one loses.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield the name of a file to write instead of `path`, which that file becomes if the block succeeds.

    A device or a pipe is written directly. Raises OSError, which names `path`, if `path` cannot be written.
    """
    is_special = path.exists() and not path.is_file()
    target = path.resolve()
    unfinished = path if is_special else target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield unfinished
        if not is_special:
            unfinished.replace(target)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise
    finally:
        if not is_special:
            unfinished.unlink(missing_ok=True)

"""Files that are there whole or not at all.

How: what is written goes into a file beside the one it is for, which then takes that one's place in one step of the
file system. Whoever reads sees the old file or the new one, whatever happens in between: a full disk, an interruption,
a killed process (which leaves its unfinished file behind, under a name that begins with a dot).
What is left out: a power cut (nothing is forced to the disk), and the old file's permissions, which the new one loses.
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
    """Return the name of a file to write instead of `path`, which it becomes if the block ends well.

    A device or a pipe is written itself. Raises OSError, which names `path`, if it cannot be written.
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

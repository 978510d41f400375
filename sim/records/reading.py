"""Reading records: files, directories and any mix of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sim.records.records import Records


def read(paths: Sequence[Path]) -> Records:
    """Read all records of files and directories; raises NoRecordsError if there are none."""
    raise NotImplementedError

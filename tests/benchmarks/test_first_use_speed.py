"""What the first use costs on a machine: the loop over requests that depend on each other, compiled and kept.

`pytest -n0 -s tests/benchmarks/test_first_use_speed.py` prints the seconds of CPU. Not part of the timed tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TRIES = 3
MOST_IMPORTS = 8
"""At most so many times what it takes to import numba, NumPy and SciPy."""
LOOP = """
from resource import RUSAGE_SELF, getrusage
import numba, numpy, scipy.stats
imported_s = sum(getrusage(RUSAGE_SELF)[:2])
from albsim_tests.data_plane import run, timeline
began_s = sum(getrusage(RUSAGE_SELF)[:2])
run(timeline(3, complete_s=1.0), concurrency=5)
print(imported_s, sum(getrusage(RUSAGE_SELF)[:2]) - began_s)
"""


def _spent_s(cache: Path) -> tuple[float, float]:
    """Return the seconds of CPU of imports and of the first call, by a process of its own."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    told = subprocess.run(
        [sys.executable, "-c", LOOP], env=environment, check=True, capture_output=True, text=True
    ).stdout
    imported_s, called_s = map(float, told.split())
    return imported_s, called_s


def test_the_loop_is_compiled_in_some_seconds_and_kept(tmp_path: Path) -> None:
    first = [_spent_s(tmp_path / str(number)) for number in range(TRIES)]
    second = [_spent_s(tmp_path / str(number)) for number in range(TRIES)]
    cold_s, warm_s = min(called_s for _, called_s in first), min(called_s for _, called_s in second)
    imported_s = min(imported_s for imported_s, _ in first)
    print(f"\nthe first call: {cold_s:.2f} s of CPU, later {warm_s:.2f} s; imports: {imported_s:.2f} s")  # noqa: T201
    assert warm_s < cold_s / 4
    assert cold_s < MOST_IMPORTS * imported_s

"""The loops over single requests that no array operation can do, compiled with numba on first use.

Whoever needs one imports this module then and not before: numba takes a while to load, the first call a while longer to
compile. The machine code is kept for the next process, if there is a place for it: beside these modules, in a directory
of just these sources. Numba's own place goes by one file alone, and would keep the code of a loop when a function that
it calls has changed in another file.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from sim.data_plane.timeline import Times

    Ints = NDArray[np.int64]
    Targets = NDArray[np.int32]

P = ParamSpec("P")
R = TypeVar("R")


@cache
def cache_directory(sources: Path) -> Path:
    """Say where the machine code of the modules of a directory is kept: elsewhere when one of them has changed."""
    digest = hashlib.sha256()
    for file in sorted(sources.glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return sources / "__pycache__" / f"compiled-{digest.hexdigest()[:12]}"


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function; without a cache where there is no place to write one."""
    config: Any = numba.config
    given = config.CACHE_DIR
    config.CACHE_DIR = given or str(cache_directory(Path(__file__).parent))
    try:
        return cast("Callable[P, R]", numba.njit(cache=True)(function))
    except RuntimeError:
        return cast("Callable[P, R]", numba.njit(function))
    finally:
        config.CACHE_DIR = given


@compiled
def push(heap_s: Times, heap_target: Targets, size: int, time_s: float, target: int) -> None:
    """Add an event to a heap of this size, whose earliest is the first."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if heap_s[parent] <= time_s:
            break
        heap_s[at], heap_target[at] = heap_s[parent], heap_target[parent]
        at = parent
    heap_s[at], heap_target[at] = time_s, target


@compiled
def pop(heap_s: Times, heap_target: Targets, size: int) -> None:
    """Take the first event off a heap of this size."""
    last = size - 1
    time_s, target = heap_s[last], heap_target[last]
    at, child = 0, 1
    while child < last:
        if child + 1 < last and heap_s[child + 1] < heap_s[child]:
            child += 1
        if heap_s[child] >= time_s:
            break
        heap_s[at], heap_target[at] = heap_s[child], heap_target[child]
        at, child = child, 2 * child + 1
    heap_s[at], heap_target[at] = time_s, target


@compiled
def set_key(key: Ints, winner: Targets, target: int, value: int) -> None:
    """Change a target's key in a tournament, whose winner, `winner[1]`, has the smallest one."""
    key[target] = value
    at = (key.size + target) >> 1
    while at >= 1:
        left, right = winner[2 * at], winner[2 * at + 1]
        winner[at] = left if key[left] <= key[right] else right
        at >>= 1


@compiled
def replace_first(heap_s: Times, time_s: float) -> None:
    """Put another time in the place of a full heap's earliest."""
    at, child = 0, 1
    while child < heap_s.size:
        if child + 1 < heap_s.size and heap_s[child + 1] < heap_s[child]:
            child += 1
        if heap_s[child] >= time_s:
            break
        heap_s[at] = heap_s[child]
        at, child = child, 2 * child + 1
    heap_s[at] = time_s

"""Numba's compiler for the loops over single requests that no array operation can do, and the heaps that they share.

A module that needs such loops is imported only then: numba takes a while to load, and longer to compile at the first
call. The machine code is kept for the next process, where there is a place for it: a directory for exactly these
sources, beside the modules. Numba's own cache looks at one file alone. That cache would keep the code of a loop after a
function that the loop calls has changed in another file.
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

P = ParamSpec("P")
R = TypeVar("R")

_MAKES_NOTHING = {"_nrt": False}
"""The loops make no arrays. So numba need not count references to those that they are given, which takes a fifth of the
time to compile."""


@cache
def cache_directory(sources: Path) -> Path:
    """Return where the machine code of a directory's modules is kept, which changes with any of the modules."""
    digest = hashlib.sha256()
    for file in sorted(sources.glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return sources / "__pycache__" / f"compiled-{digest.hexdigest()[:12]}"


def part_of_loop(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function that only compiled functions call.

    Such a function has no entry from Python. An entry takes arrays out of all its named tuples. To compile that takes
    several times as long as to compile the few lines of most of these functions.
    """
    njit: Any = numba.njit
    return cast("Callable[P, R]", njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **_MAKES_NOTHING)(function))


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function that Python calls, without a cache if there is no place to write one."""
    config: Any = numba.config
    njit: Any = numba.njit
    given = config.CACHE_DIR
    config.CACHE_DIR = given or str(cache_directory(Path(__file__).parent))
    try:
        kept = njit(cache=True, **_MAKES_NOTHING)(function)
        if not config.DISABLE_JIT:
            _load_alone(getattr(kept, "_cache", None))
        return cast("Callable[P, R]", kept)
    except RuntimeError:
        return cast("Callable[P, R]", njit(**_MAKES_NOTHING)(function))
    finally:
        config.CACHE_DIR = given


def _load_alone(cache: Any) -> None:  # noqa: ANN401 - numba has no types
    """Let kept machine code be loaded without the lists of all that numba can compile, which take 0.25 s to fill.

    To run the code takes none of them. Before numba compiles anything it fills the lists by itself. numba has no option
    for this. A numba without these private parts loads the code in its own way.
    Source: numba.core.caching.Cache.load_overload, numba.core.compiler.CompilerBase@0.61 to 0.68.
    """
    if not (hasattr(cache, "_load_overload") and hasattr(cache, "_guard_against_spurious_io_errors")):
        return

    def load(signature: object, target: object) -> object:
        with cache._guard_against_spurious_io_errors():  # noqa: SLF001
            return cache._load_overload(signature, target)  # noqa: SLF001

    cache.load_overload = load


def is_compiled() -> bool:
    """Return whether the machine code of the loop over requests is kept from an earlier process."""
    config: Any = numba.config
    place = Path(config.CACHE_DIR or cache_directory(Path(__file__).parent))
    return any(place.rglob("one_by_one.one_by_one-*.nbi"))


@part_of_loop
def push(heap_s: Times, heap_target: Ints, size: int, time_s: float, target: int) -> None:
    """Add an event to a heap of `size` events, whose earliest is first."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if heap_s[parent] <= time_s:
            break
        heap_s[at], heap_target[at] = heap_s[parent], heap_target[parent]
        at = parent
    heap_s[at], heap_target[at] = time_s, target


@part_of_loop
def pop(heap_s: Times, heap_target: Ints, size: int) -> None:
    """Remove the first event of a heap of `size` events."""
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


@part_of_loop
def set_key(key: Ints, winner: Ints, target: int, value: int) -> None:
    """Change a target's key in a tournament, in which `winner[1]` is the target with the smallest key.

    A tournament is a binary tree: target t is the leaf at place `key.size + t`, and place k holds the better of places
    2k and 2k + 1. So a changed key takes only the matches between its leaf and the root: log2 of the targets.
    """
    key[target] = value
    at = (key.size + target) >> 1
    while at >= 1:
        left, right = winner[2 * at], winner[2 * at + 1]
        winner[at] = left if key[left] <= key[right] else right
        at >>= 1


@part_of_loop
def replace_first(heap_s: Times, time_s: float) -> None:
    """Replace the earliest time of a full heap."""
    at, child = 0, 1
    while child < heap_s.size:
        if child + 1 < heap_s.size and heap_s[child + 1] < heap_s[child]:
            child += 1
        if heap_s[child] >= time_s:
            break
        heap_s[at] = heap_s[child]
        at, child = child, 2 * child + 1
    heap_s[at] = time_s

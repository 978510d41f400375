"""Machine code is never older than any of the sources that it was made of; the heaps are Python's own."""

from __future__ import annotations

import heapq
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from albsim_tests.data_plane import run, timeline
from hypothesis import given
from hypothesis import strategies as st

from sim.data_plane import compiled, one_by_one


def test_code_of_changed_sources_is_kept_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "calls.py").write_text("one = 1")
    (tmp_path / "called.py").write_text("two = 2")
    before = compiled.cache_directory.__wrapped__(tmp_path)
    assert compiled.cache_directory.__wrapped__(tmp_path) == before
    (tmp_path / "called.py").write_text("two = 3")
    assert compiled.cache_directory.__wrapped__(tmp_path) != before


@pytest.mark.skipif("__pycache__" not in one_by_one.one_by_one.stats.cache_path, reason="the sources are read-only")
def test_the_loops_are_kept_in_the_place_of_these_sources() -> None:
    place = compiled.cache_directory(Path(compiled.__file__).parent)
    assert Path(one_by_one.one_by_one.stats.cache_path).parent == place


@pytest.mark.skipif(not hasattr(one_by_one.one_by_one, "signatures"), reason="nothing is compiled")
def test_the_loop_is_compiled_once_for_all_settings() -> None:
    """A second version of it would be compiled while somebody waits."""
    settings: tuple[dict[str, Any], ...] = (
        {"routing": "least_outstanding_requests"},
        {"concurrency": 2, "accept": "prefork"},
        {"connection_reuse": True, "keep_alive_timeout_s": 5.0, "client_timeout_s": 2.0},
        {"target_type": "instance", "instances": 2},
        {"target_type": "instance", "instances": 2, "connection_reuse": True, "routing": "least_outstanding_requests"},
        {"concurrency": 1, "connection_reuse": True, "idle_connections_at_sigterm": "serve"},
    )
    before = {*one_by_one.one_by_one.signatures}
    for chosen in settings:
        run(timeline(3, 2, complete_s=1.0, drains=True), **chosen)
    assert len({*one_by_one.one_by_one.signatures} - before) <= 1


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(one_by_one.one_by_one, "signatures"), reason="nothing is compiled")
def test_another_process_runs_the_kept_code_without_what_compiles() -> None:
    here = run(timeline(3, complete_s=1.0), concurrency=5).counts.tolist()
    program = """
import sys
from albsim_tests.data_plane import run, timeline
print(run(timeline(3, complete_s=1.0), concurrency=5).counts.tolist())
print("numba.np.arraymath" in sys.modules)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    told = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True)
    assert told.stdout.splitlines() == [str(here), "False"]


def as_python(loop: Any) -> Any:
    return getattr(loop, "py_func", loop)


TIMES = st.lists(st.floats(0, 100), min_size=1, max_size=40)


@given(times_s=TIMES, pops=st.lists(st.booleans(), min_size=40, max_size=40))
def test_a_heap_gives_the_earliest_event_first(times_s: list[float], pops: list[bool]) -> None:
    """Of events at one instant, either may come first."""
    heap_s, heap_target, expected = np.full(40, np.nan), np.full(40, -1, np.int32), []
    for target, (time_s, takes) in enumerate(zip(times_s, pops, strict=False)):
        as_python(compiled.push)(heap_s, heap_target, len(expected), time_s, target)
        heapq.heappush(expected, time_s)
        if takes:
            assert heap_s[0] == heapq.heappop(expected)
            as_python(compiled.pop)(heap_s, heap_target, len(expected) + 1)
        assert sorted(heap_s[: len(expected)]) == sorted(expected)
        assert not expected or heap_s[0] == expected[0]
        assert [times_s[event] for event in heap_target[: len(expected)]] == list(heap_s[: len(expected)])


@given(times_s=TIMES, later_s=TIMES)
def test_the_first_of_a_full_heap_is_replaced(times_s: list[float], later_s: list[float]) -> None:
    heapq.heapify(times_s)
    heap_s = np.array(times_s)
    for time_s in later_s:
        as_python(compiled.replace_first)(heap_s, time_s)
        heapq.heapreplace(times_s, time_s)
        assert heap_s[0] == times_s[0]
        assert sorted(heap_s) == sorted(times_s)


@given(keys=st.lists(st.integers(0, 9), min_size=1, max_size=17), changes=st.data())
def test_a_tournament_is_won_by_the_smallest_key(keys: list[int], changes: st.DataObject) -> None:
    leaves = 1 << (len(keys) - 1).bit_length() if len(keys) > 1 else 1
    key = np.full(leaves, 99)
    winner = np.zeros(2 * leaves, np.int32)
    winner[leaves:] = np.arange(leaves)
    for target, value in enumerate(keys):
        as_python(compiled.set_key)(key, winner, target, value)
    for _ in range(10):
        target = changes.draw(st.integers(0, len(keys) - 1))
        value = changes.draw(st.integers(0, 9))
        as_python(compiled.set_key)(key, winner, target, value)
        assert key[target] == value
        if leaves > 1:
            assert key[winner[1]] == key.min()


def test_a_numba_of_other_private_parts_loads_in_its_own_way() -> None:
    of_another_numba = SimpleNamespace(load_overload=len)
    compiled._load_alone(of_another_numba)
    compiled._load_alone(None)
    assert of_another_numba.load_overload is len

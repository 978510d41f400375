"""Machine code is never older than any of the sources that it was made of."""

from __future__ import annotations

from pathlib import Path

import pytest

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

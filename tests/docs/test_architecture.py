"""The page on the architecture is true: its picture is drawn from today's imports, and what it names is there."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import sim

PAGE = Path("docs/architecture.md")
PACKAGE = Path(sim.__file__).parent


def test_the_picture_is_drawn_from_today_s_imports() -> None:
    drawing = runpy.run_path("docs/draw_architecture.py")
    assert drawing["PICTURE"].read_text(encoding="utf-8") == drawing["draw"](), "run docs/draw_architecture.py"


def test_no_import_points_upwards() -> None:
    drawing = runpy.run_path("docs/draw_architecture.py")
    imported = drawing["imports"]()
    floors = drawing["floors"](imported)
    assert all(floors[part] > floors[other] for part, others in imported.items() for other in others)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:\w+/)+\w+\.py)`", PAGE.read_text()))))
def test_every_file_it_names_is_there(name: str) -> None:
    assert any((folder / name.removeprefix("sim/")).is_file() for folder in (PACKAGE, PACKAGE / "control_plane"))


def test_every_part_is_named() -> None:
    parts = {path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert {part for part in parts if f"sim/{part}/" not in PAGE.read_text(encoding="utf-8")} == set()

"""The scenarios made of public reports: each tells what is given and what is assumed, and is in the comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario.loading import load_scenario

FIELD = Path(__file__).parents[2] / "scenarios" / "field"
CASES = sorted(FIELD.glob("*.yaml"))


def test_there_are_cases() -> None:
    assert len(CASES) >= 15


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_it_names_its_source_and_stands_in_the_comparison(case: Path) -> None:
    scenario = load_scenario(case)
    assert scenario.name == case.stem
    assert all(word in scenario.description for word in ("Source:", "Given:", "Seen:"))
    assert f"`{case.stem}`" in (FIELD / "README.md").read_text(encoding="utf-8")

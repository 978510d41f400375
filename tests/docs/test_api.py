from __future__ import annotations

import inspect
import re
import runpy
from importlib.resources import files

import pytest

import sim

FUNCTIONS = [name for name in sim.__all__ if inspect.isfunction(getattr(sim, name))]


def test_the_page_is_what_the_docstrings_say() -> None:
    written = runpy.run_path("docs/write_api.py")
    assert written["PAGE"].read_text(encoding="utf-8") == written["page"](), "run docs/write_api.py"


def test_all_names_are_there_and_typed() -> None:
    assert {name for name in sim.__all__ if callable(getattr(sim, name))} == set(sim.__all__)
    assert {"compare", "load_scenario", "recommend", "simulate", "sweep"} <= set(FUNCTIONS)
    assert {"Scenario", "ScenarioError", "Replication"} <= set(sim.__all__)
    assert files("sim").joinpath("py.typed").is_file()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_is_described_and_no_other(name: str) -> None:
    function = getattr(sim, name)
    (described,) = re.findall(r"Parameters\n-+\n(.*?)\n\n", inspect.getdoc(function) or "", re.DOTALL)
    heads = re.findall(r"^(\S.*)$", described, re.MULTILINE)
    assert [word for head in heads for word in head.split(", ")] == list(inspect.signature(function).parameters)


def test_every_function_says_what_it_returns_and_raises() -> None:
    page = runpy.run_path("docs/write_api.py")["page"]()
    for section in page.split("\n## ")[1:]:
        if section.partition("`")[2].partition("`")[0] in FUNCTIONS:
            assert "**Returns**" in section
            assert "Error`: " in section.partition("**Raises**")[2]


def test_every_field_of_what_they_return_is_described_and_no_other() -> None:
    written = runpy.run_path("docs/write_api.py")
    classes = {cls.__name__: cls for cls in written["returned_classes"]()}
    assert {"Comparison", "Difference", "Recommendation", "Figures", "Timeline", "Requests", "Problem"} <= set(classes)
    replication = {"Replication": sim.Replication, "Goal": sim.Goal}
    assert {name: _attributes(cls) for name, cls in (classes | replication).items()} == {
        name: written["fields_of"](cls) for name, cls in (classes | replication).items()
    }


def _attributes(cls: type) -> list[str]:
    """Return the names in the section of attributes of a class's docstring."""
    section = (inspect.getdoc(cls) or "").partition("Attributes\n----------\n")[2]
    return [name for head in re.findall(r"^(\S.*)$", section, re.MULTILINE) for name in head.split(", ")]

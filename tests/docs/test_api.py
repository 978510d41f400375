from __future__ import annotations

import ast
import inspect
import re
import runpy
import textwrap
from importlib.resources import files
from typing import TYPE_CHECKING

import sim

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTIONS = [name for name in sim.__all__ if inspect.isfunction(getattr(sim, name))]


def test_the_page_is_what_the_docstrings_say() -> None:
    written = runpy.run_path("docs/write_api.py")
    assert written["PAGE"].read_text(encoding="utf-8") == written["page"](), "run docs/write_api.py"


def test_all_names_are_there_and_typed() -> None:
    assert {name for name in sim.__all__ if callable(getattr(sim, name))} == set(sim.__all__)
    assert {"compare", "load_scenario", "recommend", "simulate", "sweep"} <= set(FUNCTIONS)
    assert {"Scenario", "ScenarioError", "Replication"} <= set(sim.__all__)
    assert files("sim").joinpath("py.typed").is_file()


def _section(function: Callable[..., object], title: str) -> list[str]:
    """Return the heads of the entries in a section of a function's docstring."""
    section = re.search(rf"^{title}\n-+\n(.*?)(?:\n\n|\Z)", inspect.getdoc(function) or "", re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^(\S.*)$", section[1], re.MULTILINE) if section else []
    return [word for head in heads for word in head.split(", ")]


def _raised(function: Callable[..., object]) -> set[str]:
    """Return the names of what a function's own lines raise; `complaint` makes a `ScenarioError`."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    raised = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    names = {node.func.id for node in raised if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return {"ScenarioError" if name == "complaint" else name for name in names}


def _lacking(function: Callable[..., object]) -> set[str]:
    """Return the sections that a function's docstring should have otherwise."""
    signature = inspect.signature(function)
    returns = signature.return_annotation not in (None, "None")
    right = {
        "Parameters": _section(function, "Parameters") == [name for name in signature.parameters if name != "self"],
        "Returns": bool(_section(function, "Returns") or _section(function, "Yields")) == returns,
        "Raises": _raised(function) <= set(_section(function, "Raises")),
    }
    return {title for title, is_right in right.items() if not is_right}


def test_parameters_results_and_errors_of_all_on_the_page_have_their_sections() -> None:
    described = runpy.run_path("docs/write_api.py")["functions"]()
    assert {"simulate", "Goal.is_met", "Room.require_places", "OldSide.rows"} <= set(described)
    assert {name: _lacking(function) for name, function in described.items() if _lacking(function)} == {}


def test_a_missing_section_is_found() -> None:
    def refuse(number: int) -> int:
        """Return a number.

        Parameters
        ----------
        number
            Any.
        """
        if number < 0:
            raise ValueError(number)
        return number

    assert _lacking(refuse) == {"Returns", "Raises"}


def test_every_public_function_says_what_it_raises() -> None:
    for name in FUNCTIONS:
        assert [error for error in _section(getattr(sim, name), "Raises") if error.endswith("Error")], name


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

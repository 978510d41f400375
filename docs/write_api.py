"""Write docs/api.md from the docstrings of what `sim` gives: `python docs/write_api.py`."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import sim
from sim.experiment.figures import COLUMN_OF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = Path(__file__).with_name("api.md")
HEAD = """# Python

What `from sim import …` gives. Written from the docstrings by `python docs/write_api.py`; a test fails when this page
is out of date. Everything else in the package may change; [interface.md](interface.md) says what stays.
"""
RETURNED = """## What these give

The classes of what the functions return, of what stands in it, and of what they take.
"""
FIGURES = """## The columns of a sweep

One row is one replication. A picture shows a column under these words, its values multiplied with the factor.
"""
_QUOTED_TYPE = re.compile(r"(: |-> )'([^']*)'")
_SECTION = re.compile(r"^(\w+)\n-+\n", re.MULTILINE)


def page() -> str:
    """Return the page."""
    functions_first = sorted(sim.__all__, key=lambda name: (inspect.isclass(getattr(sim, name)), name.lower()))
    described = (part for name in functions_first for part in _described(name, getattr(sim, name)))
    returned = (part for cls in returned_classes() for part in _described(cls.__name__, cls, level=3))
    return "\n".join([HEAD, *described, RETURNED, *returned, _figures()])


def returned_classes() -> list[type]:
    """Return the data classes that the public names' annotations name, and those that these name, by name."""
    public = [getattr(sim, name) for name in sim.__all__]
    found, new = set(public), public
    while new:
        new = [cls for thing in new for cls in _named_by(thing) if cls not in found]
        found.update(new)
    return sorted(found - set(public), key=lambda cls: cls.__name__)


def _named_by(thing: object) -> Iterator[type]:
    """Yield the data classes of this package that annotations name, also those imported for type checkers alone."""
    parts = thing.__mro__ if inspect.isclass(thing) else [thing]
    for part in parts:
        module = sys.modules[part.__module__]
        if module.__name__.partition(".")[0] != "sim":
            continue
        tree = ast.parse(inspect.getsource(module))
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
        homes = {alias.name: str(node.module) for node in imports for alias in node.names}
        for word in re.findall(r"\w+", " ".join(_annotations(part))):
            home = homes.get(word, module.__name__)
            cls = getattr(import_module(home), word, None) if home.startswith("sim") else None
            if inspect.isclass(cls) and fields_of(cls):
                yield cls


def _annotations(thing: object) -> Iterator[str]:
    """Yield the annotations of a function, or of a class's fields, and of what its public methods take and return."""
    yield from map(str, inspect.get_annotations(thing).values())
    for name, member in vars(thing).items() if inspect.isclass(thing) else ():
        function = getattr(member, "fget", None) or getattr(member, "func", member)
        if inspect.isfunction(function) and (name == "__init__" or not name.startswith("_")):
            yield from map(str, inspect.get_annotations(function).values())


def fields_of(cls: type) -> list[str]:
    """Return the names of a data class's or named tuple's fields."""
    return [*getattr(cls, "__dataclass_fields__", getattr(cls, "_fields", ()))]


def _figures() -> str:
    """Return the table of a sweep's columns, from the records of the figures."""
    rows = (f"| `{column.name}` | {column.label} | {column.unit.factor:g} |" for column in COLUMN_OF.values())
    return "\n".join([FIGURES, "| column | in words | shown times |", "| :-- | :-- | --: |", *rows, ""])


def _described(name: str, thing: Callable[..., object], level: int = 2) -> Iterator[str]:
    """Yield the parts of a function's or class's description, each with its line end."""
    yield f"{'#' * level} `{name}`\n"
    if not inspect.isclass(thing):
        yield f"```python\n{_signature(name, thing)}\n```\n"
    yield _markdown(inspect.getdoc(thing) or "")
    if inspect.isclass(thing):
        for member, value in _members(thing):
            heading = _signature(member, value) if inspect.isfunction(value) else member
            yield f"{'#' * (level + 1)} `{name}.{heading}`\n"
            yield _markdown(inspect.getdoc(value) or "")


def _signature(name: str, function: Callable[..., object]) -> str:
    signature = inspect.signature(function)
    parameters = [parameter for parameter in signature.parameters.values() if parameter.name != "self"]
    return _QUOTED_TYPE.sub(r"\1\2", f"{name}{signature.replace(parameters=parameters)}")


def _members(thing: type) -> Iterator[tuple[str, object]]:
    """Yield the public properties and methods that a class and the classes of this package above it define."""
    for cls in thing.__mro__:
        if cls.__module__.partition(".")[0] == "sim":
            for name, value in vars(cls).items():
                if not name.startswith("_") and _is_described(value):
                    yield name, value


def _is_described(value: object) -> bool:
    return isinstance(value, property | cached_property) or inspect.isfunction(value)


def functions() -> dict[str, Callable[..., object]]:
    """Return the functions and methods of the page, by name."""
    public = {name: getattr(sim, name) for name in sim.__all__}
    found = {name: thing for name, thing in public.items() if not inspect.isclass(thing)}
    classes = [thing for thing in public.values() if inspect.isclass(thing)]
    for cls in [*classes, *returned_classes()]:
        methods = {f"{cls.__name__}.{name}": value for name, value in _members(cls)}
        found |= {name: value for name, value in methods.items() if inspect.isfunction(value)}
    return found


def _markdown(docstring: str) -> str:
    """Return a numpydoc docstring as Markdown: its sections in bold, what they list as items."""
    summary, *sections = _SECTION.split(docstring)
    parts = [summary.strip()]
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        parts.append(f"**{title}**\n\n{_items(body)}")
    return "\n\n".join(parts) + "\n"


def _items(body: str) -> str:
    """Return the entries of a section as a list: each begins at the margin, and its description is indented."""
    entries = re.split(r"\n(?=\S)", body.strip())
    return "\n".join(f"- `{head}`: {' '.join(text.split())}" for head, _, text in (e.partition("\n") for e in entries))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

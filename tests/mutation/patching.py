"""Put a mutant into a program that is imported already, so that nothing has to be imported or collected anew.

The code of the functions of the changed module is replaced where they are. What is changed outside of functions takes
an import. Loops that numba compiles are run as Python once one of them is changed.
"""

from __future__ import annotations

import ast
import gc
import importlib
import sys
from collections import defaultdict
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

from mutants import PLANES, ROOT
from numba.core.registry import CPUDispatcher as Dispatcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mutants import Mutant


class Program:
    """The functions of both planes, imported, by file."""

    def __init__(self) -> None:
        for plane in PLANES:
            for path in sorted((ROOT / plane).rglob("*.py")):
                importlib.import_module(module_name(str(path.relative_to(ROOT))))
        planes = tuple(str(ROOT / plane) for plane in PLANES)
        self._functions: dict[str, list[FunctionType]] = defaultdict(list)
        for found in gc.get_objects():
            if isinstance(found, FunctionType) and found.__code__.co_filename.startswith(planes):
                self._functions[found.__code__.co_filename].append(found)

    def patch(self, mutant: Mutant) -> None:
        """Replace the code of the module's functions. Raises LookupError if that changes nothing."""
        file = str(ROOT / mutant.module)
        codes = {_place(code): code for code in _codes(compile(mutant.tree, file, "exec"))}
        changed = 0
        for function in self._functions[file]:
            code = codes.get(_place(function.__code__))
            if code is not None and code != function.__code__:
                function.__code__ = code
                changed += 1
        if not changed:
            raise LookupError(mutant.what)
        if any(type(value) is Dispatcher for value in vars(sys.modules[module_name(mutant.module)]).values()):
            _interpret_loops()


def module_name(file: str) -> str:
    """Return the name under which a file of the tree is imported."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def is_inside_function(source: str, number: int) -> bool:
    """Return whether a node of the source's tree runs when a function is called, and not when it is defined."""
    tree = ast.parse(source)
    node = list(ast.walk(tree))[number]
    for outer in ast.walk(tree):
        if isinstance(outer, ast.FunctionDef | ast.Lambda):
            body = outer.body if isinstance(outer.body, list) else [outer.body]
            if any(node is inner for part in body for inner in ast.walk(part)):
                return True
    return False


def _place(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _codes(inner)


def _interpret_loops() -> None:
    for module in list(sys.modules.values()):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if type(value) is Dispatcher:
                setattr(module, name, value.py_func)

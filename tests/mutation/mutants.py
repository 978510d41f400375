"""Changes of one thing at a time in the code of both planes, and a sample of them that is spread over the modules.

What a change may be: a comparison to its neighbour, a sign, a number one more, `and` for `or`, `min` for `max`, a
condition negated. A call or an addition in place may also be left out.

A change that computes the same as the program is none. `equivalent.csv` names those that were found so, each with the
reason; where one of them is drawn, the next of its module takes its place.
"""

from __future__ import annotations

import ast
import csv
import random
import re
from dataclasses import dataclass
from functools import partial
from itertools import filterfalse, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
PLANES = ("sim/control_plane", "sim/data_plane")
COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
NAMES = {"min": "max", "max": "min", "floor": "ceil", "ceil": "floor", "any": "all", "all": "any"}

Place = tuple[str, int, str]
"""A module, the number of a node of its syntax tree, and the kind of change."""


@dataclass(frozen=True)
class Mutant:
    """A changed file, in words what was changed, and the lines that the changed part begins and ends on."""

    module: str
    what: str
    tree: ast.Module
    lines: range
    is_compiled: bool
    """Whether numba compiles loops of the module."""


def places(module: str) -> Iterator[Place]:
    """Yield where a module can be changed, and how."""
    for number, node in enumerate(ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8")))):
        yield from ((module, number, kind) for kind in _kinds(node))


def mutant(source: str, place: Place) -> Mutant:
    module, number, kind = place
    tree = ast.parse(source)
    nodes: list[Any] = list(ast.walk(tree))
    node = nodes[number]
    lines = source.splitlines()
    what = f"{module}:{node.lineno}:{node.col_offset}: {kind}: {lines[node.lineno - 1].strip()}"
    CHANGES[kind](node)
    return Mutant(
        module, what, ast.fix_missing_locations(tree), range(node.lineno, node.end_lineno + 1), "compiled" in source
    )


def without_place(what: str) -> str:
    """Return a mutant's description without its line and column."""
    return re.sub(r":\d+:\d+:", ":", what)


def equivalent() -> dict[str, str]:
    """Return the mutants that compute the same as the program, as `without_place` describes them, with the reason."""
    with (Path(__file__).parent / "equivalent.csv").open(encoding="utf-8", newline="") as file:
        return {row["mutant"]: row["why"] for row in csv.DictReader(file)}


def sample(n: int, seed: int, left_out: list[str] | None = None) -> list[Place]:
    """Return `n` places: from each module a share as large as its share of all places, chosen at random.

    Mutants that compute the same are not among them: `left_out` takes those that would have been.
    """
    same = equivalent()
    modules = sorted(str(path.relative_to(ROOT)) for plane in PLANES for path in (ROOT / plane).rglob("*.py"))
    all_places = {module: found for module in modules if (found := list(places(module)))}
    total = sum(map(len, all_places.values()))
    shares = {module: n * len(found) / total for module, found in all_places.items()}
    chosen = {module: int(share) for module, share in shares.items()}
    by_rest = sorted(shares, key=lambda module: chosen[module] - shares[module])
    for module in by_rest[: n - sum(chosen.values())]:
        chosen[module] += 1
    drawn: list[Place] = []
    for module, found in all_places.items():
        in_turn = random.Random(f"{seed} {module}").sample(found, len(found))  # noqa: S311 - no secret
        source = (ROOT / module).read_text(encoding="utf-8")
        drawn += islice(filterfalse(partial(_is_same, source, same, left_out), in_turn), chosen[module])
    random.Random(seed).shuffle(drawn)  # noqa: S311 - no secret
    return drawn


def _is_same(source: str, same: dict[str, str], left_out: list[str] | None, place: Place) -> bool:
    name = without_place(mutant(source, place).what)
    if name in same and left_out is not None:
        left_out.append(name)
    return name in same


def _kinds(node: ast.AST) -> Iterator[str]:  # noqa: C901 - one case a kind
    match node:
        case ast.Compare() if type(node.ops[0]) in COMPARISONS:
            yield "comparison"
        case ast.BinOp() if type(node.op) in OPERATORS and not isinstance(node.left, ast.Constant):
            yield "sign"
        case ast.AugAssign() if type(node.op) in OPERATORS:
            yield "sign"
        case ast.Constant(value=value) if type(value) in (int, float):
            yield "one more"
        case ast.BoolOp():
            yield "and/or"
        case ast.Call(func=ast.Name() | ast.Attribute() as function) if _name(function) in NAMES:
            yield "min/max"
        case ast.If() if "TYPE_CHECKING" not in ast.unparse(node.test):
            yield "negated"
        case ast.Expr(value=ast.Call()):
            yield "left out"


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _swap_name(node: ast.Call) -> None:
    swapped = NAMES[_name(node.func)]
    if isinstance(node.func, ast.Name):
        node.func.id = swapped
    elif isinstance(node.func, ast.Attribute):
        node.func.attr = swapped


def _swap_comparison(node: ast.Compare) -> None:
    node.ops[0] = COMPARISONS[type(node.ops[0])]()


def _swap_sign(node: ast.BinOp | ast.AugAssign) -> None:
    node.op = OPERATORS[type(node.op)]()


def _one_more(node: ast.Constant) -> None:
    node.value += 1


def _swap_and(node: ast.BoolOp) -> None:
    node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()


def _negate(node: ast.If) -> None:
    node.test = ast.UnaryOp(ast.Not(), node.test)


def _leave_out(node: ast.Expr) -> None:
    node.value = ast.Constant(None)


CHANGES: dict[str, Callable] = {
    "comparison": _swap_comparison, "sign": _swap_sign, "one more": _one_more, "and/or": _swap_and,
    "min/max": _swap_name, "negated": _negate, "left out": _leave_out,
}  # fmt: skip

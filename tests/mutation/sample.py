"""Change one thing at a time in a sample of the two planes' code, and see who notices: the tests, and `verify`.

`python tests/mutation/sample.py [N [SEED [FIRST]]]` makes the mutants FIRST to N of a sample (300, seed 12, 0), one
after the other, in a copy of the tree. Each line says what was changed and who noticed. Tests are the quick ones of the
module and of its plane, the twins' and those of every key; `verify` is the groups of that plane, with fewer draws.

What a mutant may be: a comparison to its neighbour, a sign, a number one more, `and` for `or`, `min` for `max`, a
condition negated, a call or an addition in place left out.
"""

from __future__ import annotations

import ast
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
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
MOST_S = 240
NOTICED, PASSED, TIMED_OUT = "noticed", "passed", "timed out"


@dataclass(frozen=True)
class Mutant:
    """A changed file, and in words what was changed."""

    module: str
    what: str
    source: str


def places(module: str) -> Iterator[tuple[str, int, str]]:
    """Yield where a module can be changed, as the number of a node, and how."""
    for number, node in enumerate(ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8")))):
        yield from ((module, number, kind) for kind in _kinds(node))


def mutant(source: str, module: str, number: int, kind: str) -> Mutant:
    tree = ast.parse(source)
    node: Any = next(node for place, node in enumerate(ast.walk(tree)) if place == number)
    what = f"{module}:{node.lineno}: {kind}: {source.splitlines()[node.lineno - 1].strip()}"
    CHANGES[kind](node)
    return Mutant(module, what, ast.unparse(ast.fix_missing_locations(tree)))


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


def sample(n: int, seed: int) -> list[tuple[str, int, str]]:
    modules = sorted(str(path.relative_to(ROOT)) for plane in PLANES for path in (ROOT / plane).rglob("*.py"))
    return random.Random(seed).sample([place for module in modules for place in places(module)], n)  # noqa: S311


def suites(module: str, tree: Path) -> list[list[str]]:
    """Return what to run, one after the other as long as nothing fails."""
    plane, stem = module.split("/")[1], Path(module).stem
    own = sorted(str(path.relative_to(tree)) for path in (tree / "tests" / plane).rglob(f"test_{stem}.py"))
    rest = [
        f"tests/{plane}",
        "tests/reference",
        "tests/experiment/test_every_key.py",
        "tests/experiment/test_explained.py",
    ]
    return [*([own] if own else []), rest]


def run(act: Callable[[], bool], tree: Path) -> str:
    """Return whether somebody noticed, in a process of its own."""
    child = os.fork()
    if child == 0:
        with open(os.devnull, "w") as nothing:  # noqa: PTH123 - a device
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
            os.chdir(tree)
            sys.path[:0] = [str(tree), str(tree / "tests" / "support")]
            try:
                passed = act()
            except BaseException:  # noqa: BLE001 - whatever a mutant raises
                passed = False
            os._exit(0 if passed else 1)
    until_s = time.monotonic() + MOST_S
    while time.monotonic() < until_s:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return PASSED if status == 0 else NOTICED
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return TIMED_OUT


def pass_tests(paths: list[str]) -> bool:
    import pytest

    return pytest.main(["-n0", "-x", "-q", "-p", "no:cacheprovider", *paths]) == 0


def pass_verify(module: str) -> bool:
    """Return whether `verify`'s groups of the module's plane pass, of fewer draws than the command makes."""
    from sim.control_plane import world
    from sim.verification import control_plane, twins

    world.LONGEST_PAUSE_S = twins.LONGEST_S
    twins.TIMELINES, twins.ROLLOUTS, twins.DISRUPTIONS, twins.BINDINGS, twins.SAMPLES = 5, 10, 15, 10, 40
    groups = {
        "control_plane": (twins.control_plane_twin, *control_plane.CHECKS),
        "data_plane": (twins.data_plane_twin, twins.expected_against_sampled),
    }[module.split("/")[1]]
    return all(check.passed for group in groups for check in group())


def main(n: str = "300", seed: str = "12", first: str = "0") -> None:
    import pandas  # noqa: F401, ICN001 - what every child needs is imported once
    import pydantic  # noqa: F401
    import pytest  # noqa: F401
    import scipy.stats  # noqa: F401
    import simpy  # noqa: F401

    sys.dont_write_bytecode = True
    met: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory)
        for part in ("pyproject.toml", "sim", "tests", "scenarios", "docs"):
            (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, tree / part)
        for module in ("sim/control_plane/trace.py", "sim/data_plane/timeline.py"):
            if any(run(lambda paths=paths: pass_tests(paths), tree) != PASSED for paths in suites(module, tree)):
                sys.exit(f"the tests of {module} fail as it is")
        for place in sample(int(n), int(seed))[int(first) :]:
            original = (tree / place[0]).read_text(encoding="utf-8")
            changed = mutant(original, *place)
            (tree / changed.module).write_text(changed.source, encoding="utf-8")
            by_tests = PASSED
            for paths in suites(changed.module, tree):
                by_tests = run(lambda paths=paths: pass_tests(paths), tree)
                if by_tests != PASSED:
                    break
            by_verify = run(lambda module=changed.module: pass_verify(module), tree)
            (tree / changed.module).write_text(original, encoding="utf-8")
            met += Counter({"mutants": 1, "by tests": by_tests != PASSED, "by verify": by_verify != PASSED})
            print(f"tests {by_tests}, verify {by_verify}: {changed.what}  {dict(met)}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])

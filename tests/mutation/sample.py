"""Change one thing at a time in a sample of the two planes' code, and see who notices: the tests, and `verify`.

    python tests/mutation/covered.py verify DIRECTORY && python tests/mutation/covered.py tests DIRECTORY
    python tests/mutation/sample.py tests DIRECTORY [N [SEED [SECONDS [again]]]]  # of N mutants (300, seed 12)
    python tests/mutation/sample.py verify DIRECTORY [N [SEED [SECONDS [again]]]]
    python tests/mutation/table.py DIRECTORY                        # writes docs/mutation-testing.md's table

A mutant is tried in a child of this process: by the quickest tests that run the changed line, or by the quickest parts
of `verify`. The trial ends when one fails, or when those that are left would take more than SECONDS of the processor in
all. What was tried is kept in DIRECTORY and is not tried again, unless `again` is given: then what passed unnoticed is.
"""

from __future__ import annotations

import ast
import json
import math
import os
import resource
import shutil
import subprocess
import sys
import time
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mutants import ROOT, mutant, sample
from patching import Program, is_inside_function

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mutants import Mutant

    FirstFailing = Callable[[Mapping[str, float]], str]
    """Of names with the time that each takes, returns who fails first."""

SPARE_S = 5.0
LOOPS_RUN = "sim/data_plane/sampled.py"
"""The module that calls the loops which numba compiles, whose lines are not seen."""
UNNOTICED = ""
"""Who noticed a mutant that nobody did."""


class Watchers:
    """Who runs which line, and how long each takes."""

    def __init__(self, path: Path, most_s: float) -> None:
        self._most_s = most_s
        told = json.loads(path.read_text(encoding="utf-8"))
        self.took_s: dict[str, float] = told["took_s"]
        self._lines: dict[str, dict[str, list[str]]] = told["lines"]

    def of(self, changed: Mutant) -> dict[str, float]:
        """Return who runs one of the changed lines, or else a line of the module, the quickest first."""
        module = self._lines.get(changed.module, {})
        on_lines = {name for line in changed.lines for name in module.get(str(line), ())}
        found = on_lines or {name for names in module.values() for name in names}
        if not on_lines and changed.is_compiled:
            found = {name for names in self._lines[LOOPS_RUN].values() for name in names}
        stem = f"test_{Path(changed.module).stem}.py"
        known = sorted(found & self.took_s.keys(), key=lambda name: (stem not in name, self.took_s[name]))
        until_s = accumulate(self.took_s[name] for name in known)
        return {name: self.took_s[name] for name, at_s in zip(known, until_s, strict=True) if at_s < self._most_s}


def child(act: Callable[[], str]) -> str:
    """Return what a child of this process says: who noticed, `UNNOTICED` if nobody did."""
    reading, writing = os.pipe()
    number = os.fork()
    if number == 0:
        os.close(reading)
        with open(os.devnull, "w") as nothing:  # noqa: PTH123 - a device
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
        try:
            who = act()
        except BaseException as error:  # noqa: BLE001 - whatever a mutant raises
            who = type(error).__name__
        os.write(writing, who.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as told:
        who = told.read()
    _, status = os.waitpid(number, 0)
    return f"signal {status & 0x7F}" if os.WIFSIGNALED(status) else who


def allow(took_s: float) -> None:
    """End this process if it takes much more of the processor from here on than it took without a mutant."""
    limit_s = math.ceil(time.process_time() + 10 * took_s + SPARE_S)
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, resource.RLIM_INFINITY))


class Trial:
    """Tries the mutants of a sample, one after the other, and keeps what was noticed by whom."""

    def __init__(self, who: str, directory: Path, n: int, seed: int, most_s: float, *, again: bool) -> None:
        self._who = who
        self._again = again
        self.watchers = Watchers(directory / f"{who}.json", most_s)
        self._path = directory / f"{who}.jsonl"
        self._sample = sample(n, seed)
        self._copy = Copy(directory / who)

    def run(self, first_failing: FirstFailing) -> None:
        """Try each mutant that was not tried before, or that was not noticed where that is asked for."""
        program, before = Program(), results(self._path)
        for place in self._sample:
            source = (ROOT / place[0]).read_text(encoding="utf-8")
            changed = mutant(source, place)
            told = before.get(changed.what)
            if told is not None and (told["noticed"] or not self._again):
                continue
            took_s = self.watchers.of(changed)
            began_s = time.monotonic()
            if not took_s:
                by = UNNOTICED
            elif is_inside_function(source, place[1]):
                act = partial(_patched, program, changed, first_failing, took_s)
                by = child(act)
            else:
                by = self._copy.noticed(self._who, changed, took_s)
            self._keep({"place": place, "what": changed.what, "noticed": by, "watchers": len(took_s)})
            print(f"{by or 'PASSED'} ({time.monotonic() - began_s:.0f} s): {changed.what}", file=sys.stderr, flush=True)  # noqa: T201

    def _keep(self, told: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")


def results(path: Path) -> dict[str, dict[str, Any]]:
    """Return what was tried, the last time that it was, by what was changed."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {told["what"]: told for told in map(json.loads, lines)}


def _patched(program: Program, changed: Mutant, first_failing: FirstFailing, took_s: Mapping[str, float]) -> str:
    try:
        program.patch(changed)
    except LookupError:
        return "nothing is changed"
    return first_failing(took_s)


class Copy:
    """A copy of the tree in which a mutant is imported by a new process."""

    def __init__(self, directory: Path) -> None:
        self._tree = directory / "tree"
        self._machine_code = directory / "numba"
        shutil.rmtree(self._tree, ignore_errors=True)
        shutil.copytree(ROOT, self._tree, ignore=shutil.ignore_patterns(".git", ".venv", "compiled-*"))

    def noticed(self, who: str, changed: Mutant, took_s: dict[str, float]) -> str:
        """Return who notices a mutant, `UNNOTICED` if nobody does."""
        tree, told = self._tree, self._tree / "told"
        told.unlink(missing_ok=True)
        if changed.is_compiled:
            shutil.rmtree(self._machine_code, ignore_errors=True)
        (tree / changed.module).write_text(ast.unparse(changed.tree), encoding="utf-8")
        places = [str(tree), str(tree / "tests" / "support"), os.environ.get("PYTHONPATH", "")]
        environment = {"PYTHONPATH": os.pathsep.join(places), "NUMBA_CACHE_DIR": str(self._machine_code)}
        subprocess.run(
            [sys.executable, str(tree / "tests" / "mutation" / "sample.py"), "child", who, str(told)],
            input=json.dumps(took_s),
            text=True,
            cwd=tree,
            env=os.environ | environment,
            capture_output=True,
            check=False,
        )
        shutil.copy2(ROOT / changed.module, tree / changed.module)
        return told.read_text(encoding="utf-8") if told.exists() else "the process ended"


class Tests:
    """A plugin that runs tests one after the other until one fails, for each of many mutants."""

    def __init__(self, use: Callable[[FirstFailing], None]) -> None:
        self._use = use
        self._failed = UNNOTICED

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self._failed = self._failed or report.nodeid

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}

        def first_failing(took_s: Mapping[str, float]) -> str:
            known = [items[name] for name in took_s if name in items]
            for item, following in zip(known, [*known[1:], None], strict=True):
                allow(took_s[item.nodeid])
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if self._failed:
                    break
            return self._failed

        self._use(first_failing)
        return True


def by_tests(paths: Sequence[str], use: Callable[[FirstFailing], None]) -> None:
    pytest.main(["-n0", "-q", "-p", "no:cacheprovider", *paths], plugins=[Tests(use)])


def by_verify(_: Sequence[str], use: Callable[[FirstFailing], None]) -> None:
    from verify_parts import parts

    from sim.control_plane import world
    from sim.verification import twins

    world.LONGEST_PAUSE_S = twins.LONGEST_S
    passes = dict(parts())

    def first_failing(took_s: Mapping[str, float]) -> str:
        for name in took_s:
            allow(took_s[name])
            try:
                if not passes[name]():
                    return name
            except Exception:  # noqa: BLE001 - the command fails then
                return name
        return UNNOTICED

    use(first_failing)


BY = {"tests": by_tests, "verify": by_verify}


def main(who: str, directory: str, n: str = "300", seed: str = "12", most_s: str = "inf", again: str = "") -> None:
    trial = Trial(who, Path(directory), int(n), int(seed), float(most_s), again=again == "again")
    BY[who](sorted({name.split("::")[0] for name in trial.watchers.took_s}), trial.run)


def main_of_child(who: str, told: str) -> None:
    """Say in a file who of the names on standard input notices the mutant in this tree."""
    took_s = json.load(sys.stdin)
    sys.dont_write_bytecode = True

    def use(first_failing: FirstFailing) -> None:
        who_noticed = child(lambda: first_failing(took_s))
        Path(told).write_text(who_noticed, encoding="utf-8")

    BY[who](sorted({name.split("::")[0] for name in took_s}), use)


if __name__ == "__main__":
    if sys.argv[1] == "child":
        main_of_child(*sys.argv[2:])
    else:
        main(*sys.argv[1:])

"""Mutation testing: what can be wrong in a module without its own tests failing.

    pip install cosmic-ray                   # not in CI: it takes an hour
    python tests/mutation/run.py             # or the names of some of `TESTS`

Each mutant (cosmic-ray's: another operator, a number one off, a condition turned round …) is tested in a copy of the
work tree. What only a type checker reads is left alone: annotations, and imports under `TYPE_CHECKING`. The survivors
are printed; docs/mutation-testing.md explains the known ones.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosmic_ray.work_db import WorkDB
    from cosmic_ray.work_item import MutationSpec

ROOT = Path(__file__).parents[2]
TESTS = {
    "sim/control_plane/aws/aws_sdk_go.py": "tests/control_plane/aws/test_aws_sdk_go.py",
    "sim/control_plane/aws/retryers.py": "tests/control_plane/aws",
    "sim/control_plane/token_bucket.py": "tests/control_plane/test_token_bucket.py",
    "sim/control_plane/kubernetes/kubelet.py": "tests/control_plane/kubernetes/test_kubelet.py",
    "sim/data_plane/classify.py": "tests/data_plane/test_outcomes.py",
    "sim/data_plane/ends.py": "tests/data_plane/test_outcomes.py",
}
CONFIG = """
[cosmic-ray]
module-path = "{module}"
timeout = 60.0
excluded-modules = []
test-command = "{python} -m pytest -n0 -x -q -p no:cacheprovider {tests}"
[cosmic-ray.distributor]
name = "local"
"""


def spans_for_types(source: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Return from where to where only a type checker reads."""
    for node in ast.walk(ast.parse(source)):
        parts = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            parts.append(node)
        for part in parts:
            if part is not None:
                yield (part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)


def skip_types(work: WorkDB, source: str) -> None:
    spans = list(spans_for_types(source))
    for item in work.work_items:
        if any(start <= item.mutations[0].start_pos < end for start, end in spans):
            work.set_result(item.job_id, WorkResult(worker_outcome=WorkerOutcome.SKIPPED))


def mutate(module: str, copy: Path) -> None:
    def cosmic_ray(command: str, *arguments: str) -> None:
        subprocess.run([sys.executable, "-m", "cosmic_ray.cli", command, *arguments], cwd=copy, check=True)

    source = (copy / module).read_text()
    (copy / "config.toml").write_text(CONFIG.format(module=module, python=sys.executable, tests=TESTS[module]))
    session = copy / f"{Path(module).stem}.sqlite"
    cosmic_ray("baseline", "config.toml")
    cosmic_ray("init", "config.toml", str(session))
    with use_db(session) as work:
        skip_types(work, source)
    cosmic_ray("exec", "config.toml", str(session))
    with use_db(session) as work:
        specs = {item.job_id: item.mutations[0] for item in work.work_items}
        results = {job: result for job, result in work.results if result.worker_outcome != WorkerOutcome.SKIPPED}
    survived = [specs[job] for job, result in results.items() if result.test_outcome == TestOutcome.SURVIVED]
    for spec in survived:
        print(described(spec, source))  # noqa: T201 - what it is run for
    share = 1 - len(survived) / len(results)
    print(f"{module}: {len(results)} mutants, {len(survived)} survived, {share:.1%} killed", flush=True)  # noqa: T201


def described(spec: MutationSpec, source: str) -> str:
    line, column = spec.start_pos
    operator = spec.operator_name.removeprefix("core/")
    return (
        f"  {spec.module_path}:{line}:{column}: {operator} {spec.occurrence}: {source.splitlines()[line - 1].strip()}"
    )


def main() -> None:
    chosen = [module for module in TESTS if not sys.argv[1:] or Path(module).stem in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        for part in ("pyproject.toml", "sim", "tests", "scenarios"):
            copied = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copied(ROOT / part, copy / part)
        for module in chosen:
            mutate(module, copy)


if __name__ == "__main__":
    main()

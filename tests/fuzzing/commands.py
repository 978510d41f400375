"""Start `albsim` again and again with drawn command lines on drawn scenarios, as many real processes as you like.

    python tests/fuzzing/commands.py 1000 [SEED]

A scenario is a valid one, changed in depth and spread over a file and what it extends; few are spoiled then. A command
line is a command with some of its options and values, of which few are bad: less than half are refused.
A find is a traceback, an exit status that no command promises, or more than ten minutes of the processor. So is a
refusal that nobody can read, or a file left behind that was not asked for. Each find is printed with what repeats it.
"""

from __future__ import annotations

import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import click
import yaml
from valid import KEYS, draw, value_for, write

LONGEST_CPU_S = 600
LONGEST_LINE = 2000
STATUSES = {0, 2}
OUTPUTS = ("out.json", "out.png", "out.svg", "out.html", "out.parquet", "out.csv", "out.yaml", "outputs")
SELDOM = 0.06
VARIED = ("pod.pre_stop_sleep_s=0,5", "pod.on_sigterm=exit,drain", "controller.aws_max_retries=1:3:1", "seed=1,2")
ODD_VALUES = ("1:2:1e-9", ":", "many", "null", "-1", "[1", "1e309", "\x1b[31m", "=1+1")
TESTS = Path(__file__).parents[1]
MANIFESTS = ("grpc-one-pod.yaml", "keda-with-tini.yaml", "hooks.yaml")
LOGS = sorted((TESTS / "records" / "data").glob("*.log.gz"))


def write_scenario(rng: random.Random, directory: Path) -> str:
    """Write a changed scenario, and what it extends, and return its file's name, or seldom that of something else."""
    write(rng, draw(rng), directory)
    if rng.random() < SELDOM:
        base = yaml.safe_load((directory / "base.yaml").read_text(encoding="utf-8"))
        key, _ = rng.choice(KEYS)
        put(base, key, rng.choice([-1, "many", [], {}, 1e309, True]))
        (directory / "base.yaml").write_text(yaml.safe_dump(base), encoding="utf-8")
    return rng.choice(["lags.csv", "missing.yaml", "."]) if rng.random() < SELDOM else "scenario.yaml"


def put(raw: dict[str, Any], key: str, value: Any) -> None:
    *above, last = key.split(".")
    for name in above:
        inner = raw.setdefault(name, {})
        raw = inner if isinstance(inner, dict) else {}
    raw[last] = value


def command_line(rng: random.Random, scenario: str) -> list[str]:
    """Return a command with its arguments, of which few are wrong."""

    def one(*good: str, odd: str) -> str:
        return odd if rng.random() < SELDOM else rng.choice(good)

    any_key, schema = rng.choice(KEYS)
    value = rng.choice(ODD_VALUES) if rng.random() < SELDOM else yaml.safe_dump(value_for(rng, any_key, schema))
    assignment = f"{any_key}={value.splitlines()[0]}"
    vary = f"{any_key}={rng.choice(ODD_VALUES)}" if rng.random() < SELDOM else rng.choice(VARIED)
    few = ["--replications", one("1", "1", "2", odd="x"), "--workers", one("1", "1", "1", "2", odd="-1")]
    commands = [
        ["run", scenario, *few, "--format", one("table", "json", "csv", "markdown", odd="xml")],
        ["run", scenario, scenario, *few, "--out", "outputs"],
        ["run", scenario, "--replications", "1", "--write-records", "outputs"],
        ["check", scenario, scenario],
        ["explain", scenario, *rng.choice([[], ["--gantt", "out.png"], ["--perfetto", "out.json"]])],
        ["report", scenario, *few, "-o", one("out.html", odd="nowhere/out.html")],
        ["compare", scenario, scenario, *few, "--set", "pod.pre_stop_sleep_s=7"],
        ["sweep", scenario, "--vary", vary, *few, "--out", one("out.parquet", "out.csv", odd="out.txt")],
        ["recommend", scenario, "--target-502", one("0", "1", odd="-1"), "--replications", "2", "--workers", "1"],
        ["addresses", *rng.choice([[], [scenario]])],
        ["plot", scenario, "-o", "out.png", "--replications", "2", "--workers", "1"],
        ["import", one(*MANIFESTS, odd=scenario), *rng.choice([[], ["-o", "out.yaml"], ["--rps", "5"]])],
        ["observe", one("access.log.gz", odd=scenario)],
        ["sensitivity", scenario, "--points", one("8", "16", odd="1"), "--workers", "1"],
        ["backoff", "--retryer", one("aws-sdk-go-v2", odd="mine"), "--max-retries", one("3", odd="-3")],
        [one("schema", "controllers", "--version", "--help", odd="frobnicate")],
    ]
    line = rng.choice(commands)
    if line[0] in ("run", "check", "explain", "report", "sweep") and rng.random() < 0.2:
        line += ["--set", assignment]
    return line


def put_beside(directory: Path) -> None:
    """Put manifests and an access log beside the scenario."""
    for name in MANIFESTS:
        shutil.copy(TESTS / "manifests" / "examples" / name, directory)
    shutil.copy(LOGS[0], directory / "access.log.gz")


def find(rng: random.Random, directory: Path, statuses: Counter[int]) -> str | None:
    """Start one process, count its exit status, and return what is wrong with it."""
    scenario = write_scenario(rng, directory)
    put_beside(directory)
    line = command_line(rng, scenario)
    before = {path.name for path in directory.iterdir()}
    done = subprocess.run(
        [sys.executable, "-c", "from sim.cli import main; main()", *line],
        cwd=directory,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_CPU_S, LONGEST_CPU_S)),
        check=False,
    )
    statuses[done.returncode] += 1
    left = {path.name for path in directory.iterdir()} - before - set(OUTPUTS)
    if done.returncode not in STATUSES or "Traceback" in done.stderr:
        return f"{line}: exit status {done.returncode}\n{done.stderr[-3000:]}"
    if done.returncode and max(map(len, done.stderr.splitlines()), default=0) > LONGEST_LINE:
        return f"{line}: a line of more than {LONGEST_LINE} characters"
    return f"{line}: left {left}" if left or (done.returncode and done.stdout.startswith("{")) else None


def main() -> None:
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    finds, statuses = 0, Counter[int]()
    for seed in range(first, first + count):
        with tempfile.TemporaryDirectory() as directory:
            wrong = find(random.Random(seed), Path(directory), statuses)  # noqa: S311 - no secret
        if wrong is not None:
            finds += 1
            click.echo(f"seed {seed}: {wrong}")
        if (seed + 1 - first) % 50 == 0 or seed + 1 == first + count:
            click.echo(f"{seed + 1 - first} processes from seed {first} on, {finds} finds; {dict(statuses)}")
    sys.exit(finds > 0)


if __name__ == "__main__":
    main()

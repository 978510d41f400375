"""Start `albsim` again and again with drawn command lines on drawn scenarios, as many real processes as you like.

    python tests/fuzzing/commands.py 1000 [SEED]

A scenario is a valid one, changed in depth: another number, word or law at keys that it has or may have, half of them
spread over a file and what it extends. A command line is a command with some of its options and values, good and bad.
What counts as a find is a traceback, an exit status that no command promises, more than ten minutes, a refusal that
nobody can read, or a file left behind that was not asked for. Each is printed with what repeats it.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import click
import yaml

from sim.scenario.schema import schema_of
from sim.scenario.specs import Scenario

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))
LONGEST_S = 600
LONGEST_LINE = 2000
STATUSES = {0, 2}
MOST_REPLICAS, MOST_RPS = 60, 200
SCHEMA = schema_of(Scenario)
NUMBERS = (0, 1, 2, 3.5, 10, 30, 60, 300, 0.001, 1e9, -1, "25%", None, True, "many")
LAWS: tuple[Any, ...] = (
    {"dist": "exponential", "mean": 3},
    {"dist": "lognormal", "median": 2, "p99": 9},
    {"dist": "uniform", "low": 1, "high": 0},
    {"dist": "gamma", "shape": 2, "mean": 4, "max": 5},
    {"dist": "empirical", "values": [1, 2]},
    {"dist": "empirical", "csv": "lags.csv"},
    "lags.csv",
)
OUTPUTS = ("out.json", "out.png", "out.svg", "out.html", "out.parquet", "out.csv", "out.yaml", "outputs")


def keys(node: dict[str, Any] = SCHEMA, prefix: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Return every dotted key of a scenario with its schema."""
    found = []
    for name, described in node.get("properties", {}).items():
        inner = SCHEMA["$defs"][described["$ref"].rsplit("/", 1)[1]] if "$ref" in described else described
        found += [(f"{prefix}{name}", inner), *keys(inner, f"{prefix}{name}.")]
    return found


KEYS = keys()


def any_value(rng: random.Random, schema: dict[str, Any]) -> Any:
    """Return a value that may fit the schema: one of its words, a number or a law."""
    if "enum" in schema and rng.random() < 0.9:
        return rng.choice(schema["enum"])
    if schema.get("type") == "boolean" and rng.random() < 0.9:
        return rng.choice([True, False])
    return rng.choice(LAWS) if rng.random() < 0.3 else rng.choice(NUMBERS)


def put(raw: dict[str, Any], key: str, value: Any) -> None:
    *above, last = key.split(".")
    for name in above:
        raw = raw.setdefault(name, {})
        if not isinstance(raw, dict):
            return
    raw[last] = value


def small(raw: dict[str, Any]) -> dict[str, Any]:
    """Bound what a rollout costs: the find is a crash, not patience."""
    deployment, traffic = raw.get("deployment"), raw.get("traffic")
    if isinstance(deployment, dict) and isinstance(deployment.get("replicas"), int):
        deployment["replicas"] = min(deployment["replicas"], MOST_REPLICAS)
    if isinstance(traffic, dict) and isinstance(traffic.get("arrival_rate_rps"), int | float):
        traffic["arrival_rate_rps"] = min(traffic["arrival_rate_rps"], MOST_RPS)
    return raw


def write_scenario(rng: random.Random, directory: Path) -> str:
    """Write a changed scenario, and what it extends, and return its file's name."""
    source = rng.choice(SCENARIOS)
    base = yaml.safe_load(source.read_text(encoding="utf-8"))
    over: dict[str, Any] = {"extends": "base.yaml"}
    for key, schema in rng.choices(KEYS, k=rng.choice([0, 1, 1, 2])):
        put(rng.choice([base, over]), key, any_value(rng, schema))
    for shipped in SCENARIOS:
        shutil.copy(shipped, directory)
    (directory / "base.yaml").write_text(yaml.safe_dump(small(base)), encoding="utf-8")
    (directory / "scenario.yaml").write_text(yaml.safe_dump(small(over)), encoding="utf-8")
    (directory / "lags.csv").write_text("lag_s\n1\n5.5\n", encoding="utf-8")
    return rng.choice(["scenario.yaml"] * 6 + ["base.yaml"] * 2 + ["lags.csv", "missing.yaml", "."])


def command_line(rng: random.Random, scenario: str) -> list[str]:
    """Return a command with its arguments."""
    any_key, schema = rng.choice(KEYS)
    assignment = f"{any_key}={yaml.safe_dump(any_value(rng, schema), default_flow_style=True).splitlines()[0]}"
    vary = f"{any_key}={rng.choice(['1,2', '0:4:2', 'exit,drain', ':', '1:2:1e-9'])}"
    few = [
        "--replications",
        rng.choice(["1", "1", "2", "2", "3", "x"]),
        "--workers",
        rng.choice(["1"] * 6 + ["2", "-1"]),
    ]
    commands = [
        ["run", scenario, *few, "--format", rng.choice(["table", "json", "csv", "markdown", "xml"])],
        ["run", scenario, scenario, *few, "--out", "outputs"],
        ["run", scenario, "--replications", "1", "--write-records", "outputs"],
        ["check", scenario, scenario],
        ["explain", scenario, *rng.choice([[], ["--gantt", "out.png"], ["--perfetto", "out.json"], ["--worst"]])],
        ["report", scenario, *few, "-o", rng.choice(["out.html", "nowhere/out.html"])],
        ["compare", scenario, rng.choice(["base.yaml", "scenario.yaml"]), *few],
        ["sweep", scenario, "--vary", vary, *few, "--out", rng.choice(["out.parquet", "out.csv", "out.txt"])],
        ["recommend", scenario, "--target-502", rng.choice(["0", "1", "-1", "much"]), "--workers", "1"],
        ["addresses", scenario, "--set", assignment],
        ["plot", rng.choice(["lags.csv", scenario]), "-o", "out.png"],
        ["import", scenario, *rng.choice([[], ["-o", "out.yaml"], ["--rps", "x"]])],
        ["observe", rng.choice([scenario, "."])],
        ["calibrate", ".", "-o", "out.yaml"],
        ["sensitivity", scenario, "--points", rng.choice(["1", "16"]), "--workers", "1"],
        ["backoff", "--retryer", rng.choice(["aws-sdk-go-v2", "mine"]), "--max-retries", rng.choice(["3", "-3"])],
        [rng.choice(["schema", "controllers", "frobnicate", "--version", "--help"])],
    ]
    line = rng.choice(commands)
    if line[0] in ("run", "check", "explain", "report", "sweep") and rng.random() < 0.5:
        line += ["--set", assignment]
    return line


def find(rng: random.Random, directory: Path, statuses: Counter[int]) -> str | None:
    """Start one process, count its exit status, and return what is wrong with it."""
    scenario = write_scenario(rng, directory)
    line = command_line(rng, scenario)
    before = {path.name for path in directory.iterdir()}
    try:
        done = subprocess.run(
            [sys.executable, "-c", "from sim.cli import main; main()", *line],
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{line}: more than {LONGEST_S} s"
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
    click.echo(f"{count} processes from seed {first} on, {finds} finds; exit statuses {dict(statuses)}")
    sys.exit(finds > 0)


if __name__ == "__main__":
    main()

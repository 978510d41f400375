"""Simulate valid scenarios, changed in depth, for as long as you like: what passes validation must come to an answer.

    python tests/fuzzing/scenarios.py SECONDS [SEED]

Each scenario is written as a file that extends another, and is run, checked, explained and planned in a process of its
own, which inherits the imported program. A find is a traceback, an exit status other than 0 and 2, or more than two
minutes of the processor. So is a refusal after the validation that is no sentence. Each find is printed with the seed
that repeats it: `python tests/fuzzing/scenarios.py 0 SEED`.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click
from valid import draw, write

from sim.cli import main as albsim
from sim.data_plane import compiled  # noqa: F401 - compiled once, before the first fork
from sim.scenario.loading import load_scenario
from sim.scenario.problems import ScenarioError

LONGEST_CPU_S = 120
MOST_BYTES = 6 << 30
LONGEST_LINE = 2000
REFUSED = 2
STATUSES = {0, REFUSED}
COMMANDS = (
    ["run", "scenario.yaml", "--workers", "1", "--quiet", "--format", "json"],
    ["run", "scenario.yaml", "--workers", "1", "--quiet", "--estimator", "sampled", "--format", "json"],
    ["check", "scenario.yaml"],
    ["explain", "scenario.yaml"],
    ["addresses", "scenario.yaml"],
)


def started(command: list[str], directory: Path) -> tuple[int, str, str]:
    """Run the command in a child, and return its exit status (negative: the signal) and what it printed."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_CPU_S, LONGEST_CPU_S))
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        os.chdir(directory)
        for stream, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(directory / name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), stream)
        try:
            sys.argv = ["albsim", *command]
            albsim()
        except SystemExit as ended:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(ended.code if isinstance(ended.code, int) else int(ended.code is not None))
        except BaseException:  # noqa: BLE001 - the find
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
        os._exit(1)
    _, status = os.waitpid(child, 0)
    told = [(directory / name).read_text(encoding="utf-8", errors="replace") for name in ("stdout", "stderr")]
    return os.waitstatus_to_exitcode(status), told[0], told[1]


def wrong(command: list[str], status: int, stdout: str, stderr: str) -> str | None:
    """Return what is wrong with an answer."""
    if status not in STATUSES or "Traceback" in stderr:
        return f"exit status {status}\n{stderr[-4000:]}"
    if status == REFUSED and (not stderr.strip() or max(map(len, stderr.splitlines())) > LONGEST_LINE):
        return f"a refusal that nobody can read: {stderr[:3000]!r}"
    if status == 0 and command[0] == "run":
        (told,) = json.loads(stdout)
        requests, outcomes = told["requests"]["mean"], told["outcomes"]
        total = sum(one["mean"] for one in outcomes.values())
        if abs(total - requests) > 1e-6 * max(1, requests):
            return f"{total} outcomes of {requests} requests"
    return None


def main() -> None:
    until_s, seed = time.monotonic() + float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    met: Counter[str] = Counter()
    albsim_warm()
    while True:
        rng = random.Random(seed)  # noqa: S311 - no secret
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            write(rng, draw(rng), directory)
            try:
                scenario = load_scenario(directory / "scenario.yaml")
            except ScenarioError:
                met["not valid in two files"] += 1
            else:
                met["valid"] += 1
                met[scenario.disruption] += 1
                for command in COMMANDS[: None if scenario.nodes else -1]:
                    status, stdout, stderr = started(command, directory)
                    met[f"{command[0]} {status}"] += 1
                    found = wrong(command, status, stdout, stderr)
                    if found is not None:
                        met["finds"] += 1
                        files = [(directory / f"{part}.yaml").read_text() for part in ("base", "scenario")]
                        click.echo(f"seed {seed}: {command}: {found}\n{files[0]}---\n{files[1]}")
        seed += 1
        if time.monotonic() > until_s:
            break
        if seed % 50 == 0:
            click.echo(f"{seed}: {dict(met)}")
    click.echo(f"until seed {seed}: {dict(met)}")
    sys.exit(met["finds"] > 0)


def albsim_warm() -> None:
    """Import and compile what every child needs."""
    import pandas as pd  # noqa: F401
    import rich  # noqa: F401
    import scipy.stats  # noqa: F401

    from sim.experiment.replication import simulate
    from sim.scenario.specs import Scenario

    few = {"name": "warm", "traffic": {"arrival_rate_rps": 1}, "deployment": {"replicas": 1}}
    for changes in ({}, {"target_group": {"routing": "least_outstanding_requests"}}, {"pod": {"concurrency": 1}}):
        simulate(Scenario.model_validate(few | changes), estimator="sampled")


if __name__ == "__main__":
    main()

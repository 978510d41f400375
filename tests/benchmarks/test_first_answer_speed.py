"""How long `albsim run` works until a terminal has the first answer, for every scenario that is shipped.

`pytest -n0 -s tests/benchmarks/test_first_answer_speed.py` prints the seconds of CPU of each. Machine code is compiled
before (`test_first_use_speed.py` has what that takes). Not part of the timed tests.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

SHIPPED = sorted(Path("scenarios").rglob("*.yaml"))
LONGEST_S = 2.0
ANSWER = re.compile(rb"502s in .* of ")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def _spent_s(process: int) -> float:
    """Return the CPU of a process so far, in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def first_answer_s(scenario: Path) -> float:
    """Return the seconds of CPU of one process from its start until the terminal shows how often there are 502s."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from sim.cli import main; main()", "run", str(scenario), "--workers", "1"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, env=environment) as process:
        os.close(theirs)
        written = b""
        try:
            while not ANSWER.search(written):
                written += os.read(ours, 4096)
            return _spent_s(process.pid)
        finally:
            process.kill()
            os.close(ours)


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    first_answer_s(Path("scenarios/black-hole.yaml"))


@pytest.mark.parametrize("scenario", SHIPPED, ids=str)
def test_the_first_answer_comes_within_two_seconds_of_cpu(scenario: Path) -> None:
    spent_s = min(first_answer_s(scenario) for _ in range(2))
    print(f"{scenario}: {spent_s:.1f} s")  # noqa: T201
    assert spent_s <= LONGEST_S

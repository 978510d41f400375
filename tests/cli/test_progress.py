"""Progress, seen as a user sees it: on a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

FIXED_LAG = "scenarios/fixed-lag.yaml"
FEW = ("--replications", "12", "--workers", "1", "--format", "csv")


def on_a_terminal(*arguments: str, **environment: str) -> tuple[str, str]:
    """Return what the program writes to stdout, a pipe, and to stderr, a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from sim.cli import main; main()", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env=os.environ | {"TERM": "xterm"} | environment
    ) as process:
        os.close(theirs)
        written = b""
        try:
            while block := os.read(ours, 4096):
                written += block
        except OSError:  # Linux's end of a terminal
            pass
        os.close(ours)
        stdout, _ = process.communicate()
    return stdout.decode(), written.decode()


once_on_a_terminal = cache(on_a_terminal)


@pytest.mark.parametrize(
    "command", [("run", FIXED_LAG), pytest.param(("compare", FIXED_LAG, FIXED_LAG), marks=pytest.mark.slow)]
)
def test_progress_is_on_the_terminal_and_the_results_are_not(command: tuple[str, ...]) -> None:
    stdout, terminal = once_on_a_terminal(*command, *FEW)
    assert re.search(r"\d+/\d+\x1b\S+ \S+\d:\d\d:\d\d", terminal), "done, of how many, and the time left"
    assert "\x1b" not in stdout
    assert "/12" not in stdout


@pytest.mark.slow
def test_quiet_leaves_the_terminal_alone() -> None:
    assert on_a_terminal("run", FIXED_LAG, *FEW, "--quiet")[1] == ""


def test_the_answer_settles_while_rollouts_are_simulated() -> None:
    assert re.search(r"fixed-lag: 502s in \d+ % of rollouts", once_on_a_terminal("run", FIXED_LAG, *FEW)[1])


@pytest.mark.slow
def test_compilation_is_named_where_there_is_no_compiled_code_yet(tmp_path: Path) -> None:
    drawn_in_order = ("run", "scenarios/black-hole.yaml", "--replications", "1", "--workers", "1")
    first, second = (on_a_terminal(*drawn_in_order, NUMBA_CACHE_DIR=str(tmp_path))[1] for _ in range(2))
    assert "Compiling the loop over requests first, once on this machine" in first
    assert "Compiling" not in second

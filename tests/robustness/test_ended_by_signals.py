"""SIGTERM and SIGHUP end `calibrate` and `sensitivity`: their exit status, a word, no half a file, no worker left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from albsim_tests.records import line, log_name

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc"),
    pytest.mark.parametrize(
        ("number", "status", "said"), [(signal.SIGTERM, 143, "terminated\n"), (signal.SIGHUP, 129, "hung up\n")]
    ),
]
SCENARIO = str(Path("scenarios/fixed-lag.yaml").resolve())
N_LINES = 400_000


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from sim.cli import main; main()", *map(str, arguments), "--quiet"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def reads(pid: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return any(one.readlink() == path for one in Path(f"/proc/{pid}/fd").iterdir())
    return False


def goes_on(pid: int) -> bool:
    """Return whether a process has not ended; one that has may still wait for somebody to ask for its status."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


def soon_ends(pid: int) -> bool:
    """Return whether a process has ended within a second: it lets go of its files a little before."""
    until_s = time.monotonic() + 1
    while goes_on(pid) and time.monotonic() < until_s:
        time.sleep(0.01)
    return not goes_on(pid)


def test_calibrate_leaves_nothing(tmp_path: Path, number: int, status: int, said: str) -> None:
    records = tmp_path / log_name()
    records.write_text("".join(f"{line(second)}\n" for second in range(100)) * (N_LINES // 100))
    out = tmp_path / "out"
    out.mkdir()
    with start("calibrate", records, "-o", out / "measured.yaml", "--picture", out / "law.png") as process:
        while not reads(process.pid, records):
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(number)
        _, told = process.communicate()

    assert (process.returncode, told) == (status, said)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("to_all", [True, False])
def test_sensitivity_leaves_nothing(tmp_path: Path, number: int, status: int, said: str, *, to_all: bool) -> None:
    ask = ("--points", 1024, "--workers", 2, "-o", tmp_path / "tornado.png")
    with start("sensitivity", SCENARIO, *ask) as process:
        while len(workers := children(process.pid)) < 2:
            assert process.poll() is None
            time.sleep(0.01)
        if to_all:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        _, told = process.communicate()  # ends when the last worker has let go of stderr

    assert (process.returncode, told) == (status, said)
    assert list(tmp_path.iterdir()) == []
    assert all(soon_ends(worker) for worker in workers)

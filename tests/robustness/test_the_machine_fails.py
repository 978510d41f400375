"""The program as users run it, on a machine that fails it: a message, an exit status, no traceback, no half a file."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

SCENARIOS = Path("scenarios").resolve()
FIXED_LAG = str(SCENARIOS / "fixed-lag.yaml")
RUN = ("run", FIXED_LAG, "--replications", "3", "--workers", "1", "--quiet", "--format", "json")
EXPLAIN = ("explain", FIXED_LAG, "--workers", "1", "--quiet")
REPORT = ("report", FIXED_LAG, "--replications", "2", "--workers", "1", "--quiet", "-o", "a.html")
SWEEP = ("sweep", FIXED_LAG, "--vary", "seed=1,2", "--replications", "2", "--workers", "1", "--quiet")
FULL = Path("/dev/full")
LINUX = pytest.mark.skipif(not FULL.exists(), reason="needs Linux's /dev/full and /proc")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from sim.cli import main; main()", *arguments]


def albsim(*arguments: str, **how: Any) -> subprocess.CompletedProcess[str]:
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | how
    return subprocess.run(command(*arguments), check=False, **how)


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start it as a shell on a terminal does: in a process group of its own, which Ctrl-C reaches as a whole."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command(*arguments), stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def small_files() -> None:
    """Let no file grow beyond 100 bytes: as on a full disk, a write fails in the middle."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def long_scenario(directory: Path) -> str:
    """Write a scenario that is done at once, and behind it one that takes hours."""
    path = directory / "long.yaml"
    shutil.copy(FIXED_LAG, directory / "base.yaml")
    endless = "extends: base.yaml\nname: endless\nreplications: 100000\n"
    path.write_text(f"extends: base.yaml\nname: short\nreplications: 1\n---\n{endless}")
    return str(path)


def wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


def workers_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


# A full disk


@LINUX
@pytest.mark.parametrize("arguments", [RUN, ("schema",)])
def test_a_full_stdout_is_said(arguments: tuple[str, ...]) -> None:
    with FULL.open("w") as full:
        result = albsim(*arguments, stdout=full)
    assert result.stderr == "the output cannot be written: No space left on device\n"
    assert result.returncode == 1


@LINUX
@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((*RUN, "--out", ".", "--force"), "fixed-lag.json"),
        ((*EXPLAIN, "--perfetto", "trace.json"), "trace.json"),
        (REPORT, "a.html"),
        ((*SWEEP, "--out", "r.csv"), "r.csv"),
    ],
)
def test_a_full_disk_leaves_the_old_file_and_no_half_of_a_new_one(
    arguments: tuple[str, ...], name: str, tmp_path: Path
) -> None:
    environment = os.environ | {"MPLCONFIGDIR": str(tmp_path.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    (tmp_path / name).write_text("old")
    if arguments[0] == "sweep":
        (tmp_path / name).unlink()
    result = albsim(*arguments, cwd=tmp_path, preexec_fn=small_files, env=environment)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].endswith("File too large")
    assert name.split(".", maxsplit=1)[0] in result.stderr
    assert "Traceback" not in result.stderr
    left = {path: path.read_text() for path in tmp_path.iterdir() if path.suffix != ".partial"}
    assert left == ({} if arguments[0] == "sweep" else {tmp_path / name: "old"})


def test_what_was_finished_before_the_disk_was_full_is_printed(tmp_path: Path) -> None:
    (tmp_path / "fixed-lag.json").mkdir()
    result = albsim("run", str(SCENARIOS / "baseline.yaml"), *RUN[1:], "--out", str(tmp_path), "--force")
    assert result.returncode == 2
    assert "fixed-lag.json" in result.stderr
    assert [summary["scenario"] for summary in json.loads(result.stdout)] == ["baseline", "fixed-lag"]


# A directory that cannot be written


def obey_permissions() -> None:
    """Drop root's right to write where it is not allowed to (CAP_DAC_OVERRIDE); nothing happens to other users."""
    ctypes.CDLL(None).prctl(24, 1)  # PR_CAPBSET_DROP


@LINUX
@pytest.mark.parametrize(
    "arguments",
    [
        (*RUN, "--out", "."),
        (*RUN, "--out", "new/er"),
        (*EXPLAIN, "--gantt", "a.png"),
        REPORT,
        (*SWEEP, "--out", "r.csv"),
    ],
)
def test_a_read_only_directory_is_refused_before_anything_runs(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """With so many replications nobody would wait for a late refusal."""
    tmp_path.chmod(0o555)
    many = ("--set", "replications=1000000")
    result = albsim(*arguments, *many, cwd=tmp_path, preexec_fn=obey_permissions, timeout=60)
    assert result.returncode == 2
    assert result.stdout == ""
    assert "Permission denied" in result.stderr or "is read-only" in result.stderr
    assert "Traceback" not in result.stderr
    assert names(tmp_path) == []


@pytest.mark.parametrize("option", ["--gantt", "--perfetto"])
def test_a_directory_that_is_not_there_or_is_a_file_is_refused(option: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("nowhere", "file"):
        result = albsim(*EXPLAIN, option, str(tmp_path / place / "a.png"))
        assert result.returncode == 2
        assert "is no directory" in result.stderr
    result = albsim(*RUN, "--out", str(tmp_path / "file"))
    assert result.returncode == 2
    assert names(tmp_path) == ["file"]


def test_a_device_is_written_itself(tmp_path: Path) -> None:
    assert albsim(*EXPLAIN, "--perfetto", "/dev/null").returncode == 0
    assert not Path("/dev/null").is_file()
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "there.json")
    assert albsim(*EXPLAIN, "--perfetto", str(link)).returncode == 0
    assert link.is_symlink()
    assert names(tmp_path) == ["link.json", "there.json"]


# A reader that has enough, or is not there


@pytest.mark.parametrize("arguments", [RUN, ("check", *[FIXED_LAG] * 200)])
def test_a_closed_pipe_is_no_error(arguments: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    result = albsim(*arguments, stdout=write)
    os.close(write)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [RUN, ("schema",)])
def test_no_stdout_at_all_is_no_error(arguments: tuple[str, ...]) -> None:
    result = albsim(*arguments, stdout=None, preexec_fn=lambda: os.close(1))
    assert (result.returncode, result.stderr) == (0, "")


def test_no_stderr_changes_no_exit_status() -> None:
    assert albsim("check", "none.yaml", stderr=None, preexec_fn=lambda: os.close(2)).returncode == 2


# Ctrl-C, kill -9, a worker that dies


@LINUX
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_keeps_what_is_finished(workers: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--workers", workers, "--quiet", "--format", "json", "--out", str(out))
    with start("run", long_scenario(tmp_path), *arguments) as process:
        wait_for(out / "short.json")
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (130, "interrupted\n")
    assert [summary["scenario"] for summary in json.loads(stdout)] == ["short"]
    assert names(out) == ["short.json"]


@LINUX
def test_killed_it_leaves_whole_files_and_no_worker(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with start("run", long_scenario(tmp_path), "--workers", "2", "--out", str(out)) as process:
        wait_for(out / "short.json")
        workers = workers_of(process.pid)
        process.kill()
        process.wait()
        assert workers
        assert json.loads((out / "short.json").read_text())[0]["scenario"] == "short"
        deadline = time.monotonic() + 20
        while any(_is_alive(worker) for worker in workers):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@LINUX
def test_a_worker_that_dies_is_said(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--workers", "2", "--quiet", "--format", "json", "--out", str(out))
    with start("run", long_scenario(tmp_path), *arguments) as process:
        wait_for(out / "short.json")
        os.kill(workers_of(process.pid)[0], signal.SIGKILL)
        stdout, stderr = process.communicate(timeout=30)
    assert stderr == "a worker process died (killed, or the memory is full); what is finished is kept\n"
    assert process.returncode == 1
    assert [summary["scenario"] for summary in json.loads(stdout)] == ["short"]


@pytest.mark.slow
@LINUX
def test_a_sweep_whose_worker_dies_goes_on_later(tmp_path: Path) -> None:
    arguments = ("sweep", FIXED_LAG, "--vary", "seed=1,2", "--replications", "60", "--out", str(tmp_path / "r.csv"))
    with start(*arguments, "--workers", "2") as process:
        wait_for(tmp_path / "r.csv.partial")
        while not (tmp_path / "r.csv.partial").read_bytes().count(b"\n"):
            time.sleep(0.01)
        os.kill(workers_of(process.pid)[0], signal.SIGKILL)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "a worker process died" in stderr
    assert names(tmp_path) == ["r.csv.partial"]
    assert albsim(*arguments).returncode == 0
    assert names(tmp_path) == ["r.csv"]


@pytest.mark.slow
@LINUX
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_a_sweep_that_is_ended_goes_on_later_and_gives_the_same_bytes(ending: signal.Signals, tmp_path: Path) -> None:
    def arguments(name: str, workers: int) -> tuple[str, ...]:
        sweep = ("sweep", FIXED_LAG, "--vary", "seed=1,2", "--replications", "40", "--quiet")
        return (*sweep, "--workers", str(workers), "--out", str(tmp_path / name))

    with start(*arguments("r.csv", 2)) as process:
        wait_for(tmp_path / "r.csv.partial")
        while not (tmp_path / "r.csv.partial").read_bytes().count(b"\n"):
            time.sleep(0.01)
        os.killpg(process.pid, ending)
        process.communicate(timeout=30)
    assert process.returncode == (130 if ending is signal.SIGINT else -signal.SIGKILL)
    assert "r.csv" not in names(tmp_path)
    assert (tmp_path / "r.csv.partial").stat().st_size > 0
    assert albsim(*arguments("r.csv", 1)).returncode == 0
    assert albsim(*arguments("whole.csv", 1)).returncode == 0
    assert (tmp_path / "r.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert names(tmp_path) == ["r.csv", "whole.csv"]

"""The command as users run it: a process of its own, killed and interrupted in the middle."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sim.cli import main
from sim.experiment.journal import journal_path
from sim.experiment.sweep_file import read_sweep

SCENARIO = str(Path("scenarios/fixed-lag.yaml").resolve())
SWEEP = [
    "sweep",
    SCENARIO,
    "--vary",
    "pod.pre_stop_sleep_s=0,10,20",
    "--replications",
    "30",
    "--workers",
    "1",
    "--quiet",
]


def albsim(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from sim.cli import main; main()", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def wait_for_lines(journal: Path, lines: int) -> None:
    while not journal.exists() or journal.read_bytes().count(b"\n") < lines:
        time.sleep(0.005)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("undisturbed") / "r.parquet"
    assert albsim(*SWEEP, "--out", str(path)).exit_code == 0
    return path


def test_it_writes_a_row_for_each_point_and_replication(undisturbed: Path) -> None:
    frame = read_sweep(undisturbed)

    assert frame.groupby("pod.pre_stop_sleep_s").size().to_dict() == {0: 30, 10: 30, 20: 30}
    assert frame.groupby("pod.pre_stop_sleep_s")["responses.502"].mean().to_dict() == {
        0: pytest.approx(402, abs=5),
        10: pytest.approx(2.5, abs=1.5),
        20: 0,
    }, "20 old pods' lag of 10 s at a fifth of 50 rps; at 10 s only what is in flight for 50 ms is cut"


@pytest.mark.slow
def test_another_sweep_s_results_are_replaced_only_by_force(tmp_path: Path, undisturbed: Path) -> None:
    out = tmp_path / "r.parquet"
    shutil.copy(undisturbed, out)
    other = ["sweep", SCENARIO, "--vary", "pod.pre_stop_sleep_s=5", "--replications", "1", "--workers", "1"]

    refused = albsim(*other, "--out", str(out))
    assert refused.exit_code == 2
    assert "they differ in scenario, replications, vary; --force replaces them" in refused.stderr
    assert names(tmp_path) == ["r.parquet"]
    assert out.read_bytes() == undisturbed.read_bytes()

    assert albsim(*other, "--out", str(out), "--force").exit_code == 0
    assert len(read_sweep(out)) == 1


@pytest.mark.parametrize("suffix", ["csv", pytest.param("parquet", marks=pytest.mark.slow)])
def test_keys_that_move_together_have_a_column_each(tmp_path: Path, suffix: str) -> None:
    out, together = tmp_path / f"r.{suffix}", "pod.pre_stop_sleep_s,pod.termination_grace_period_s"
    few = ("--replications", "1", "--workers", "1", "--quiet", "--out", str(out))
    assert albsim("sweep", SCENARIO, "--vary", f"{together}=0/20,20/40", *few).exit_code == 0

    assert read_sweep(out)[together.split(",")].to_numpy().tolist() == [[0, 20], [20, 40]]
    picture = tmp_path / "x.png"
    assert albsim("plot", str(out), "--lag", "-o", str(picture)).exit_code == 0, "the first of them is the axis"
    assert albsim("plot", str(out), "--x", together.split(",")[1], "-o", str(picture)).exit_code == 0


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(tmp_path: Path, undisturbed: Path) -> None:
    out = tmp_path / "r.parquet"
    moments = random.Random(4)  # noqa: S311 - no secret
    lines = 0
    for _ in range(3):
        process = start(*SWEEP, "--out", str(out))
        wait_for_lines(journal_path(out), lines + moments.randint(1, 20))
        process.kill()
        process.communicate()
        now = journal_path(out).read_bytes().count(b"\n")
        assert now > lines, "nothing finished is lost"
        lines = now
    assert albsim(*SWEEP, "--out", str(out)).exit_code == 0

    assert out.read_bytes() == undisturbed.read_bytes()
    assert names(tmp_path) == ["r.parquet"]


@pytest.mark.thorough
def test_killed_at_twenty_random_moments_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    sweep = ["sweep", SCENARIO, "--vary", "pod.pre_stop_sleep_s=0,10,20", "--replications", "2000", "--quiet"]
    whole, out = tmp_path / "whole.parquet", tmp_path / "killed.parquet"
    assert albsim(*sweep, "--workers", "1", "--out", str(whole)).exit_code == 0
    moments = random.Random(9)  # noqa: S311 - no secret
    for _ in range(20):
        process = start(*sweep, "--workers", "2", "--out", str(out))
        time.sleep(moments.uniform(0.2, 2.5))
        process.kill()
        process.communicate()
    assert albsim(*sweep, "--workers", "2", "--out", str(out)).exit_code == 0

    assert out.read_bytes() == whole.read_bytes()
    assert sorted(names(tmp_path)) == ["killed.parquet", "whole.parquet"]


def test_interrupted_it_keeps_what_is_finished(tmp_path: Path) -> None:
    out = tmp_path / "r.csv"
    process = start(*SWEEP, "--out", str(out))
    wait_for_lines(journal_path(out), 2)
    os.killpg(process.pid, signal.SIGINT)

    _, said = process.communicate()
    assert process.returncode == 130
    assert said == "interrupted\n"
    assert names(tmp_path) == ["r.csv.partial"]


@pytest.mark.slow
def test_a_second_sweep_on_the_same_file_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "r.csv"
    process = start(*SWEEP, "--out", str(out))
    wait_for_lines(journal_path(out), 1)
    second = albsim(*SWEEP, "--out", str(out))
    process.kill()
    process.communicate()

    assert second.exit_code == 2
    assert "another sweep is writing this file" in second.stderr


@pytest.mark.slow
def test_a_killed_sweep_takes_its_workers_along(tmp_path: Path) -> None:
    out = tmp_path / "r.csv"
    process = start(*SWEEP, "--out", str(out))
    wait_for_lines(journal_path(out), 1)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 20
    while _is_alive(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return any(_state(pid) not in {"Z", ""} for pid in names(Path("/proc")) if pid.isdigit() and _group(pid) == group)


def _fields(pid: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ["", "0", "0"]


def _state(pid: str) -> str:
    return _fields(pid)[0]


def _group(pid: str) -> int:
    return int(_fields(pid)[2])


@pytest.mark.slow
def test_it_replicates_until_precise(tmp_path: Path) -> None:
    out = tmp_path / "r.csv"
    until = ["--until-ci", "2%", "--max-replications", "50", "--estimator", "sampled"]
    result = albsim(
        "sweep", SCENARIO, "--vary", "pod.pre_stop_sleep_s=0,10", "--replications", "5", *until, "--out", str(out)
    )

    assert result.exit_code == 0
    assert read_sweep(out).groupby("pod.pre_stop_sleep_s").size().to_dict() == {0: 10, 10: 50}
    assert "1 point is not known to 2 % after 50 replications, where --max-replications ends them\n" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--vary", "pod.pre_stop_slep_s=1"], "did you mean 'pod.pre_stop_sleep_s'?"),
        (["--vary", "pod.pre_stop_sleep_s=-1"], "(got -1)"),
        (["--vary", "pod.pre_stop_sleep_s"], "expected KEY=V1,V2 or KEY=START:STOP:STEP"),
        ([], "has no sweep"),
        (["--vary", "pod.pre_stop_sleep_s=1", "--until-ci", "much"], "expected a percentage above 0"),
        (["--vary", "pod.pre_stop_sleep_s=1", "--out", "r.xlsx"], "ends in .parquet or .csv"),
        (["--vary", "pod.pre_stop_sleep_s=1", "--out", f"{SCENARIO}/r.csv"], "scenarios/fixed-lag.yaml"),
    ],
)
def test_wrong_input_is_refused_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = albsim("sweep", SCENARIO, "--out", "r.csv", *arguments)

    assert result.exit_code == 2
    assert said in result.stderr
    assert names(tmp_path) == []


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_file(tmp_path: Path, undisturbed: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        result = albsim(*SWEEP, "--out", str(tmp_path / "r.parquet"), "--dask", cluster.scheduler_address)

    assert result.exit_code == 0
    assert (tmp_path / "r.parquet").read_bytes() == undisturbed.read_bytes()


@pytest.mark.slow
def test_sleeps_that_the_grace_period_ends_are_mentioned(tmp_path: Path) -> None:
    vary = ["--vary", "pod.pre_stop_sleep_s=0,30,40,50", "--replications", "1", "--workers", "1"]
    said = albsim("sweep", SCENARIO, *vary, "--out", str(tmp_path / "r.csv")).stderr
    assert "preStop sleeps of 40 and 50 s end with the grace period, which is shorter\n" in said

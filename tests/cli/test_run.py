"""The command `run`: docs/interface.md's JSON, and the same bytes whatever the order, the workers and the process."""

from __future__ import annotations

import csv
import io
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sim.cli import main

SCENARIOS = Path(__file__).parents[2] / "scenarios"
BASELINE = str(SCENARIOS / "baseline.yaml")
FIXED_LAG = str(SCENARIOS / "fixed-lag.yaml")
FEW = ("--replications", "3")
QUANTILES = {"mean", "p50", "p90", "p99", "max"}


def _run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["run", *arguments])
    assert result.exit_code == 0, result.stderr
    return result


def _json(*arguments: str) -> list[dict]:
    return json.loads(_run(*arguments, "--format", "json", "--workers", "1").stdout)


def test_the_json_is_the_interface_s() -> None:
    (summary,) = _json(BASELINE, *FEW)
    assert (summary["scenario"], summary["seed"], summary["replications"]) == ("baseline", 7, 3)
    assert summary["estimator"] == "expected"
    assert set(summary["responses"]) == {"200", "460", "502", "503", "504"}
    assert list(summary["outcomes"]) == [
        "ok",
        "connect_refused",
        "host_unreachable",
        "closed_in_flight",
        "keep_alive_race",
        "deregistration_delay_elapsed",
        "idle_timeout",
        "connect_timeout",
        "no_registered_targets",
        "client_timeout",
        "old_address_unreachable",
    ]
    for leaf in (
        summary["requests"],
        summary["rate_502"],
        *summary["responses"].values(),
        *summary["outcomes"].values(),
    ):
        assert set(leaf) == {"mean", "ci95"}
        assert len(leaf["ci95"]) == 2
    assert set(summary["any_502"]) == {"fraction", "ci95"}
    for name in ("rollout_s", "deregistration_lag_s", "exposure_s"):
        assert set(summary[name]) == QUANTILES
    assert set(summary["aws_api"]) == {"calls", "throttled", "reconciles", "failed_reconciles"}


def test_means_add_up() -> None:
    (summary,) = _json(BASELINE, *FEW)
    total = summary["requests"]["mean"]
    assert sum(leaf["mean"] for leaf in summary["outcomes"].values()) == pytest.approx(total)
    assert sum(leaf["mean"] for leaf in summary["responses"].values()) == pytest.approx(total)


def test_one_replication_has_no_interval() -> None:
    (summary,) = _json(BASELINE, "--replications", "1", "--estimator", "sampled")
    assert summary["requests"]["ci95"] is None
    assert summary["any_502"]["ci95"] is not None


def test_the_order_of_the_scenarios_changes_nothing_but_the_order() -> None:
    there, back = _json(BASELINE, FIXED_LAG, *FEW), _json(FIXED_LAG, BASELINE, *FEW)
    assert there == back[::-1]


@pytest.mark.slow
def test_workers_and_processes_do_not_change_a_byte() -> None:
    command = [sys.executable, "-c", "from sim.cli import main; main()", "run", BASELINE, *FEW, "--format", "json"]
    outputs = {
        subprocess.run([*command, "--workers", workers], capture_output=True, check=True).stdout
        for workers in ("1", "2")
    }
    assert len(outputs) == 1


def test_every_format_tells_the_same() -> None:
    (summary,) = _json(FIXED_LAG, *FEW)
    row = next(csv.DictReader(io.StringIO(_run(FIXED_LAG, *FEW, "--format", "csv", "--workers", "1").stdout)))
    assert float(row["responses.502.mean"]) == summary["responses"]["502"]["mean"]
    assert "fixed-lag" in _run(FIXED_LAG, *FEW, "--workers", "1").stdout
    assert _run(FIXED_LAG, *FEW, "--format", "markdown", "--workers", "1").stdout.startswith("| scenario")


def test_out_keeps_each_scenario_s_figures(tmp_path: Path) -> None:
    out = tmp_path / "new" / "results"
    there = _json(BASELINE, FIXED_LAG, *FEW, "--out", str(out))
    assert sorted(path.name for path in out.iterdir()) == ["baseline.json", "fixed-lag.json"]
    assert json.loads((out / "baseline.json").read_text()) == there[:1]


def test_scenarios_of_one_name_are_told_apart_by_their_files(tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("one.yaml", "two.yaml")]
    for file in files:
        shutil.copy(FIXED_LAG, file)
    out = tmp_path / "out"
    summaries = _json(*files, "--replications", "1", "--out", str(out))

    names = ["fixed-lag (one)", "fixed-lag (two)"]
    assert [summary["scenario"] for summary in summaries] == names
    assert sorted(path.stem for path in out.iterdir()) == names


def test_two_scenarios_of_one_name_in_one_file_are_refused_a_directory(tmp_path: Path) -> None:
    twice = tmp_path / "twice.yaml"
    twice.write_text("---\n".join([Path(FIXED_LAG).read_text()] * 2))
    result = CliRunner().invoke(main, ["run", str(twice), "--out", str(tmp_path / "out")])

    assert (result.exit_code, result.stdout) == (2, "")
    assert "two scenarios have this name" in result.stderr
    assert not (tmp_path / "out").exists()


def test_out_overwrites_nothing_unasked(tmp_path: Path) -> None:
    out = tmp_path / "results"
    command = ["run", FIXED_LAG, "--replications", "1", "--workers", "1", "--out", str(out)]
    assert CliRunner().invoke(main, command).exit_code == 0

    again = CliRunner().invoke(main, command)
    assert (again.exit_code, again.stdout) == (2, "")
    assert "fixed-lag.json: there is one already" in again.stderr
    assert CliRunner().invoke(main, [*command, "--force"]).exit_code == 0


def test_so_many_requests_are_not_drawn() -> None:
    many = ("--set", "traffic.arrival_rate_rps=1e9", "--estimator", "sampled")
    result = CliRunner().invoke(main, ["run", BASELINE, *many, "--workers", "1"])

    assert (result.exit_code, result.stdout) == (2, "")
    assert "arrival_rate_rps: expected at most 1e9 requests to draw" in result.stderr


def test_wrong_input_runs_nothing_and_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "results"
    result = CliRunner().invoke(main, ["run", BASELINE, str(tmp_path / "none.yaml"), "--out", str(out)])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert not out.exists()


def test_a_rollout_without_end_is_the_scenario_s_fault() -> None:
    never = "aws_api.buckets.elbv2_register={capacity: 1, refill_per_s: 1.0e-6}"
    result = CliRunner().invoke(main, ["run", BASELINE, "--set", never, "--workers", "1", "--replications", "1"])
    assert result.exit_code == 2
    assert "a rollout that is over within a day" in result.stderr


@pytest.mark.slow
def test_interrupted_it_prints_what_is_finished(tmp_path: Path) -> None:
    long = tmp_path / "long.yaml"
    shutil.copy(BASELINE, tmp_path)
    long.write_text("extends: baseline.yaml\nname: long\nreplications: 1000000\n")
    program = [sys.executable, "-c", "from sim.cli import main; main()"]
    out = tmp_path / "out"
    command = [
        *program,
        "run",
        FIXED_LAG,
        str(long),
        *("--format", "json", "--out", str(out), "--workers", "1", "--quiet"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not (out / "fixed-lag.json").exists():
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate()
    assert process.returncode == 130
    assert stderr == b"interrupted\n"
    assert [summary["scenario"] for summary in json.loads(stdout)] == ["fixed-lag"]

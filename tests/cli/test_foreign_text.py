"""Text that is not ours: a terminal, a spreadsheet and a page show it, and do nothing that it says."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli import main
from sim.experiment.journal import journal_path

SCENARIO = str(Path("scenarios/fixed-lag.yaml").resolve())
ONCE = ("--replications", "1", "--workers", "1", "--quiet")
ESCAPES = "\x1b[31mX\x1b]0;t\a"


@pytest.mark.parametrize(
    "arguments",
    [
        (ESCAPES,),
        ("run", f"{ESCAPES}.yaml"),
        ("run", SCENARIO, f"--{ESCAPES}"),
        ("run", SCENARIO, "--set", f"{ESCAPES}=1"),
        ("run", SCENARIO, "--set", f"name={ESCAPES}"),
        ("run", SCENARIO, "--set", f"pod.on_sigterm='{ESCAPES}'"),
        ("run", SCENARIO, "--format", ESCAPES),
        ("sweep", SCENARIO, "--vary", f"{ESCAPES}=1", "--out", "x.csv"),
        ("sweep", SCENARIO, "--vary", "seed=1", "--out", f"{ESCAPES}/x.csv"),
        ("plot", SCENARIO, "--lag", "-o", f"{ESCAPES}.foo"),
        ("plot", SCENARIO, "--lag", "-o", f"{ESCAPES}/x.png"),
        ("backoff", "--retryer", ESCAPES),
    ],
)
def test_a_message_holds_no_escape(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.replace("\n", "").isprintable()
    assert r"\x1b" in result.stderr


@pytest.mark.parametrize("text", ['name: "\\UFFFFFFFF"', '"\\U00110000": 1', '- ["\\U7FFFFFFF"]'])
def test_an_escape_beyond_unicode_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)

    result = CliRunner().invoke(main, ["check", str(path)])

    assert (result.exit_code, result.stdout) == (2, "")
    assert "an escape that stands for no character" in result.stderr


@pytest.mark.parametrize("longest", [5000, 100_000])
def test_a_message_is_short(tmp_path: Path, longest: int) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"extends: {'a' * longest}\n")

    assert len(CliRunner().invoke(main, ["check", str(path)]).stderr) < 500


@pytest.mark.parametrize("name", ["\x9b31m", "a\u202eb", "a\x7f"])
def test_a_name_that_a_terminal_would_obey_is_refused(name: str) -> None:
    assert CliRunner().invoke(main, ["check", SCENARIO, "--set", f'name="{name}"']).exit_code == 2


@pytest.mark.parametrize("form", ["table", "markdown", "csv"])
def test_a_name_is_no_markup(form: str) -> None:
    result = CliRunner().invoke(main, ["run", SCENARIO, *ONCE, "--set", 'name="a[-x]:smile:[red]"', "--format", form])

    assert result.exit_code == 0
    assert ":smile:" in result.stdout


def test_a_name_is_no_formula_in_csv() -> None:
    result = CliRunner().invoke(main, ["run", SCENARIO, *ONCE, "--set", 'name="=1+1"', "--format", "csv"])

    assert next(csv.DictReader(io.StringIO(result.stdout)))["scenario"] == "'=1+1"


def test_a_name_is_no_tag_in_markdown() -> None:
    changed = ("--set", 'name="<svg onload=x>|"', "--format", "markdown")
    result = CliRunner().invoke(main, ["run", SCENARIO, *ONCE, *changed])

    assert r"| \<svg onload=x\>\| |" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("recommend", SCENARIO, "--workers", "1:2:1e-9"),
        ("recommend", SCENARIO, "--workers", "1000000"),
        ("recommend", SCENARIO, "--target-502", "nan"),
        ("recommend", SCENARIO, "--target-502", "inf"),
        ("recommend", SCENARIO, "--confidence", "nan"),
        ("recommend", SCENARIO, "--confidence", "2"),
        ("sweep", SCENARIO, "--vary", "seed=1", "--out", "x.csv", "--until-ci", "nan"),
        ("sweep", SCENARIO, "--vary", "seed=1:100000:1", "--vary", "replications=1", "--out", "x.csv"),
        ("sweep", SCENARIO, "--vary", "seed=1:90000:1", "--vary", "pod.concurrency=1,2", "--out", "x.csv"),
        ("explain", SCENARIO, "--replication", "-1"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_simulated(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sim.experiment.replication.simulate", None)
    result = CliRunner().invoke(main, arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (signal.SIGTERM, 143, "terminated\n"),
        pytest.param(signal.SIGHUP, 129, "hung up\n", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, 130, "interrupted\n", marks=pytest.mark.slow),
    ],
)
def test_a_signal_to_all_ends_a_sweep_and_keeps_what_is_finished(
    tmp_path: Path, number: int, status: int, said: str
) -> None:
    out = tmp_path / "r.csv"
    sweep = ("sweep", SCENARIO, "--vary", "seed=1:9:1", "--replications", "999", "--workers", "2", "--quiet")
    command = [sys.executable, "-c", "from sim.cli import main; main()", *sweep, "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        while not journal_path(out).exists() or b"\n" not in journal_path(out).read_bytes():
            time.sleep(0.02)
        os.killpg(process.pid, number)
        _, told = process.communicate()  # ends when the last worker has let go of stderr

    assert (process.returncode, told) == (status, said)
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv.partial"]

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from sim.cli import main

DATA = Path("tests/records/data")


def observe(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["observe", *arguments])


def test_json_as_the_interface_has_it() -> None:
    result = observe(str(DATA), "--format", "json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["lines"] == {
        "read": 13,
        "not_read": 0,
        "not_forwarded": 2,
        "client_aborts": 1,
        "lambda_errors": 1,
        "other": 0,
    }
    assert (found["requests"], found["nodes"]) == (9, 1)
    assert sum(found["outcomes"].values()) == 9
    assert (found["outcomes"]["reset"], found["outcomes"]["host_unreachable"]) == (1, 1)
    assert (found["api"]["calls"], found["api"]["throttled"]) == (4, 1)
    rollout = found["rollouts"][-1]
    assert (rollout["from"], rollout["targets"]) == ("2026-08-17T10:01:58.0Z", 2)
    assert rollout["lag_s"]["max"] == pytest.approx(13.601)


def test_the_table_says_it_in_words() -> None:
    shown = observe(str(DATA)).stdout
    assert "9 requests to pods over 1 ALB node" in shown
    assert "one line of an access log does not tell which" in " ".join(shown.split())
    assert "cluster-b-lbc" in shown


def test_csv_has_a_row_for_each_rollout() -> None:
    lines = observe(str(DATA), "--format", "csv", "--from", "2026-08-17").stdout.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("2026-08-17T10:01:58.0Z,")


def test_the_parquet_file_has_no_personal_data(tmp_path: Path) -> None:
    path = tmp_path / "observed.parquet"
    assert observe(str(DATA), "-o", str(path)).exit_code == 0
    frame = pd.read_parquet(path)
    assert len(frame) == 13
    assert frame["rollout"].dropna().tolist() == [1, 1, 1]  # two 502s, and a WebSocket that was open meanwhile
    content = path.read_bytes() + frame.to_csv().encode()
    for client in (b"192.0.2.", b"2001:db8", b"curl", b"example.com"):
        assert client not in content


def test_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "rollout.svg"
    assert observe(str(DATA), "--gantt", str(path)).exit_code == 0
    assert "10.0.1.72:8080" in path.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-file"], "does not exist"),
        (["scenarios"], "record that can be read"),
        ([str(DATA), "--from", "yesterday"], "expected a moment such as"),
        ([str(DATA), "-o", "observed.csv"], "must end in .parquet"),
        ([str(DATA), "--gantt", "rollout.txt"], "must end in .png"),
        ([str(DATA / "controller-v2-epoch.log"), "-o", "x.parquet"], "no access log"),
    ],
)
def test_wrong_input_is_refused(arguments: list[str], said: str) -> None:
    result = observe(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr

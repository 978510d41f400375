"""What `--set` says is in force before a file is judged, in every command that takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from sim.cli import main

if TYPE_CHECKING:
    from pathlib import Path

REST = """name: {name}
deployment: {{replicas: 2}}
controller: {{version: fixed_lag, deregistration_lag_s: 5}}
replications: 2
"""
INCOMPLETE, INVALID = REST.format(name="a"), REST.format(name="b") + "traffic: {arrival_rate_rps: -5}\n"
COMMANDS = (
    ["check"],
    ["run", "--workers", "1"],
    ["explain"],
    ["recommend", "--workers", "1", "--at-most", "2"],
    ["sweep", "--workers", "1", "--vary", "pod.pre_stop_sleep_s=0,10", "--out", "swept.csv"],
    ["plot", "--workers", "1", "--lag", "-o", "lag.svg"],
    ["report", "--workers", "1", "-o", "page.html"],
    ["compare", "--workers", "1"],
)


@pytest.mark.parametrize(
    "command", [pytest.param(c, id=c[0], marks=() if c[0] in ("check", "run") else pytest.mark.slow) for c in COMMANDS]
)
@pytest.mark.parametrize("text", [INCOMPLETE, INVALID], ids=["incomplete", "invalid"])
def test_set_repairs_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], text: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(text)
    name, *options = command
    files = ["mine.yaml"] * (2 if name == "compare" else 1)
    given = [name, *files, *options]

    refused = CliRunner().invoke(main, given)
    assert refused.exit_code == 2
    assert "mine.yaml:" in refused.stderr
    repaired = CliRunner().invoke(main, [*given, "--set", "traffic.arrival_rate_rps=5"])
    assert repaired.exit_code == 0, repaired.stderr


def test_a_wrong_change_is_shown_and_not_the_file_s_value(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(INVALID)
    result = CliRunner().invoke(main, ["check", str(tmp_path / "mine.yaml"), "--set", "traffic.arrival_rate_rps=-7"])

    assert result.exit_code == 2
    assert "the command line: traffic.arrival_rate_rps: expected a number above 0 to 1e9 (got -7)" in result.stderr
    assert "-5" not in result.stderr

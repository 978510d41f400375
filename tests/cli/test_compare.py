from __future__ import annotations

import json
import shutil
from pathlib import Path

from click.testing import CliRunner

from sim.cli import main

SCENARIO = str(Path("scenarios/fixed-lag.yaml").resolve())


def test_it_compares_two_scenarios(tmp_path: Path) -> None:
    shutil.copy(SCENARIO, tmp_path)
    other = tmp_path / "other.yaml"
    other.write_text("extends: fixed-lag.yaml\nname: with-a-sleep\npod: {pre_stop_sleep_s: 20}\n", encoding="utf-8")
    arguments = ["compare", SCENARIO, str(other), "--replications", "3", "--workers", "1", "--format", "json"]
    result = CliRunner().invoke(main, arguments)

    assert result.exit_code == 0
    told = {figure["figure"]: figure for figure in json.loads(result.stdout)["figures"]}
    assert told["responses.502"]["b"] == 0
    assert told["responses.502"]["verdict"] == "real"
    assert told["rollout_s"]["verdict"] == "none"


def test_one_scenario_is_no_pair() -> None:
    result = CliRunner().invoke(main, ["compare", SCENARIO])

    assert result.exit_code == 2
    assert "expected two scenarios (got 1)" in result.stderr

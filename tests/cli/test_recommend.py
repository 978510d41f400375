from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli import main

SCENARIO = str(Path("scenarios/fixed-lag.yaml").resolve())


def test_it_recommends() -> None:
    arguments = [
        "recommend",
        SCENARIO,
        "--replications",
        "3",
        "--workers",
        "1",
        "--target-502",
        "1",
        "--confidence",
        "0.95",
    ]
    result = CliRunner().invoke(main, [*arguments, "--format", "json"])

    assert result.exit_code == 0
    assert json.loads(result.stdout)["set"]["pod.pre_stop_sleep_s"] == pytest.approx(10, abs=1)


@pytest.mark.parametrize("option", [["--target-502", "0"], ["--confidence", "1.5"], ["--confidence", "0"]])
def test_a_goal_that_cannot_be_is_refused(option: list[str]) -> None:
    assert CliRunner().invoke(main, ["recommend", SCENARIO, *option]).exit_code == 2

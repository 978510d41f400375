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
        "--at-most",
        "3",
        "--workers",
        "1",
        "--target-502",
        "1",
        "--confidence",
        "0.95",
    ]
    result = CliRunner().invoke(main, [*arguments, "--format", "json"])

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["set"]["pod.pre_stop_sleep_s"] == pytest.approx(10, abs=1)


@pytest.mark.parametrize(
    "option", [["--target-502", "-1"], ["--at-most", "0"], ["--confidence", "1.5"], ["--confidence", "0"]]
)
def test_a_goal_that_cannot_be_is_refused(option: list[str]) -> None:
    assert CliRunner().invoke(main, ["recommend", SCENARIO, *option]).exit_code == 2


@pytest.mark.slow
def test_none_is_a_target_and_the_curve_a_picture(tmp_path: Path) -> None:
    options = ["--replications", "3", "--at-most", "3", "--workers", "1", "--target-502", "0", "--quiet"]
    picture = tmp_path / "curve.png"
    result = CliRunner().invoke(main, ["recommend", SCENARIO, *options, "-o", str(picture)])

    assert result.exit_code == 0, result.output
    assert "no failed request in 95 % of rollouts" in result.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_an_unknown_kind_is_refused_before_anything_is_simulated(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["recommend", SCENARIO, "-o", str(tmp_path / "curve.txt")])

    assert result.exit_code == 2
    assert ".png, .svg, .pdf" in result.output


@pytest.mark.slow
def test_a_switch_is_told_for_how_long_to_keep_the_old_side(tmp_path: Path) -> None:
    picture = tmp_path / "keep.svg"
    options = ["--set", "disruption=cluster_switch", "--replications", "2", "--workers", "1", "--target-502", "1000"]
    result = CliRunner().invoke(main, ["recommend", SCENARIO, *options, "--format", "json", "-o", str(picture)])

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["set"]["cluster_switch.old_pods_removed_at_s"] == found["keep_s"]
    assert found["recommended"]["no answer"] < 1000 < found["now"]["no answer"] + found["now"]["503"]
    assert "<svg" in picture.read_text(encoding="utf-8")


def test_no_sleep_is_sought_for_a_switch() -> None:
    result = CliRunner().invoke(main, ["recommend", SCENARIO, "--for", "rollout,cluster_switch"])

    assert result.exit_code == 2
    assert "ask without --for" in result.output

import json
import sys

import pytest
from click.testing import CliRunner

from sim.cli import main

SCENARIO = """
name: sums
replications: 1
traffic: {arrival_rate_rps: 50}
deployment: {replicas: 2}
controller: {version: fixed_lag, deregistration_lag_s: 5}
target_group: {propagation_s: 8}
pod: {on_sigterm: drain}
"""
RANGES = ("--vary", "controller.deregistration_lag_s=0:10", "--vary", "target_group.propagation_s=0:20")


def albsim(tmp_path, *arguments: object) -> tuple[int, str, str]:
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    given = ["sensitivity", tmp_path / "scenario.yaml", "--quiet", "--workers", 1, "--points", 16, *arguments]
    result = CliRunner().invoke(main, [str(argument) for argument in given])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.slow
def test_it_says_what_to_measure_first_and_how_and_draws_it(tmp_path) -> None:
    status, out, _ = albsim(tmp_path, *RANGES, "-o", tmp_path / "tornado.svg")
    assert status == 0
    said = " ".join(out.split())
    assert "Measure target_group.propagation_s first: from 0 to 20 it takes the answer from 5" in said
    assert "`albsim calibrate`" in said
    assert "<svg" in (tmp_path / "tornado.svg").read_text()


@pytest.mark.slow
def test_it_says_so_in_words_and_picture_where_nothing_matters(tmp_path) -> None:
    long = ("--set", "pod.pre_stop_sleep_s=60", "--set", "pod.termination_grace_period_s=90")
    status, out, _ = albsim(tmp_path, *RANGES, *long, "--of", "responses.502", "-o", tmp_path / "tornado.svg")
    assert status == 0
    assert "502s per rollout are 0. None of these unknowns changes that." in out
    drawn = (tmp_path / "tornado.svg").read_text()
    for words in ("None of these unknowns changes the answer", "no effect from 0 to 20", "no effect from 0 to 10"):
        assert f"<!-- {words} -->" in drawn


@pytest.mark.slow
def test_it_announces_how_long_it_takes_once_the_first_answers_are_timed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sys.modules["sim.cli.sensitivity"], "WORTH_SAYING_S", 0.0)
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    given = ["sensitivity", str(tmp_path / "scenario.yaml"), "--workers", "1", *RANGES]
    # 5 alone, and 16 points at 4 places each.
    said = CliRunner().invoke(main, [*given, "--points", "16"]).stderr
    assert "sums: 69 places with 1 simulation at each take some" in said
    assert "too few" not in said
    # 5 alone, and from 64 to 256 points.
    said = CliRunner().invoke(main, given).stderr
    assert "sums: 261 places" in said
    assert "If they are too few, up to 1,029 places" in said


@pytest.mark.slow
def test_it_says_when_points_are_too_few_to_rank(tmp_path) -> None:
    alike = ("--vary", "controller.deregistration_lag_s=0:10", "--vary", "target_group.propagation_s=0:10")
    status, out, _ = albsim(tmp_path, *alike)
    said = " ".join(out.split())
    assert status == 0
    assert "16 points are too few to say which unknown decides that" in said
    assert "may each come first" in said
    assert "Measure" not in said


@pytest.mark.slow
def test_json_has_every_unknown(tmp_path) -> None:
    _, out, _ = albsim(tmp_path, *RANGES, "--format", "json")
    found = json.loads(out)
    assert [one["key"] for one in found["unknowns"]] == [
        "target_group.propagation_s",
        "controller.deregistration_lag_s",
    ]
    for one in found["unknowns"]:
        for name in ("first_order", "total"):
            low, high = one[f"{name}_ci95"]
            assert 0 <= low < one[name] < high <= 1


def test_a_range_that_is_none_is_refused(tmp_path) -> None:
    for wrong in ("pod.startup_s", "pod.startup_s=1", "pod.startup_s=5:1"):
        status, out, said = albsim(tmp_path, "--vary", wrong)
        assert (status, out) == (2, "")
        assert wrong in said


def test_a_key_that_no_scenario_has_is_refused(tmp_path) -> None:
    status, out, said = albsim(tmp_path, "--vary", "pod.start=1:2")
    assert (status, out) == (2, "")
    assert "pod.start" in said


def test_no_sleep_is_asked_of_a_switch() -> None:
    result = CliRunner().invoke(main, ["sensitivity", "scenarios/fixed-lag.yaml", "--set", "disruption=cluster_switch"])
    assert result.exit_code == 2
    assert "ask --of failed" in result.output


@pytest.mark.slow
def test_a_key_of_whole_numbers_is_varied_in_whole_numbers(tmp_path) -> None:
    ranges = ("--vary", "deployment.replicas=2:5", "--vary", "target_group.propagation_s=5:20")
    status, out, said = albsim(tmp_path, *ranges, "--of", "responses.502")
    assert (status, said) == (0, "")
    assert "deployment.replicas" in out

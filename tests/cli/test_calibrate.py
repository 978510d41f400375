import json

import pytest
import yaml
from albsim_tests.records import line, log_name
from click.testing import CliRunner

from sim.cli import main
from sim.scenario.loading import load_scenario

SCENARIO = """
name: mine
replications: 1
traffic: {arrival_rate_rps: 20}
deployment: {replicas: 6}
pod: {pre_stop_sleep_s: 60, termination_grace_period_s: 90}
controller: {version: v2.8.0}
"""


def albsim(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def records(tmp_path_factory):  # noqa: ANN201
    directory = tmp_path_factory.mktemp("calibrate")
    (directory / "scenario.yaml").write_text(SCENARIO)
    written = directory / "records"
    status, _, _ = albsim("run", directory / "scenario.yaml", "--write-records", written, "--workers", 1, "--quiet")
    assert status == 0
    return written


@pytest.mark.slow
def test_a_scenario_can_extend_what_was_measured(records, tmp_path) -> None:
    status, out, said = albsim(
        "calibrate", records, "-o", tmp_path / "measured.yaml", "--picture", tmp_path / "law.svg"
    )
    assert (status, out) == (0, "")
    assert "values measured" in said
    assert "<svg" in (tmp_path / "law.svg").read_text()
    (tmp_path / "mine.yaml").write_text("extends: measured.yaml\nname: mine\ndeployment: {replicas: 6}\n")
    scenario = load_scenario(tmp_path / "mine.yaml")
    assert scenario.traffic.arrival_rate_rps == pytest.approx(20, rel=0.1)
    assert scenario.target_group.alb_nodes == 2
    assert scenario.controller.version == "v2.8.0"


def test_each_value_says_where_it_is_from_and_what_is_missing_is_listed(records) -> None:
    _, out, _ = albsim("calibrate", records)
    assert yaml.safe_load(out)["target_group"]["propagation_s"]["dist"] in {"lognormal", "gamma"}
    before = out.split("  propagation_s:")[0]
    assert "95 % interval: median" in before
    assert "n = 12" in before
    assert max(map(len, out.splitlines())) <= 115
    assert "# Not measured:" in out
    assert "aws_api.other_clusters" in out.split("# Not measured:")[1]


@pytest.mark.slow
def test_what_is_told_beside_can_be_taken_by_deleting_the_signs_of_comments(records) -> None:
    _, out, _ = albsim("calibrate", records)
    lines = out.split("# controller.deregistration_lag_s:")[1].split("\n\n")[0].splitlines()
    lag = yaml.safe_load("\n".join(["lag:", *(line.removeprefix("# ") for line in lines[1:])]))["lag"]
    assert lag["dist"] == "empirical"
    assert len(lag["values"]) == 6


def test_json_has_the_form_of_the_interface(records) -> None:
    _, out, _ = albsim("calibrate", records, "--format", "json")
    found = json.loads(out)
    propagation = found["measured"]["target_group.propagation_s"]
    assert set(propagation) >= {"value", "ci95", "n", "source"}
    assert len(propagation["ci95"]["median"]) == 2
    assert len(found["measured"]["traffic.arrival_rate_rps"]["ci95"]) == 2
    assert isinstance(found["not_measured"]["aws_api.other_clusters"], str)


def test_the_trail_alone_measures_less_and_says_so(records) -> None:
    _, out, _ = albsim("calibrate", records / "AWSLogs" / "111122223333" / "CloudTrail", "--format", "json")
    found = json.loads(out)
    assert found["measured"]["controller.version"]["value"] == "v2.8.0"
    assert found["not_measured"]["target_group.propagation_s"] == "no ALB access log"
    assert found["not_measured"]["pod.startup_s"] == "no audit log, events or pod list"


def test_nothing_to_measure_is_refused(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("nothing of that kind\n")
    status, out, said = albsim("calibrate", tmp_path, "-o", tmp_path / "measured.yaml")
    assert (status, out) == (2, "")
    assert said.startswith("Error: ")
    assert not (tmp_path / "measured.yaml").exists()


def test_a_picture_must_be_one(records, tmp_path) -> None:
    status, _, said = albsim("calibrate", records, "--picture", tmp_path / "law.txt")
    assert status == 2
    assert ".png" in said


def test_a_picture_of_nothing_is_said(tmp_path) -> None:
    (tmp_path / log_name()).write_text("".join(f"{line(second)}\n" for second in range(10)))
    status, out, said = albsim("calibrate", tmp_path, "--picture", tmp_path / "law.png")
    assert status == 0
    assert "arrival_rate_rps" in out
    assert "law.png: not drawn, as the propagation is not measured: no successful" in said
    assert not (tmp_path / "law.png").exists()

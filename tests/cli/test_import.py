"""`albsim import`, and manifests where other commands take a scenario."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from sim.cli import main
from sim.scenario.loading import load_scenario

if TYPE_CHECKING:
    from click.testing import Result

EXAMPLES = Path("tests/manifests/examples")
GROUP = str(EXAMPLES / "ingress-group-two-deployments.yaml")
CLUSTER = str(EXAMPLES / "live-list-whole-cluster.yaml")
ONE = str(EXAMPLES / "kustomize-haproxy-first.yaml")


def run(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, [*words], input=stdin)


def test_a_scenario_goes_to_stdout_and_what_is_to_be_known_to_stderr() -> None:
    result = run("import", ONE, "--rps", "50")
    assert result.exit_code == 0
    scenario = yaml.safe_load(result.stdout)
    assert scenario["traffic"]["arrival_rate_rps"] == 50
    assert f"replicas: 12  # {ONE}:25 deployment/api/prod-dates-api spec.replicas" in result.stdout
    assert "[controller-assumed]" in result.stderr
    assert "[rps-assumed]" not in result.stderr


def test_the_traffic_is_said_to_be_missing_in_one_place() -> None:
    result = run("import", ONE)
    assert "arrival_rate_rps: 100  # ASSUMED (no manifest says it" in result.stdout
    assert "[rps-assumed]" in result.stderr


def test_what_is_written_loads(tmp_path: Path) -> None:
    out = tmp_path / "scenario.yaml"
    assert run("import", ONE, "--rps", "50", "-o", str(out)).exit_code == 0
    assert load_scenario(out).deployment.replicas == 12


def test_json_has_scenario_origins_and_warnings() -> None:
    found = json.loads(run("import", CLUSTER, "--format", "json").stdout)
    assert found.keys() == {"workloads", "ignored", "warnings"}
    assert found["ignored"] == {"ExternalSecret": 1}
    checkout = found["workloads"]["deployment/shop/checkout"]
    assert checkout["scenario"]["pod"]["pre_stop_sleep_s"] == 15
    origin = checkout["origins"]["pod.pre_stop_sleep_s"]
    assert (origin["source"], origin["line"], origin["grade"]) == (CLUSTER, 47, "read")
    assert origin["field"] == "spec.template.spec.containers[0].lifecycle.preStop.exec"
    assert {"id", "key", "text"} <= checkout["warnings"][0].keys()


@pytest.mark.parametrize("select", ["checkout", "shop/checkout", "deployment/checkout", "Deployment/shop/checkout"])
def test_one_workload_of_several(select: str) -> None:
    assert yaml.safe_load(run("import", CLUSTER, "--select", select).stdout)["name"] == "checkout"


def test_what_the_user_says_beats_a_guess() -> None:
    result = run("import", ONE, "--server", "gunicorn", "--controller-version", "2.9.1", "--set", "seed=7")
    scenario = yaml.safe_load(result.stdout)
    assert scenario["seed"] == 7
    assert scenario["controller"]["version"] == "v2.9.1"
    assert "--server gunicorn" in result.stdout
    assert yaml.safe_load(run("import", ONE, "--on-sigterm", "ignore").stdout)["pod"]["on_sigterm"] == "ignore"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import", CLUSTER, "--select", "nobody"), "--select: expected one of deployment/shop/checkout"),
        (("import", ONE, "--server", "ngnix"), "did you mean 'nginx'?"),
        (("import", ONE, "--controller-version", "newest"), "--controller-version: expected a release"),
        (("import", "no-such-file.yaml"), "No such file"),
        (("import", str(EXAMPLES / "broken-indentation.yaml")), "broken-indentation.yaml:22: not valid YAML"),
        (("import", str(EXAMPLES / "controller-values.yaml")), "expected a workload behind an ALB"),
        (("import", ONE, "--set", "pod.pre_stop_sleep=3"), "did you mean 'pod.pre_stop_sleep_s'?"),
        (("explain", CLUSTER), "one scenario, not 2"),
        (("run", "scenarios/baseline.yaml", "--rps", "3"), "--rps: for manifests"),
        (("recommend", "scenarios/baseline.yaml", "--patch"), "a patch is for manifests"),
    ],
)
def test_what_is_wrong_exits_with_2(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    result = run(*words, *(("-o", str(tmp_path / "x.yaml")) if words[0] == "import" else ()))
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert not list(tmp_path.iterdir())


def test_standard_input_holds_manifests_or_a_scenario() -> None:
    manifests = Path(ONE).read_text()
    scenario = run("import", "-", "--rps", "50", stdin=manifests).stdout
    checked = run("check", "-", stdin=scenario)
    assert checked.exit_code == 0
    assert checked.stdout.startswith("prod-dates-api: valid")
    assert "-:40 deployment/api/prod-dates-api" in run("check", "-", stdin=manifests).stdout


def test_check_says_of_no_key_that_the_import_alone_wrote_that_it_has_no_effect() -> None:
    nodes = str(EXAMPLES / "v1-controller-node-port.yaml")
    said = run("check", nodes).stdout
    assert "target_group.target_type: externalTrafficPolicy" in said
    assert "controller.listeners: has no effect" not in said


def test_check_names_the_line_and_the_field() -> None:
    lines = run("check", GROUP, "--select", "admin").stdout.splitlines()
    place = lines.index(f"    {GROUP}:59 deployment/default/admin spec.strategy.type")
    said = next(line for line in reversed(lines[:place]) if line.startswith("  warning: "))
    assert said.startswith("  warning: deployment.max_unavailable: Recreate")


@pytest.mark.slow
def test_run_takes_manifests_and_scenarios_together() -> None:
    result = run("run", "scenarios/baseline.yaml", ONE, "--rps", "5", "--replications", "1", "--format", "json")
    names = [one["scenario"] for one in json.loads(result.stdout)]
    assert sorted(names) == sorted(["prod-dates-api", load_scenario("scenarios/baseline.yaml").name])


@pytest.mark.slow
def test_recommend_prints_a_patch() -> None:
    words = (
        "--select",
        "bench-deployment",
        "--rps",
        "5",
        "--replications",
        "4",
        "--workers",
        "1",
        "--patch",
        "--quiet",
    )
    result = run("recommend", GROUP, *words)
    assert result.exit_code == 0
    (container,) = yaml.safe_load(result.stdout)["spec"]["template"]["spec"]["containers"]
    assert container["name"] == "bench"
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] > 5
    assert "# kubectl patch deployment bench-deployment -n default --patch-file patch.yaml\n" in result.stdout

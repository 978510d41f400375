"""More pods than a simulation is known to end with are refused; many are announced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from sim.cli import main
from sim.control_plane.world import run_control_plane
from sim.scenario.advice import advise
from sim.scenario.cost import replication_at_most_s, require_affordable
from sim.scenario.problems import ScenarioError
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.scenario.specs import Scenario

BASELINE = str(Path("scenarios/baseline.yaml").resolve())


def test_the_cost_is_that_of_the_measurements(make_scenario: Callable[..., Scenario]) -> None:
    """4 s for 10,000 pods, and a quarter of it for a quarter of them."""
    assert replication_at_most_s(make_scenario(deployment__replicas=10_000)) == pytest.approx(4)
    assert replication_at_most_s(make_scenario(deployment__replicas=2500)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("deployment", "found"),
    [({"deployment__replicas": 150_000}, "150000"), ({"deployment__replicas": 50_001}, "50001")],
)
def test_too_many_pods_are_refused_at_once(
    make_scenario: Callable[..., Scenario], deployment: dict[str, int], found: str
) -> None:
    with pytest.raises(ScenarioError) as refused:
        run_control_plane(make_scenario(**deployment), Streams(1, 0))
    assert f"deployment.replicas: expected at most 50000 pods to simulate (got {found})" in str(refused.value)


def test_deployments_rolled_at_once_count_together(make_scenario: Callable[..., Scenario]) -> None:
    many = {"deployment__rolled_at_once": 501, "controller__ingresses": 501}
    with pytest.raises(ScenarioError, match="in all Deployments that are rolled at once"):
        require_affordable(make_scenario(deployment__replicas=100, **many))
    require_affordable(make_scenario(deployment__replicas=99, **many))


def test_the_most_pods_are_not_refused(make_scenario: Callable[..., Scenario]) -> None:
    require_affordable(make_scenario(deployment__replicas=50_000))


def test_check_warns_of_pods_that_are_not_simulated(make_scenario: Callable[..., Scenario]) -> None:
    said = dict(advise(make_scenario(deployment__replicas=150_000)))
    assert said["deployment.replicas"] == "150,000 pods are not simulated: at most 50,000 are"
    assert "deployment.replicas" not in dict(advise(make_scenario(deployment__replicas=50_000)))


def test_the_refusal_names_the_cost(make_scenario: Callable[..., Scenario]) -> None:
    """A hundred thousand take twice as long as fifty thousand."""
    with pytest.raises(ScenarioError, match="20 s for each replication; 100,000 would take some 40 s"):
        require_affordable(make_scenario(deployment__replicas=100_000))


SWEEP = ["sweep", BASELINE, "--vary", "deployment.replicas=1,2,50001,60000", "--out"]


def test_a_sweep_refuses_its_points_before_the_first_is_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.experiment.sweep.Rows", lambda *_, **__: pytest.fail("simulated"))
    result = CliRunner().invoke(main, [*SWEEP, str(tmp_path / "r.csv")])
    assert result.exit_code == 2
    for pods in (50001, 60000):
        assert f"deployment.replicas={pods}: deployment.replicas: expected at most 50000 pods" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["run", "compare"])
def test_the_second_scenario_is_refused_before_the_first_is_simulated(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for work in ("replication.ControlPlane", "compare.Rows"):
        monkeypatch.setattr(f"sim.experiment.{work}", lambda *_, **__: pytest.fail("simulated"))
    many = tmp_path / "many.yaml"
    many.write_text(f"extends: {BASELINE}\nname: many\ndeployment: {{replicas: 50001}}\n", encoding="utf-8")
    result = CliRunner().invoke(main, [command, BASELINE, str(many), "--root", "/", "--workers", "1"])
    assert result.exit_code == 2
    assert "(got 50001)" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "report", "recommend", "explain"])
def test_every_command_refuses_them(command: str, tmp_path: Path) -> None:
    out = ["-o", str(tmp_path / "report.html")] if command == "report" else []
    result = CliRunner().invoke(main, [command, BASELINE, "--set", "deployment.replicas=150000", *out])
    assert result.exit_code == 2
    assert "deployment.replicas: expected at most 50000 pods to simulate (got 150000)" in result.stderr


def test_many_pods_are_announced_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """3,600 pods take 4 · 0.36 = 1.44 s: fifty replications more than a minute, forty less."""

    def stop(*_: object) -> None:
        raise ScenarioError([])

    monkeypatch.setattr("sim.experiment.estimators.choose_estimator", stop)
    command = ["run", BASELINE, "--set", "deployment.replicas=3600", "--replications"]
    said = CliRunner().invoke(main, [*command, "50"]).stderr
    assert (
        "baseline: 3,600 pods take up to about 1.4 s of one core for each replication, of which there are 50\n" in said
    )
    assert "3,600 pods" not in CliRunner().invoke(main, [*command, "40"]).stderr
    assert "3,600 pods" not in CliRunner().invoke(main, [*command, "50", "--quiet"]).stderr


def test_a_sweep_announces_its_largest_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise ScenarioError([])

    monkeypatch.setattr("sim.experiment.sweep_file.sweep", stop)
    vary = ["--vary", "deployment.replicas=2,3600,10", "--replications", "50", "--out", str(tmp_path / "r.csv")]
    said = CliRunner().invoke(main, ["sweep", BASELINE, *vary]).stderr
    assert "deployment.replicas=3600: 3,600 pods take up to about 1.4 s of one core for each replication" in said


def test_drawing_very_many_requests_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million requests/s one by one take 0.26 s of CPU for a second: five rollouts of a minute 78 s."""

    def stop(*_: object) -> None:
        raise ScenarioError([])

    monkeypatch.setattr("sim.experiment.replications.executor_of", stop)
    many = ["--set", "traffic.arrival_rate_rps=1000000", "--set", "pod.concurrency=8", "--replications"]
    said = "baseline: drawing 1,000,000 requests/s takes about 0.26 s of one core for each second of a rollout\n"
    assert said in CliRunner().invoke(main, ["run", BASELINE, *many, "5"]).stderr
    assert "drawing" not in CliRunner().invoke(main, ["run", BASELINE, *many, "3"]).stderr
    assert "drawing" not in CliRunner().invoke(main, ["run", BASELINE, *many[:2], "--replications", "50"]).stderr


def test_check_says_how_long_very_many_steps_take(make_scenario: Callable[..., Scenario]) -> None:
    """200,000 s are 55.6 hours."""
    one_by_one = {"deployment__replicas": 10_000, "deployment__max_surge": 1, "deployment__max_unavailable": 0}
    slow = make_scenario(pod__startup_s=15, deployment__min_ready_s=5, **one_by_one)
    said = "1 of 10,000 pods at a time, each available after 20 s: the rollout takes 55.6 hours or more"
    assert dict(advise(slow))["deployment.max_surge"] == said
    at_once = slow.with_overrides({"deployment.max_surge": "25%"})
    assert "deployment.max_surge" not in dict(advise(at_once))
    drained = slow.with_overrides({"disruption": "node_drain"})
    assert "takes 55.6 hours" not in str(advise(drained))

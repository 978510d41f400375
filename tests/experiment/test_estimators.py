"""Both estimators on the scenarios that come with the program, and the way of `--estimator` to the figures.

Of a replication both see the same control plane, so that their difference is the requests' own: its mean over
replications must lie within its 99 % interval (Student). Fixed seeds.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from albsim_tests.executors import InOrder
from click.testing import CliRunner
from scipy import stats

from sim.cli import main
from sim.data_plane.expected import expect_requests
from sim.data_plane.outcomes import Outcome
from sim.data_plane.sampled import simulate_requests
from sim.experiment.compare import compare
from sim.experiment.estimators import choose_estimator
from sim.experiment.figures import ANY_502, EXPOSURE_S, OUTCOMES, RESPONSES, ROLLOUT_S
from sim.experiment.replication import simulate
from sim.experiment.replications import replicate
from sim.experiment.summary import summarise
from sim.experiment.sweep import sweep
from sim.scenario.loading import load_scenario
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario
from sim.streams import Streams

if TYPE_CHECKING:
    from pathlib import Path


REPLICATIONS = 8
RARE = 1.0
"""So few expected in all replications together that a mean's interval says nothing; then Poisson's own tail does."""


@pytest.mark.slow
def test_they_agree_on_every_scenario(scenario_paths) -> None:
    for path in scenario_paths:
        scenario = load_scenario(path).with_overrides({"seed": 5})
        if scenario.target_group.routing == "least_outstanding_requests" or scenario.pod.concurrency is not None:
            with pytest.raises(ScenarioError, match="has no expectation in closed form"):
                simulate(scenario, estimator="expected")
            continue
        sampled, expected = zip(*(_both(scenario, replication) for replication in range(REPLICATIONS)), strict=True)
        for outcome in Outcome:
            counts, means = (np.array(of)[:, outcome] for of in (sampled, expected))
            if means.sum() < RARE:
                assert stats.poisson.sf(counts.sum() - 1, means.sum()) > 0.01, (path.name, outcome.name)
            else:
                assert stats.ttest_rel(counts, means).pvalue > 0.01, (path.name, outcome.name)


def _both(scenario: Scenario, replication: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a replication's counts of outcomes, sampled and expected."""
    drawn = simulate(scenario, replication=replication)
    counted = expect_requests(
        drawn.timeline, traffic=scenario.traffic, pod=scenario.pod, target_group=scenario.target_group
    )
    return drawn.requests.counts, counted.counts


def test_expected_figures_and_the_requests_drawn_in_the_same_rollout() -> None:
    scenario = load_scenario("scenarios/fixed-lag.yaml")
    result = simulate(scenario, estimator="expected")
    figures = result.figures()
    assert figures[OUTCOMES[Outcome.CONNECT_REFUSED]] == pytest.approx(400)
    assert figures[OUTCOMES[Outcome.CLOSED_IN_FLIGHT]] == pytest.approx(2)
    assert figures[ANY_502] == pytest.approx(1)
    drawn = simulate(scenario, estimator="sampled")
    assert result.requests.counts.tolist() == drawn.requests.counts.tolist()
    assert result.requests.arrival_s.tolist() == drawn.requests.arrival_s.tolist()
    assert drawn.figures()[RESPONSES[502]] == drawn.requests.n_status(502) != figures[RESPONSES[502]]


def test_the_default_is_expected_where_all_scenarios_have_it() -> None:
    lag, hole = (load_scenario(f"scenarios/{name}.yaml") for name in ("fixed-lag", "black-hole"))
    assert choose_estimator([lag]) == "expected"
    assert choose_estimator([lag, hole]) == "sampled"
    assert choose_estimator([lag], "sampled") == "sampled"
    with pytest.raises(ScenarioError, match="the estimator 'sampled' can do it"):
        choose_estimator([lag, hole], "expected")
    few = {"replications": 2, "deployment.replicas": 2, "traffic.arrival_rate_rps": 5}
    lag, short = lag.with_overrides(few), hole.with_overrides(few)
    assert [simulate(scenario).estimator for scenario in (lag, short)] == ["expected", "sampled"]
    assert compare(lag, short, executor=InOrder()).estimator == "sampled"
    for scenario, estimator in ((lag, "expected"), (short, "sampled")):
        frame = sweep(scenario, {}, replications=1, executor=InOrder())
        assert frame.attrs["albsim"]["estimator"] == estimator


@pytest.mark.slow
def test_what_was_used_is_said(tmp_path: Path) -> None:
    few = ["--replications", "2", "--set", "traffic.arrival_rate_rps=5", "--set", "deployment.replicas=4"]
    few += ["--workers", "1"]
    lag, hole = "scenarios/fixed-lag.yaml", "scenarios/black-hole.yaml"

    def words(*arguments: str) -> str:
        done = CliRunner().invoke(main, [*arguments, *few])
        assert done.exit_code == 0, done.output
        return " ".join(done.output.split())

    expected = "Requests: expected values, given the control plane's acts (estimator: expected)"
    assert words("run", lag).endswith(f"{expected}.")
    assert words("run", hole, "--format", "markdown").endswith("Requests: every one drawn (estimator: sampled).")
    assert words("run", lag, hole).endswith(f"{expected}; every one drawn (sampled) for black-hole.")
    assert "Requests: every one drawn (estimator: sampled)." in words("compare", lag, hole)
    assert "2 replications. Requests: every one drawn (estimator: sampled)." in words(
        "sweep", hole, "--vary", "pod.pre_stop_sleep_s=0", "--out", str(tmp_path / "hole.csv")
    )


def test_the_control_plane_is_the_same_under_both() -> None:
    scenario = load_scenario("scenarios/baseline.yaml")
    one, other = (simulate(scenario, estimator=estimator).figures() for estimator in ("sampled", "expected"))
    assert one[ROLLOUT_S] == other[ROLLOUT_S]
    assert one[EXPOSURE_S].tolist() == other[EXPOSURE_S].tolist()


def test_any_502_is_a_mean_of_probabilities_with_an_interval_inside_zero_and_one() -> None:
    scenario = load_scenario("scenarios/fixed-lag.yaml").with_overrides(
        {"replications": 8, "controller.deregistration_lag_s": 0, "traffic.arrival_rate_rps": 2}
    )
    figures = list(replicate(scenario, estimator="expected"))
    summary = summarise(scenario, figures)
    # In flight at SIGTERM: four times a fifth of 2 requests a second times 0.05 s.
    assert summary[ANY_502].value == pytest.approx(1 - math.exp(-0.08))
    assert 0 <= summary[ANY_502].low <= summary[ANY_502].value <= summary[ANY_502].high <= 1
    assert summary.estimator == "expected"


def test_the_black_hole_has_several_times_the_502s_of_round_robin() -> None:
    scenario = load_scenario("scenarios/black-hole.yaml")
    other = scenario.with_overrides({"target_group.routing": "round_robin"})
    hole, fair = (
        sum(simulate(s, replication=k, estimator="sampled").figures()[RESPONSES[502]] for k in range(3))
        for s in (scenario, other)
    )
    assert hole > 4 * fair


def test_what_has_no_expectation_is_wrong_input() -> None:
    done = CliRunner().invoke(main, ["run", "scenarios/black-hole.yaml", "--estimator", "expected", "--quiet"])
    assert done.exit_code == 2
    assert "target_group.routing: 'least_outstanding_requests' has no expectation in closed form" in done.stderr


def test_the_command_takes_the_estimator() -> None:
    arguments = ["run", "scenarios/fixed-lag.yaml", "--replications", "2", "--workers", "1", "--quiet"]
    done = CliRunner().invoke(main, [*arguments, "--estimator", "expected", "--format", "json"])
    assert done.exit_code == 0
    (printed,) = json.loads(done.stdout)
    assert printed["estimator"] == "expected"
    assert printed["outcomes"]["connect_refused"]["mean"] == pytest.approx(400)


KINDS: dict[str, dict[str, object]] = {
    "node_drain": {"node_drain": {"nodes": 2, "pods_per_node": 3}},
    "node_termination": {"node_termination": {"nodes": 2, "pods_per_node": 3}},
    "scale_in": {"scale_in": {"to_replicas": 5, "unready": 1}},
    "scale_out": {"scale_out": {"counted_until_s": 120}, "target_group": {"slow_start_s": 30, "idle_timeout_s": 2}},
    "blue_green": {"blue_green": {"scale_down_delay_s": 2}},
    "canary": {"canary": {"scale_down_delay_s": 0, "steps": [{"weight": 40, "pause_s": 5}]}},
    "canary, aborted": {
        "canary": {"steps": [{"weight": 40, "pause_s": 5}], "abort_after_step": 1, "abort_scale_down_delay_s": 1}
    },
    "canary, on the way back": {
        "canary": {"steps": [{"weight": 60, "pause_s": 5}], "abort_after_step": 1, "dynamic_stable_scale": True}
    },
    "scale_out, cold pods": {
        "scale_out": {"counted_until_s": 90},
        "pod": {"cold_factor": 4, "warm_up_s": 20},
        "target_group": {"idle_timeout_s": 2},
    },
    "scale_out, worker nodes": {
        "scale_out": {"counted_until_s": 60},
        "target_group": {"target_type": "instance", "instances": 3, "idle_timeout_s": 2},
    },
    "cluster_switch": {
        "cluster_switch": {"old_pods_removed_at_s": 30, "old_alb_deleted_at_s": 60, "counted_until_s": 90}
    },
    "crash": {"crash": {"pods": 2, "restart_s": 30}},
    "liveness_failure": {"liveness_failure": {"pods": 2}},
    "node_lost": {"node_lost": {"pods": 2, "toleration_s": 10}},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_they_agree_on_every_kind_of_disruption(kind: str) -> None:
    """In one rollout of each kind, over 60 draws of its requests: each outcome's mean and that of the sum, at 0.1 %."""
    scenario = Scenario.model_validate(
        {
            "name": kind,
            "traffic": {"arrival_rate_rps": 60, "service_time_s": {"dist": "lognormal", "median": 0.3, "sigma": 1.2}},
            "deployment": {"replicas": 8},
            "pod": {"pre_stop_sleep_s": 3, "termination_grace_period_s": 8, "on_sigterm": "drain"},
            "controller": {
                "version": "fixed_lag",
                "deregistration_lag_s": {"dist": "uniform", "low": 0, "high": 10},
                "registration_lag_s": 1,
            },
            "disruption": kind.partition(",")[0],
            **KINDS[kind],
        }
    )
    whole = simulate(scenario, estimator="expected")
    specs = {"traffic": scenario.traffic, "pod": scenario.pod, "target_group": scenario.target_group}
    draws = np.array([simulate_requests(whole.timeline, streams=Streams(11, k), **specs).counts for k in range(60)])
    expected = expect_requests(whole.timeline, **specs).counts
    failed = [outcome for outcome in Outcome if outcome is not Outcome.OK and expected[outcome] > RARE]
    assert failed
    spread = np.random.default_rng(3).uniform(-0.5, 0.5, len(draws))
    assert stats.ttest_1samp(draws.sum(axis=1) + spread, expected.sum()).pvalue > 0.001
    for outcome in failed:
        assert stats.ttest_1samp(draws[:, outcome] + spread, expected[outcome]).pvalue > 0.001, outcome.name
